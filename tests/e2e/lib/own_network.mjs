// Tests that need a network of their own: a file starts itself again within it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The address of the one card there. */
export const CARD = '10.77.0.1';

/** One card and its cable. */
export const CABLE = [
  'ip link set lo up',
  'ip link add card0 type veth peer name card1',
  `ip addr add ${CARD}/24 dev card0`,
  'ip link set card0 up',
];

/** A newcomer's computer: its card leads somewhere. Firefox reaches no media on loopback alone. */
const COMPUTER = [...CABLE, 'ip link set card1 up', 'ip route add default dev card0'];

/** Whether these are the tests that run within. */
export const inside = process.env.RUNDRUF_OWN_NETWORK === '1';

/** Runs the file of tests again, within a network made by the commands; it is to have so many tests. */
export async function runWithin(commands, module, count) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const order = [...commands, 'exec "$0" --test-reporter=spec "$1"'].join(' && ');
  const child = spawn('unshare', ['--net', 'sh', '-c', order, process.execPath, fileURLToPath(module)], {
    env: { ...env, RUNDRUF_OWN_NETWORK: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { output += data; });
  const code = await new Promise((done) => child.on('exit', done));
  assert.equal(code, 0, `needs root for a network of its own; the tests inside said:\n${output}`);
  assert.match(output, new RegExp(`pass ${count}$`, 'm'), output);
  return output;
}

/** Runs the tests of a file on a computer with one network card: `module` is its URL, `count` how many they are. */
export function inOwnNetwork(module, title, count, tests) {
  if (inside) tests();
  else test(title, () => runWithin(COMPUTER, module, count));
}
