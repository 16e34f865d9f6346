// A real registrar and proxy: Kamailio with one configuration, its accounts in it, and no database.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause, until } from './server.mjs';

const modules = ['/usr/lib/x86_64-linux-gnu/kamailio/modules/', '/usr/lib/kamailio/modules/', '/usr/lib/aarch64-linux-gnu/kamailio/modules/'];

/** Why it cannot be run here; false if it can. */
export const missing = () => {
  const there = spawnSync('kamailio', ['-v'], { stdio: 'ignore' }).error === undefined && modules.some(existsSync);
  return there ? false : 'kamailio is not installed';
};

/** Why it cannot be reached over TLS here; false if it can. */
export const missingTls = () => missing() || (existsSync(join(modules.find(existsSync), 'tls.so')) ? false : 'kamailio-tls-modules is not installed');

/** With a certificate of this folder it listens for TLS too. */
const overTls = (address, port, folder) => `
enable_tls=yes
listen=tls:${address}:${port}
loadmodule "tls.so"
modparam("tls", "private_key", "${folder}/key.pem")
modparam("tls", "certificate", "${folder}/certificate.pem")
modparam("tls", "tls_method", "TLSv1.2+")
`;

const settings = (address, port, algorithm, grants, tls) => `#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:${address}:${port}
listen=tcp:${address}:${port}
mpath="${modules.find(existsSync)}"
${tls}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "siputils.so"
loadmodule "textops.so"
modparam("usrloc", "db_mode", 0)
modparam("auth", "algorithm", "${algorithm}")
modparam("registrar", "min_expires", 60)
modparam("registrar", "max_expires", ${grants})
request_route {
  force_rport();
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("404", "Not here"); exit;
  }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (is_method("REGISTER")) {
    if (!pv_www_authenticate("tel.example", "geheim", "0")) { www_challenge("tel.example", "1"); exit; }
    save("location"); exit;
  }
  if (is_method("OPTIONS")) {
    if (registered("location")) { sl_send_reply("200", "Registered"); exit; }
    sl_send_reply("404", "Not Found"); exit;
  }
  if (is_method("INVITE")) {
    record_route();
    if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
    t_relay(); exit;
  }
  sl_send_reply("405", "No");
}
`;

/** A port that nobody uses. */
const free = (address) => new Promise((done) => {
  const server = createServer().listen(0, address, () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});

export class Kamailio {
  /**
   * Starts it at an address of this machine; the one password is "geheim" and the realm "tel.example". With `tls` its certificate
   * is for that name. It `grants` so many seconds at most.
   */
  static async start(algorithm = 'MD5', tls = false, { address = '127.0.0.1', grants = 120 } = {}) {
    const kamailio = new Kamailio();
    kamailio.address = address;
    kamailio.port = await free(address);
    kamailio.folder = mkdtempSync(join(tmpdir(), 'kamailio-'));
    kamailio.file = join(kamailio.folder, 'kamailio.cfg');
    if (tls) {
      kamailio.tlsPort = await free(address);
      kamailio.certificate = join(kamailio.folder, 'certificate.pem');
      execFileSync('openssl', [
        'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(kamailio.folder, 'key.pem'),
        '-out', kamailio.certificate, '-days', '2', '-subj', '/CN=kamailio', '-addext', `subjectAltName=${tls}`,
        '-addext', 'basicConstraints=critical,CA:FALSE',
      ], { stdio: 'ignore' });
    }
    const secure = tls ? overTls(address, kamailio.tlsPort, kamailio.folder) : '';
    writeFileSync(kamailio.file, settings(address, kamailio.port, algorithm, grants, secure));
    kamailio.output = '';
    await kamailio.begin();
    return kamailio;
  }

  async begin() {
    const command = ['-DD', '-E', '-m', '64', '-M', '8', '-Y', this.folder, '-f', this.file];
    // In a group of its own, all of which ends at once.
    this.process = spawn('kamailio', command, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.on('data', (data) => { this.output += data; });
    }
    this.exit = new Promise((done) => this.process.on('exit', done));
    await until(`kamailio\n${this.output}`, 10_000, () => this.#listens());
  }

  async #listens() {
    if (this.process.exitCode !== null) throw new Error(`kamailio left: ${this.output}`);
    return new Promise((done) => {
      const socket = connect(this.port, this.address, () => { socket.destroy(); done(true); });
      socket.on('error', () => done(false));
    });
  }

  /** Whether somebody is registered here as `user`. */
  async knows(user) {
    const socket = createSocket('udp4');
    await new Promise((done) => socket.bind(0, this.address, done));
    const { port } = socket.address();
    const id = `${process.pid}-${port}`;
    socket.send([
      `OPTIONS sip:${user}@${this.address}:${this.port} SIP/2.0`, `Via: SIP/2.0/UDP ${this.address}:${port};branch=z9hG4bK${id}`,
      'Max-Forwards: 70', `From: <sip:test@${this.address}>;tag=${id}`, `To: <sip:${user}@${this.address}>`, `Call-ID: ${id}`,
      'CSeq: 1 OPTIONS', 'Content-Length: 0', '', '',
    ].join('\r\n'), this.port, this.address);
    const answer = await Promise.race([new Promise((done) => socket.on('message', (bytes) => done(`${bytes}`))), pause(500)]);
    socket.close();
    return answer?.startsWith('SIP/2.0 200') ?? false;
  }

  /** Ends it at once, as a crash would. */
  async kill() {
    if (this.process.exitCode === null && this.process.signalCode === null) process.kill(-this.process.pid, 'SIGKILL');
    await this.exit;
  }

  async stop() {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
