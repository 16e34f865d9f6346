// How soon calls are answered where many come: SIPp dials 50 times a second while 500 calls are up, over real sockets.
//
// CALLS_SECONDS says for how long, 500 calls up; the calls before that are not counted.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Server, root } from '../lib/server.mjs';

const rate = 50;
const up = 500;
const target = 200;
const seconds = Number(process.env.CALLS_SECONDS ?? 30);
/** SIPp takes 450 ms for each of the twelve keys, and half a second before; what is left of ten seconds the caller stays. */
const stay = (up / rate) * 1_000 - 500;

const folder = mkdtempSync(join(tmpdir(), 'rundruf-calls-'));
const server = await Server.start({ level: 'warn' });
let most = 0;
const watch = setInterval(async () => {
  most = Math.max(most, (await server.metrics()).get('rundruf_legs') ?? 0);
}, 250);
try {
  const scenario = readFileSync(join(root, 'tests/e2e/sipp/dial_in.xml'), 'utf8');
  writeFileSync(join(folder, 'calls.xml'), scenario.replaceAll('CODE', server.code).replaceAll('STAY', String(stay)));
  const calls = up + rate * seconds;
  const limit = seconds + 60;
  await promisify(execFile)('sipp', [
    '-sf', join(folder, 'calls.xml'), server.sip, '-i', '127.0.0.1', '-mi', '127.0.0.1', '-m', String(calls), '-r', String(rate),
    '-l', String(2 * up), '-mp', '42000', '-timeout', `${limit}s`, '-timeout_error', '-nostdin', '-trace_rtt', '-rtt_freq', '1',
  ], { cwd: folder, timeout: (limit + 10) * 1_000, maxBuffer: 64 * 1024 * 1024 });
  const file = readdirSync(folder).find((name) => name.endsWith('_rtt.csv'));
  const rows = readFileSync(join(folder, file), 'utf8').trim().split('\n').slice(1).map((row) => row.split(';').map(Number));
  const times = rows.slice(up).map(([, time]) => time).sort((a, b) => a - b);
  const share = (percent) => times[Math.floor((times.length - 1) * percent / 100)];
  const verdict = share(99) <= target && most >= up ? 'met' : 'MISSED';
  console.log(`Calls: ${rate} a second, ${most} up at most (SIPp, UDP, loopback): INVITE to 200`);
  console.log(`  median ${share(50)} ms   99 % within ${share(99)} ms   longest ${share(100)} ms   (${times.length} calls)`);
  console.log(`  99 % within ${target} ms with ${up} calls up: ${verdict}`);
  if (verdict !== 'met') process.exitCode = 1;
} catch (error) {
  console.error(`The calls were not measured: ${(error.stderr || error.message).trim()}`);
  process.exitCode = 1;
} finally {
  clearInterval(watch);
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
