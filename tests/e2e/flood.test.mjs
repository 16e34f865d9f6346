// Floods over real sockets: the talk that runs meanwhile is not disturbed, and memory stays bounded.
//
// `make flood` sends them as fast and for as long as FLOOD_SECONDS says, and measures what the talk notices; that takes a
// machine with nothing else to do. Without it they are slower and shorter, and only what holds on any machine is asserted.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Server, built, onePeer } from './lib/server.mjs';

const binary = join(built, 'examples/flood');
const measured = process.env.FLOOD_SECONDS !== undefined;
const seconds = Number(process.env.FLOOD_SECONDS ?? 4);
const requests = measured ? 20_000 : 2_000;
const packets = measured ? 10_000 : 1_000;
const megabyte = 1024 * 1024;

/** Runs a flood beside a talk; returns what the program tells and the server's memory in bytes. */
async function flood(kind, rate) {
  const server = await Server.start({ level: 'warn', trunks: onePeer('127.0.0.1') });
  const memory = [];
  // Setting up the talk takes its memory, too; what the flood takes is seen from a call on.
  const looking = setInterval(() => memory.push(server.memory()), 250);
  try {
    const options = { timeout: (seconds + 120) * 1_000 };
    const { stdout } = await promisify(execFile)(binary, [kind, server.sip, server.code, seconds, rate].map(String), options);
    const told = JSON.parse(stdout);
    const metrics = await server.metrics();
    // The talk's own share: half of the time before the flood is over by now.
    const calm = memory[Math.min(memory.length - 1, 60)];
    const result = { ...told, calm, most: Math.max(...memory), after: server.memory(), metrics, output: server.output };
    const mb = (bytes) => (bytes / megabyte).toFixed(0);
    console.log(`${kind}, ${Math.round(told.sent / seconds)}/s for ${seconds} s: ${told.answers} answers, call at the end in ${told.next_ms} ms`);
    for (const when of ['before', 'during']) console.log(`  ${when}: ${JSON.stringify(told[when])}`);
    console.log(`  memory: ${mb(calm)} MB before, ${mb(result.most)} MB at most, ${mb(result.after)} MB after; packets left ${told.late_ms} ms late at most`);
    return result;
  } finally {
    clearInterval(looking);
    await server.stop();
  }
}

/** All that was said is heard, and no later than on the same machine without the flood, but for what a busy machine adds. */
function assertTalk({ before, during, late_ms: late, sent }, rate) {
  assert.ok(sent > 0 && during.heard > 0, 'the talk goes on');
  if (!measured) return;
  assert.ok(sent > 0.75 * rate * seconds, `only ${sent} were sent`);
  assert.ok(during.heard >= 0.98 * during.said, `heard ${during.heard} of ${during.said} bursts`);
  assert.ok(during.missing <= 2 * (1 + seconds / 60), `${during.missing} packets missing`);
  assert.ok(during.p99_ms < before.p99_ms + 40 + late, `99 % within ${during.p99_ms} ms, before ${before.p99_ms} ms`);
}

describe('a flood', () => {
  test('of requests from a stranger is met with silence', async () => {
    const result = await flood('strangers', requests);
    assertTalk(result, requests);
    assert.equal(result.answers, 0);
    assert.ok(result.output.trim().split('\n').length < 200, 'nothing is logged for each of them');
    assert.ok(result.most < result.calm + 64 * megabyte, `${result.most} octets`);
    assert.ok(result.next_ms !== null, 'the next caller is answered');
    assert.equal(result.metrics.get('rundruf_media_total{kind="leg_panics"}'), 0);
  });

  test('of requests from a listed peer is bounded', async () => {
    const result = await flood('listed', requests);
    assertTalk(result, requests);
    assert.ok(result.most < result.calm + 256 * megabyte, `${result.most} octets`);
    // Who floods uses up their half of the transactions, and is told to come later until these are over; sip/tests/requests.rs has
    // what is left to others.
    assert.ok(result.output.trim().split('\n').length < 200, 'the log is no flood');
  });

  test('of packets from random sources at the ports of a talk is counted', async () => {
    const result = await flood('media', packets);
    assertTalk(result, packets);
    assert.ok(result.most < result.calm + 16 * megabyte, `${result.most} octets`);
    assert.equal(result.answers, 0);
    assert.ok(result.metrics.get('rundruf_media_total{kind="datagrams_from_strangers"}') > (measured ? 0.9 : 0) * result.sent);
    assert.ok(result.next_ms !== null, 'the next caller is answered');
  });
});
