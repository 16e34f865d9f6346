// Tests that need a network of their own: one card, as on a newcomer's computer. Firefox reaches no media on loopback alone.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The address of the card. */
export const CARD = '10.77.0.1';

const network = [
  'ip link set lo up',
  'ip link add card0 type veth peer name card1',
  `ip addr add ${CARD}/24 dev card0`,
  'ip link set card0 up',
  'ip link set card1 up',
  'ip route add default dev card0',
].join(' && ');

/** Runs the tests of a file, which starts itself again in such a network: `module` is its URL, `count` how many they are. */
export function inOwnNetwork(module, title, count, tests) {
  if (process.env.RUNDRUF_OWN_NETWORK === '1') {
    tests();
    return;
  }
  test(title, async () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn('unshare', ['--net', 'sh', '-c', `${network} && exec "$0" --test-reporter=spec "$1"`, process.execPath, fileURLToPath(module)], {
      env: { ...env, RUNDRUF_OWN_NETWORK: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { output += data; });
    const code = await new Promise((done) => child.on('exit', done));
    assert.equal(code, 0, `needs root for a network of its own; the tests inside said:\n${output}`);
    assert.match(output, new RegExp(`pass ${count}\n`), output);
  });
}
