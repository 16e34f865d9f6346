// The delay the server adds, from telephone to telephone on G.711, over real sockets of this machine.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Server, built } from '../lib/server.mjs';

const binary = join(built, 'examples/delay');
const longest = 60_000;
/** Milliseconds a telephone may be late without the server taking it for jitter worth a deeper buffer. */
const tolerated = 10;

const server = await Server.start();
try {
  const { stdout } = await promisify(execFile)(binary, [server.sip, server.code], { timeout: longest });
  const { n, p50_ms: median, p99_ms: p99, max_ms: max, late_ms: late } = JSON.parse(stdout);
  console.log('Delay from telephone to telephone (G.711, UDP, loopback): packet with a sample in, packet with it out');
  console.log(`  median ${median.toFixed(1)} ms   99 % below ${p99.toFixed(1)} ms   longest ${max.toFixed(1)} ms   (${n} bursts)`);
  if (late > tolerated) {
    console.log(`  The machine was busy: a packet left ${late.toFixed(0)} ms late, so these delays are not the server's alone. Measure again when it is idle.`);
  }
} catch (error) {
  console.error(`The delay was not measured: ${(error.stderr || error.message).trim()}`);
  process.exitCode = 1;
} finally {
  await server.stop();
}
