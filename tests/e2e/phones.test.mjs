// Real telephones: baresip by UDP, TCP and TLS, IPv4 and IPv6, every codec, called by a moderator; SIPp with many calls.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Baresip, codecs, encryptions } from './lib/baresip.mjs';
import { hear, makeSilence, makeVoice } from './lib/ear.mjs';
import { Server, callsOut, freePort, pause, root, until } from './lib/server.mjs';
import * as chromium from '../../web/test/drivers/chromium.mjs';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'rundruf-voices-'));
const voice = (number, rate) => join(folder, `voice-${number}-${rate}.wav`);
const silence = (rate) => join(folder, `silence-${rate}.wav`);

before(() => {
  for (const rate of [8000, 16000, 48000]) {
    makeVoice(0, rate, 60, voice(0, rate));
    makeSilence(rate, 60, silence(rate));
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Two phones in one room, of which the first speaks; returns what each heard before and after it turned its microphone on. */
async function talk(server, first, second) {
  const phones = [];
  try {
    for (const [number, { uri, ...options }] of [first, second].entries()) {
      // Who spoke with the microphone off would be told so.
      const source = number === 0 ? voice(0, options.codec.rate) : silence(options.codec.rate);
      const phone = await Baresip.start({ source, ...options });
      phones.push(phone);
      await phone.dial(uri);
      await pause(700);
      await phone.press(server.code);
    }
    await until('two legs in the mix', 10_000, async () => (await server.metrics()).get('rundruf_participants') === 2);
    // The words of welcome end before anything is measured.
    await pause(17_000);
    await phones[0].press('66');
    await pause(7_000);
  } finally {
    for (const phone of phones) await phone.stop();
  }
  const heard = phones.map((phone) => phone.heard);
  return { heard, clear: () => phones.forEach((phone) => phone.clear()) };
}

describe('two telephones', () => {
  const uri = (server, transport) => {
    const [host, port] = [server.sip.slice(0, server.sip.lastIndexOf(':')), server.sip.split(':').at(-1)];
    const [tcp, tls] = [server.ready.sip_tcp, server.ready.sip_tls].map((address) => address.split(':').at(-1));
    // The phone adds the transport by itself.
    return `sip:bridge@${host}:${{ udp: port, tcp, tls }[transport]}`;
  };
  const rows = [
    { name: 'A-law and G.722 over UDP', codecs: [codecs.PCMA, codecs.G722], transport: 'udp', address: '127.0.0.1' },
    { name: 'Opus and µ-law over TCP', codecs: [codecs.opus, codecs.PCMU], transport: 'tcp', address: '127.0.0.1' },
    { name: 'A-law over IPv6', codecs: [codecs.PCMA, codecs.PCMA], transport: 'udp', address: '::1' },
  ];
  const { srtp, srtpMandatory, dtls } = encryptions;
  const { PCMA, opus } = codecs;
  rows.push(
    { name: 'G.722 and A-law over TLS, with keys in RTP/AVP and in RTP/SAVP', codecs: [codecs.G722, PCMA], transport: 'tls', address: '127.0.0.1', keys: [srtp, srtpMandatory] },
    { name: 'keys in RTP/AVP and in RTP/SAVP', codecs: [opus, PCMA], transport: 'udp', address: '127.0.0.1', keys: [srtp, srtpMandatory] },
    { name: 'keys by DTLS and in RTP/SAVP', codecs: [opus, PCMA], transport: 'udp', address: '127.0.0.1', keys: [dtls, srtpMandatory] },
  );
  for (const { name, codecs: [a, b], transport, address, keys } of rows) {
    test(`${name}: the second hears the first only once the first turned the microphone on`, async () => {
      const server = await Server.start({ sip: address, addresses: [address], encryption: keys && 'required' });
      try {
        const target = uri(server, transport);
        const authority = server.certificate;
        const one = { uri: target, codec: a, transport, address, authority, encryption: keys?.[0] };
        const two = { uri: target, codec: b, transport, address, authority, encryption: keys?.[1] };
        const { heard, clear } = await talk(server, one, two);
        const length = hear(0, heard[1]).seconds;
        const before = hear(0, heard[1], length - 12, length - 8);
        const after = hear(0, heard[1], length - 3.5, length - 0.5);
        assert.ok(before.level < -60, `before: ${JSON.stringify(before)}`);
        assert.ok(after.level > -35 && after.over >= 20, `after: ${JSON.stringify(after)}`);
        const end = hear(0, heard[0]).seconds;
        const own = hear(0, heard[0], end - 3.5, end - 0.5);
        assert.ok(own.level < -60, `one's own voice: ${JSON.stringify(own)}`);
        clear();
      } finally {
        const { code, milliseconds } = await server.stop();
        assert.equal(code, 0);
        assert.ok(milliseconds < 3_000, `left after ${milliseconds} ms`);
      }
    });
  }
});

test('a telephone without encryption is refused where it is required', async () => {
  const server = await Server.start({ encryption: 'required' });
  const phone = await Baresip.start({ source: silence(8000) });
  try {
    phone.command('dial', `sip:bridge@${server.sip}`);
    await until('a refusal', 10_000, () => phone.events.find(({ type, param }) => type === 'CALL_CLOSED' && /488/.test(param)));
    assert.equal((await server.metrics()).get('rundruf_trunk_unusable_total{trunk="local"}'), 1);
  } finally {
    await phone.stop();
    phone.clear();
    await server.stop();
  }
});

test('a moderator has a telephone called, which comes in by pressing 1 and not by answering', async () => {
  const port = await freePort();
  const phone = await Baresip.start({ source: silence(8000), user: '+4930123456', port });
  const server = await Server.start({
    trunks: callsOut('exchange', `peers = ["127.0.0.1"]
probe = "sip:127.0.0.1:${port}"`),
  });
  let page;
  try {
    page = await chromium.open(server.room.moderator_link);
    await page.join('Moderation');
    await until('the way to the exchange', 10_000, async () => (await server.metrics()).get('rundruf_trunk_up{trunk="exchange"}') === 1);
    const called = async () => (await page.roster()).find(({ door }) => door === 'phone')?.status;
    await page.call('030 123456');
    assert.match(await phone.answer(), /^sip:\+4930555000@/);
    // Whoever answers and presses nothing, as a voicemail does, is not in.
    await pause(2_000);
    assert.equal(await called(), 'alerting');
    phone.hangUp();
    await until('nobody called any more', 5_000, async () => !(await called()));
    await page.call('+49 30 123456');
    await phone.answer();
    await pause(700);
    await phone.press('1');
    await until('the telephone in the conference', 5_000, async () => (await called()) === 'connected');
    assert.equal((await server.metrics()).get('rundruf_participants'), 2);
  } finally {
    await page?.close();
    await phone.stop();
    await server.stop();
  }
  const { total } = hear(0, phone.heard);
  assert.ok(total > -45, `of who invites nothing was heard: ${total} dB`);
  phone.clear();
});

test('200 calls at 20 a second with the code all come in, stay and leave nothing behind', async () => {
  const server = await Server.start({ level: 'warn' });
  try {
    const scenario = join(folder, 'dial_in.xml');
    // SIPp takes 450 ms for each key.
    const stay = 12 * 450 + 5_000;
    const text = readFileSync(join(root, 'tests/e2e/sipp/dial_in.xml'), 'utf8');
    writeFileSync(scenario, text.replaceAll('CODE', server.code).replaceAll('STAY', String(stay)));
    const sipp = (calls, rate, timeout) => run('sipp', [
      '-sf', scenario, server.sip, '-i', '127.0.0.1', '-mi', '127.0.0.1', '-m', String(calls), '-r', String(rate),
      '-l', '400', '-mp', '42000', '-timeout', `${timeout}s`, '-timeout_error', '-nostdin',
    ], { cwd: folder, timeout: (timeout + 10) * 1_000 });
    // A first wave of the same size warms the allocator, so that the memory afterwards can be compared.
    await sipp(200, 20, 90);
    await until('the first wave gone', 10_000, async () => (await server.metrics()).get('rundruf_legs') === 0);
    await until('the first conference over', 40_000, async () => (await server.metrics()).get('rundruf_conferences') === 0);
    const memory = server.memory();
    let most = 0;
    const watch = setInterval(async () => {
      most = Math.max(most, (await server.metrics()).get('rundruf_participants') ?? 0);
    }, 250);
    await sipp(200, 20, 90).finally(() => clearInterval(watch));
    assert.ok(most >= 90, `at most ${most} participants at a time were in the conference`);
    await until('no leg left over', 10_000, async () => (await server.metrics()).get('rundruf_legs') === 0);
    const admitted = (await server.metrics()).get('rundruf_admitted_total');
    assert.equal(admitted, 400, 'every caller was let in');
    await until('the conference over', 40_000, async () => (await server.metrics()).get('rundruf_conferences') === 0);
    const grown = server.memory() / memory;
    assert.ok(grown < 1.05, `memory grew to ${grown.toFixed(2)} of what it was`);
  } finally {
    await server.stop();
  }
});
