// Browsers behind a firewall: a network of their own, joined to the server's by a cable on which no datagram gets through.
//
// A file of tests starts itself again in the server's network, and opens the browsers' from there.

import { execFileSync, spawn } from 'node:child_process';
import { X509Certificate, createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CABLE, CARD, inside, runWithin } from './own_network.mjs';
import { pause } from './server.mjs';
import * as chromium from '../../../web/test/drivers/chromium.mjs';

export const HERE = CARD;
export const HERE_V6 = 'fd77::1';
export const THERE = '10.77.0.2';
/** The same two at a second cable. */
const HERE_TOO = '10.78.0.1';
const THERE_TOO = '10.78.0.2';
export const HTTPS = 8443;
export { inside };

const network = [...CABLE, `ip addr add ${HERE_V6}/64 dev card0 nodad`];

/** Runs the file of tests again, within a network of the server's; it is to have so many. */
export const runInside = (module, count) => runWithin(network, module, count);

/** The table of own addresses comes first by default, and nothing is eaten there. */
const RULE = 'pref 1 ipproto udp blackhole';

/** The browsers' network; Chromium runs in it from its opening on. */
export class Elsewhere {
  static async open() {
    const elsewhere = new Elsewhere();
    elsewhere.folder = mkdtempSync(join(tmpdir(), 'rundruf-elsewhere-'));
    elsewhere.holder = spawn('unshare', ['--net', 'sleep', '900'], { stdio: 'ignore' });
    await pause(500);
    const { pid } = elsewhere.holder;
    execFileSync('ip', ['link', 'set', 'card1', 'netns', `${pid}`]);
    elsewhere.there = ['-t', `${pid}`, '-n'];
    for (const command of ['ip link set lo up', `ip addr add ${THERE}/24 dev card1`, 'ip link set card1 up', `ip rule add ${RULE}`]) {
      elsewhere.#run(command);
    }
    const browser = join(elsewhere.folder, 'chromium');
    const found = process.env.CHROMIUM ?? '/usr/bin/chromium';
    writeFileSync(browser, `#!/bin/sh\nexec nsenter ${elsewhere.there.join(' ')} ${found} "$@"\n`, { mode: 0o755 });
    process.env.CHROMIUM = browser;
    return elsewhere;
  }

  #run(command) {
    execFileSync('nsenter', [...this.there, ...command.split(' ')]);
  }

  /** Lets datagrams through. */
  permit() {
    this.#run(`ip rule del ${RULE}`);
  }

  /** Lets none through, in either direction; what it returns opens that from here to there. */
  forbid() {
    this.#run(`ip rule add ${RULE}`);
    execFileSync('ip', `rule add ${RULE}`.split(' '));
    return () => execFileSync('ip', `rule del ${RULE}`.split(' '));
  }

  /** Lays a second cable, which nothing goes through yet. */
  layAnother() {
    for (const command of ['ip link add card2 type veth peer name card3', `ip addr add ${HERE_TOO}/24 dev card2`, 'ip link set card2 up', `ip link set card3 netns ${this.holder.pid}`]) {
      execFileSync('sh', ['-c', command]);
    }
    this.#run(`ip addr add ${THERE_TOO}/24 dev card3`);
  }

  /** Takes the first cable out. */
  cut() {
    this.#run('ip link set card1 down');
  }

  /** Puts it in again. */
  mend() {
    this.#run('ip link set card1 up');
  }

  /** Goes over to the second cable, where the computer has another address. */
  change() {
    this.cut();
    this.#run('ip link set card3 up');
    this.#run(`ip route add ${HERE}/32 via ${HERE_TOO}`);
  }

  close() {
    this.holder.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The address of a link as a browser there reaches it. */
export const reached = (link) => `https://${HERE}:${HTTPS}/${new URL(link).hash}`;

/** Opens the page in the browsers' network; the server's own certificate is believed there, by TURN over TLS, too. */
export function openThere(server, link, options = {}) {
  const { publicKey } = new X509Certificate(readFileSync(server.certificate));
  const key = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
  return chromium.open(reached(link), { ...options, flags: [`--ignore-certificate-errors-spki-list=${key}`] });
}
