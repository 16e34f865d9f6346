// A real softphone: baresip with files instead of sound devices, driven through its control port.

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause, until } from './server.mjs';

let nextControl = 20_400 + (process.pid % 200) * 10;

const settings = ({ folder, source, control, codec, address, port, authority, encryption }) => `
poll_method epoll
sip_listen ${address.includes(':') ? `[${address}]` : address}:${port}
${authority ? `sip_cafile ${authority}` : ''}
call_local_timeout 60
call_max_calls 4
audio_source aufile,${source}
audio_player aubridge,sink
audio_alert aufile,${source}
ausrc_srate ${codec.rate}
auplay_srate ${codec.rate}
ausrc_channels 1
auplay_channels 1
audio_level no
ctrl_tcp_listen 127.0.0.1:${control}
module_path /usr/lib/baresip/modules
module ${codec.module}
module aufile.so
module aubridge.so
module sndfile.so
${encryption ? `module ${encryption.module}` : ''}
snd_path ${folder}
net_interface ${address}
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
rtp_ports 40000-41999
rtp_timeout 60
`;

export const codecs = {
  PCMU: { name: 'PCMU', module: 'g711.so', rate: 8000 },
  PCMA: { name: 'PCMA', module: 'g711.so', rate: 8000 },
  G722: { name: 'G722', module: 'g722.so', rate: 16000 },
  opus: { name: 'opus/48000/2', module: 'opus.so', rate: 48000 },
};

/** How a phone protects its sound: by keys in RTP/AVP or RTP/SAVP, or by DTLS. */
export const encryptions = {
  srtp: { name: 'srtp', module: 'srtp.so' },
  srtpMandatory: { name: 'srtp-mand', module: 'srtp.so' },
  dtls: { name: 'dtls_srtp', module: 'dtls_srtp.so' },
};

export class Baresip {
  /**
   * Starts a phone that plays the WAV file `source` and writes what it hears to `heard`. Over TLS it believes those who
   * have a certificate of the file `authority`. It is called as `user`, at `port` if that is not to be any.
   */
  static async start({ source, codec = codecs.PCMA, transport = 'udp', address = '127.0.0.1', user = 'phone', port = 0, authority, encryption }) {
    const phone = new Baresip();
    phone.folder = mkdtempSync(join(tmpdir(), 'baresip-'));
    const control = nextControl++;
    writeFileSync(join(phone.folder, 'config'), settings({ folder: phone.folder, source, control, codec, address, port, authority, encryption }));
    const host = address.includes(':') ? `[${address}]` : address;
    const media = encryption ? `;mediaenc=${encryption.name}` : '';
    const account = `<sip:${user}@${host};transport=${transport}>;regint=0;audio_codecs=${codec.name};answermode=manual${media}\n`;
    writeFileSync(join(phone.folder, 'accounts'), account);
    writeFileSync(join(phone.folder, 'contacts'), '');
    phone.process = spawn('baresip', ['-f', phone.folder, '-v'], { stdio: ['ignore', 'pipe', 'pipe'] });
    phone.output = '';
    for (const stream of [phone.process.stdout, phone.process.stderr]) {
      stream.on('data', (data) => { phone.output += data; });
    }
    phone.events = [];
    phone.answered = 0;
    await until('baresip', 10_000, () => phone.#connect(control));
    return phone;
  }

  async #connect(control) {
    return new Promise((done) => {
      const socket = connect(control, '127.0.0.1', () => {
        this.socket = socket;
        let pending = '';
        socket.on('data', (data) => {
          pending += data;
          // Netstrings: "length:payload,".
          for (let match; (match = /^(\d+):/.exec(pending));) {
            const end = match[0].length + Number(match[1]);
            if (pending.length <= end) break;
            this.events.push(JSON.parse(pending.slice(match[0].length, end)));
            pending = pending.slice(end + 1);
          }
        });
        done(true);
      });
      socket.on('error', () => done(false));
    });
  }

  command(command, params) {
    const text = JSON.stringify({ command, params });
    this.socket.write(`${text.length}:${text},`);
  }

  /** Calls and waits until the call is established. */
  async dial(uri) {
    this.command('dial', uri);
    await until(`a call to ${uri}\n${this.output}`, 15_000, () => this.happened('CALL_ESTABLISHED'));
  }

  /** Waits until it is called, and answers; returns the URI of who calls. */
  async answer() {
    const all = (type) => this.events.filter((event) => event.type === type);
    this.answered += 1;
    const call = await until(`a call\n${this.output}`, 10_000, () => all('CALL_INCOMING')[this.answered - 1]);
    this.command('accept');
    await until(`an answered call\n${this.output}`, 5_000, () => all('CALL_ESTABLISHED').length === this.answered);
    return call.peeruri;
  }

  happened(type) {
    return this.events.some((event) => event.type === type);
  }

  /** Presses keys, as a person would. */
  async press(keys, gap = 180) {
    for (const key of keys) {
      this.command('sndcode', key);
      await pause(gap);
    }
  }

  hangUp() {
    this.command('hangup');
  }

  /** Ends the phone; once it has ended, nothing happens. */
  async stop() {
    this.socket?.end();
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((done) => this.process.on('exit', done));
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 3_000);
    await ended;
    clearTimeout(timer);
  }

  /** The WAV file of what the phone has heard. */
  get heard() {
    const file = readdirSync(this.folder).find((name) => name.endsWith('-dec.wav'));
    if (!file) throw new Error(`the phone recorded nothing: ${this.output}`);
    return join(this.folder, file);
  }

  /** Removes what the phone recorded. */
  clear() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
