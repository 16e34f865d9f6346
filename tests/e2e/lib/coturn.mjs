// A real TURN server: coturn with the settings that are in deploy/, filled in as an operator would.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, until } from './server.mjs';

/** Why it cannot be run here; false if it can. */
export const missing = () => (spawnSync('turnserver', ['--version'], { stdio: 'ignore' }).error ? 'coturn is not installed' : false);

export class Coturn {
  /**
   * Starts it at an address, with a certificate and its key, the secret, and the one address that it may lead to. `further`
   * are arguments beside the settings.
   */
  static async start({ address, certificate, key, secret, peer, further = [] }) {
    const coturn = new Coturn();
    coturn.address = address;
    coturn.folder = mkdtempSync(join(tmpdir(), 'coturn-'));
    const given = { 'listening-ip': address, cert: certificate, pkey: key, 'static-auth-secret': secret, 'allowed-peer-ip': peer };
    let settings = readFileSync(join(root, 'deploy/turnserver.conf'), 'utf8');
    for (const [name, value] of Object.entries(given)) {
      const line = new RegExp(`^${name}=.*$`, 'gm');
      if (settings.match(line)?.length !== 1) throw new Error(`deploy/turnserver.conf is to have one line for ${name}`);
      settings = settings.replace(line, `${name}=${value}`);
    }
    coturn.port = Number(/^tls-listening-port=(\d+)$/m.exec(settings)[1]);
    const file = join(coturn.folder, 'turnserver.conf');
    writeFileSync(file, settings, { mode: 0o600 });
    coturn.output = '';
    coturn.process = spawn('turnserver', ['-c', file, '--pidfile=', ...further], { cwd: coturn.folder });
    for (const stream of [coturn.process.stdout, coturn.process.stderr]) {
      stream.on('data', (data) => { coturn.output += data; });
    }
    coturn.exit = new Promise((done) => coturn.process.on('exit', done));
    await until('coturn', 10_000, () => coturn.#listens());
    return coturn;
  }

  async #listens() {
    if (this.process.exitCode !== null) throw new Error(`coturn left: ${this.output}`);
    return new Promise((done) => {
      const socket = connect(this.port, this.address, () => { socket.destroy(); done(true); });
      socket.on('error', () => done(false));
    });
  }

  async stop() {
    this.process.kill('SIGKILL');
    await this.exit;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
