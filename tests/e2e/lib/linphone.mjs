// Linphone on the command line (linphonec) as a telephone without sound devices: it plays and records files.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause, until } from './server.mjs';

/** Why it cannot be run here; false if it can. */
export const missing = () => spawnSync('linphonec', ['-v'], { stdio: 'ignore' }).error ? 'linphone-cli is not installed' : false;

const codecs = [['opus', 48000], ['speex', 16000], ['speex', 8000], ['PCMU', 8000], ['PCMA', 8000], ['G722', 8000], ['GSM', 8000]];

const settings = ({ port, media, transport, encryption, codec, authority }) => `
[sip]
bind_address=127.0.0.1
sip_port=${transport === 'udp' ? port : 0}
sip_tcp_port=${transport === 'tcp' ? port : 0}
sip_tls_port=${transport === 'tls' ? port : 0}
default_proxy=-1
contact=sip:linphone@127.0.0.1
media_encryption=${encryption}
media_encryption_mandatory=${encryption === 'none' ? 0 : 1}
verify_server_certs=1
verify_server_cn=0
${authority ? `root_ca=${authority}` : ''}
use_ipv6=0
guess_hostname=0
publish_presence=0

[net]
nat_policy_ref=
mtu=0
firewall_policy=0

[rtp]
bind_address=127.0.0.1
audio_rtp_port=${media}
audio_adaptive_jitt_comp_enabled=1

[sound]
echocancellation=0
agc=0

[video]
enabled=0
capture=0
display=0

[misc]
store_friends=0
config-uri=
${codecs.map(([name, rate], number) => `
[audio_codec_${number}]
mime=${name}
rate=${rate}
channels=${name === 'opus' ? 2 : 1}
enabled=${name === codec ? 1 : 0}
`).join('')}`;

let nextPort = 44_000 + (process.pid % 200) * 10;

export class Linphone {
  /**
   * Starts a telephone that plays the WAV file `source`. `encryption` is none, srtp or dtls; over TLS it believes those who
   * have a certificate of the file `authority`.
   */
  static async start({ source, transport = 'udp', encryption = 'none', codec = 'PCMA', authority }) {
    const phone = new Linphone();
    phone.folder = mkdtempSync(join(tmpdir(), 'linphone-'));
    phone.heard = join(phone.folder, 'heard.wav');
    phone.transport = transport;
    const file = join(phone.folder, 'linphonerc');
    writeFileSync(file, settings({ port: nextPort + 2, media: nextPort, transport, encryption, codec, authority }));
    nextPort += 4;
    mkdirSync(join(phone.folder, '.local/share/linphone'), { recursive: true });
    // Without a home of its own it would read and leave files in the user's.
    const env = { ...process.env, HOME: phone.folder, XDG_DATA_HOME: phone.folder, XDG_CONFIG_HOME: phone.folder, LC_ALL: 'C' };
    phone.process = spawn('linphonec', ['-c', file], { cwd: phone.folder, env, stdio: ['pipe', 'pipe', 'pipe'] });
    phone.output = '';
    for (const stream of [phone.process.stdout, phone.process.stderr]) {
      stream.on('data', (data) => { phone.output += data; });
    }
    phone.exit = new Promise((done) => phone.process.on('exit', done));
    await until('linphonec', 10_000, () => phone.output.includes('linphonec>'));
    phone.command('ipv6 disable');
    phone.command('soundcard use files');
    phone.command(`play ${source}`);
    phone.command(`record ${phone.heard}`);
    return phone;
  }

  command(line) {
    this.process.stdin.write(`${line}\n`);
  }

  /** Calls and waits until the call is established. */
  async dial(uri) {
    const began = this.output.length;
    this.command(`call ${uri}${this.transport === 'udp' ? '' : `;transport=${this.transport}`}`);
    await until(`a call to ${uri}`, 15_000, () => /Call \d+ .* connected|Media streams established/.test(this.output.slice(began)))
      .catch((error) => { throw new Error(`${error.message}\n${this.output}`); });
  }

  /** Presses keys, as a person would. */
  async press(keys, gap = 450) {
    for (const key of keys) {
      this.command(key);
      await pause(gap);
    }
  }

  /** Hangs up, ends the telephone and, with it, its recording. */
  async stop() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.command('terminate');
    await pause(300);
    this.command('quit');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 5_000);
    await this.exit;
    clearTimeout(timer);
  }

  /** Removes what it recorded. */
  clear() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
