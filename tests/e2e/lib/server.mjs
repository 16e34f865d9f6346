// Starts the real server with ports of the system's choice in a folder of its own, and stops it again.

import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
/** The folder with what cargo built: `make test` takes what the tests of Rust need anyway, measurements what users run. */
export const built = resolve(root, process.env.RUNDRUF_BUILT ?? 'target/release');
export const binary = join(built, 'rundruf');

/** Waits until `check` returns something, or fails after `milliseconds` with `what` was waited for. */
export async function until(what, milliseconds, check) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${milliseconds} ms in vain for: ${what}`);
    await pause(50);
  }
}

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** A port on loopback that nobody has at the moment. */
export const freePort = () => new Promise((done) => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1', () => {
    const { port } = socket.address();
    socket.close(() => done(port));
  });
});

/** The trunk of this machine with another rule about encryption than the default's. */
const trunk = (encryption) => `
[[trunk]]
name = "local"
peers = ["127.0.0.0/8", "::1"]
numbers = ["rooms", "bridge"]
encryption = "${encryption}"
`;

/** A trunk of one address of this machine, to which its others (127.0.0.1, 127.0.0.2 and so on) are strangers. */
export const onePeer = (address) => `
[[trunk]]
name = "local"
peers = ["${address}"]
numbers = ["rooms", "bridge"]
encryption = "off"
`;

/** A trunk whose server is reached as the settings say, over which a moderator has German numbers called. */
export const callsOut = (name, reached) => `
[[trunk]]
name = "${name}"
${reached}
country = "49"
numbers = ["+4930555000"]
calls_as = "+4930555000"
encryption = "off"
[dial_out]
enabled = true
prefixes = ["+49"]
`;

/** The settings of a test server; media on the given addresses. */
function settings({ addresses = ['127.0.0.1'], https = '127.0.0.1:0', tcp = [], turn, rtp = '30000-31999', level = 'info', sip = '127.0.0.1', nameServer = 'auto', encryption, trunks } = {}) {
  const host = sip.includes(':') ? `[${sip}]` : sip;
  return `
[web]
listen_https = ["${https}"]
listen_http = ["127.0.0.1:0"]
[sip]
listen_udp = ["${host}:0"]
listen_tcp = ["${host}:0"]
listen_tls = ["${host}:0"]
name_server = "${nameServer}"
[media]
addresses = ${JSON.stringify(addresses)}
port = 0
listen_tcp = ${JSON.stringify(tcp)}
rtp_ports = "${rtp}"
[log]
level = "${level}"
${turn ?? ''}${encryption ? trunk(encryption) : ''}${trunks ?? ''}`;
}

export class Server {
  /** Starts a demo server; resolves once its sockets are open. */
  static async start(options = {}) {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), 'rundruf-'));
    writeFileSync(join(server.folder, 'config.toml'), settings(options));
    for (const [name, content] of Object.entries(options.secrets ?? {})) {
      writeFileSync(join(server.folder, name), content, { mode: 0o600 });
    }
    await server.run(options, '--demo');
    server.room = server.ready.rooms[0];
    return server;
  }

  /** Runs the binary in the folder; resolves once its sockets are open. */
  async run(options, ...orders) {
    const command = [...(options.prefix ?? []), binary, 'serve', '--config', 'config.toml', ...orders];
    this.process = spawn(command[0], command.slice(1), {
      cwd: this.folder,
      env: { ...process.env, LANG: 'de_DE.UTF-8', LC_ALL: '', ...(options.env ?? {}) },
    });
    this.output = '';
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.on('data', (data) => { this.output += data; });
    }
    this.exit = new Promise((done) => this.process.on('exit', (code, signal) => done({ code, signal })));
    const file = join(this.folder, 'var/ready.json');
    await until('ready.json', 10_000, () => existsSync(file) || this.process.exitCode !== null);
    if (this.process.exitCode !== null) throw new Error(`the server left: ${this.output}`);
    this.ready = JSON.parse(readFileSync(file, 'utf8'));
  }

  /** Kills it, and runs it again with the same rooms at the same address for pages. */
  async killAndRun(options = {}) {
    const { web, pid } = this.ready;
    const { protocol, port } = new URL(web);
    const listener = `listen_${protocol.slice(0, -1)}`;
    const config = join(this.folder, 'config.toml');
    const fixed = readFileSync(config, 'utf8').replace(`${listener} = ["127.0.0.1:0"]`, `${listener} = ["127.0.0.1:${port}"]`);
    writeFileSync(config, fixed);
    process.kill(pid, 'SIGKILL');
    await this.exit;
    rmSync(join(this.folder, 'var/ready.json'));
    await this.run(options);
  }

  /** The parts of the first SIP address over UDP. */
  get sip() {
    return this.ready.sip_udp;
  }

  /** Number and PIN as they are typed. */
  get code() {
    return `${this.room.number}${this.room.pin}`;
  }

  /** The file of its certificate. */
  get certificate() {
    return join(this.folder, 'var/certificate.pem');
  }

  /** The metrics as a map from name with labels to number. */
  async metrics() {
    const text = await (await fetch(new URL('/metrics', this.ready.web))).text();
    const lines = text.split('\n').filter((line) => line && !line.startsWith('#'));
    return new Map(lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }));
  }

  /** What `rundruf trunk list` says. */
  trunks() {
    const command = ['trunk', 'list', '--config', 'config.toml'];
    return execFileSync(binary, command, { cwd: this.folder, encoding: 'utf8', env: { ...process.env, LC_ALL: 'en_GB.UTF-8' } });
  }

  /** Resident memory in bytes. */
  memory() {
    const status = readFileSync(`/proc/${this.ready.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) * 1024;
  }

  /** Ctrl-C; resolves with exit code and the time it took in milliseconds. */
  async stop() {
    const began = Date.now();
    process.kill(this.ready.pid, 'SIGINT');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 8_000);
    const { code, signal } = await this.exit;
    clearTimeout(timer);
    rmSync(this.folder, { recursive: true, force: true });
    return { code, signal, milliseconds: Date.now() - began };
  }
}
