// SIPp against the server, a scenario for each flow of a call: `sipp/*.xml` say what is sent and what must come back.
//
// One server and one page of a moderator serve all. Calls in run side by side; calls out share a carrier and follow each other.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import * as chromium from '../../web/test/drivers/chromium.mjs';
import { Server, binary, callsOut, freePort, pause, until } from './lib/server.mjs';
import { Ear, play } from './lib/sipp.mjs';

/** Addresses of this machine: of a trunk with one line, of a carrier, of nobody, and another one of the first trunk. */
const [SMALL, CARRIER, STRANGER, ELSEWHERE] = ['127.0.0.11', '127.0.0.12', '127.0.0.99', '127.0.0.13'];
const trunks = (carrier) => `
[[trunk]]
name = "local"
peers = ["127.0.0.1"]
media_networks = ["${ELSEWHERE}"]
country = "49"
numbers = ["rooms", "bridge", "+4930555111"]
encryption = "off"
[[trunk]]
name = "small"
peers = ["${SMALL}"]
numbers = ["bridge"]
max_calls = 1
encryption = "off"
${callsOut('carrier', `kind = "registered"
registrar = "sip:${CARRIER}:${carrier}"
user = "rundruf"
password_file = "trunk.password"`)}calls_per_hour = 100
`;

let server;
let page;
let carrier;

before(async () => {
  carrier = await freePort();
  // The carrier waits for the server, which registers when it starts.
  await play(null, 'registrar', {
    address: CARRIER, port: carrier, callee: true,
    ready: async () => { server = await Server.start({ trunks: trunks(carrier), secrets: { 'trunk.password': 'geheim\n' } }); },
  });
  const set = ['room', 'set', server.room.number, '--digits', 'last-three', '--config', 'config.toml'];
  execFileSync(binary, set, { cwd: server.folder });
  page = await chromium.open(server.room.moderator_link);
  await page.join('Moderation');
});
after(async () => {
  await page?.close();
  const { code } = await server.stop();
  assert.equal(code, 0);
});

/** Plays with as many ears as there are addresses; returns what each heard. */
async function playHeard(name, options = {}, hosts = ['127.0.0.1']) {
  const ears = [];
  try {
    for (const host of hosts) ears.push(await Ear.open(host));
    await play(server, name, { ...options, ears });
    return ears;
  } finally {
    for (const ear of ears) await ear.close();
  }
}

/** Who is in the roster by telephone, as the page shows it. */
const callers = async () => (await page.roster()).filter(({ door }) => door === 'phone');

describe('SIPp', { concurrency: 3 }, () => {
  describe('calls in', { concurrency: 4 }, () => {
    for (const name of ['rport', 'record_route', 'require', 'prack_update', 'refer', 'replaces', 'message', 'anonymous', 'reason', 'unusable', 'timer_peer']) {
      test(name, () => play(server, name));
    }

    test('a stranger gets no answer', () => play(server, 'stranger', { address: STRANGER }));
    test('an INVITE that comes again is one call', () => play(server, 'invite_again', { words: ['-nr'] }));
    test('an ACK that is lost', () => play(server, 'lost_ack', { words: ['-nr'] }));
    test('CANCEL', () => play(server, 'cancel', { transport: 't1' }));

    test('the answer comes before the first words', async () => {
      const [ear] = await playHeard('call', { values: { stay: 500 } });
      assert.ok(ear.packets.length > 10, `${ear.packets.length} packets`);
    });

    test('a scenario fails if the answer is another', async () => {
      const wrong = { offer: '0 8', answer: '0', mapped: '0 PCMU/8000' };
      await assert.rejects(play(server, 'codec', { values: wrong }));
      await assert.rejects(play(server, 'full'), 'there are free lines');
    });

    for (const [offer, answer, mapped] of [
      ['8 0 9 96 101 102', '96 101', '101 telephone-event/48000'],
      ['0 96 102', '96 102', '102 telephone-event/8000'],
      ['0 8 9 103 102', '9 102', '9 G722/8000'],
      ['0 8 102', '8 102', '102 telephone-event/8000'],
      ['98 99 18 0 103 101', '0', '0 PCMU/8000'],
    ]) {
      test(`of ${offer} is taken ${answer}`, () => play(server, 'codec', { values: { offer, answer, mapped } }));
    }

    for (const [wish, ptime] of [['a=ptime:40', 40], ['a=maxptime:10', 10], ['a=ptime:60\na=maxptime:30', 30]]) {
      test(`${wish.replace(/\s+/g, ' ')}: ${ptime} ms in a packet`, async () => {
        const [ear] = await playHeard('ptime', { values: { wish, ptime } });
        assert.ok(ear.packets.length >= 5, `${ear.packets.length} packets`);
        assert.deepEqual(new Set(ear.packets.map(({ octets }) => octets)), new Set([ptime * 8]));
      });
    }

    test('without an offer', async () => {
      const [ear] = await playHeard('delayed_offer');
      assert.deepEqual(ear.types, [8, 0]);
    });

    test('another codec in mid-call', async () => {
      const [ear] = await playHeard('reinvite_codec');
      assert.deepEqual(ear.types, [8, 9]);
    });

    test('another address in mid-call', async () => {
      const [before, after] = await playHeard('reinvite_address', {}, ['127.0.0.1', ELSEWHERE]);
      const [last, first] = [before.packets.at(-1).at, after.packets[0].at];
      assert.ok(before.packets.length > 10 && after.packets.length > 10);
      assert.ok(first > last, 'nothing more to where it was before');
    });

    test('T.38 is refused and the sound goes on', async () => {
      const [ear] = await playHeard('t38');
      assert.ok(ear.packets.length > 45, `${ear.packets.length} packets`);
      assert.deepEqual(ear.types, [8]);
    });

    test('a trunk with one line takes one call', async () => {
      const busy = async () => (await server.metrics()).get('rundruf_trunk_calls{trunk="small"}') === 1;
      await Promise.all([
        play(server, 'call', { address: SMALL, values: { stay: 2_500 } }),
        until('a call on the line', 5_000, busy).then(() => play(server, 'full', { address: SMALL })),
      ]);
      await until('a free line', 3_000, async () => !(await busy()));
      await play(server, 'call', { address: SMALL, values: { stay: 100 } });
    });
  });

  // One after the other: each looks at who is in.
  describe('in the conference', { concurrency: 1 }, () => {
    const inside = () => ({ room: server.room.number, pin: server.room.pin });

    test('a trunk vouches for who calls', async () => {
      const endings = () => page.evaluate(() => [...document.querySelectorAll('[data-testid=ending]')].map((of) => of.textContent));
      const seen = until('the last digits', 12_000, async () => (await endings())[0]);
      const [ending] = await Promise.all([seen, play(server, 'asserted', { values: inside() })]);
      assert.match(ending, /345/);
      await until('nobody', 5_000, async () => (await callers()).length === 0);
    });

    test('hold is seen at once, and its end', async () => {
      const seen = [];
      let over = false;
      const playing = play(server, 'hold', { values: inside(), seconds: 30 }).finally(() => { over = true; });
      while (!over) {
        const [caller] = await callers();
        const now = caller && `${caller.status} ${caller.microphone ? 'on' : 'off'}`;
        if (now && now !== seen.at(-1)) seen.push(now);
        await pause(50);
      }
      await playing;
      assert.deepEqual(seen, ['connected off', 'connected on', 'on-hold on', 'connected on', 'on-hold on']);
    });
  });

  test('the server refreshes the session', () => playHeard('timer_we', { seconds: 55 }));
});

describe('SIPp is called', () => {
  const rows = [
    ['callee_busy', '030 123001', 'busy after it rang with sound', 'alerting'],
    ['callee_moved', '030 123002', 'moved elsewhere: not followed'],
    ['callee_challenges', '030 123003', 'an INVITE challenged for another realm'],
    ['callee_challenges_bye', '030 123004', 'a BYE challenged'],
    ['callee_forked', '030 123005', 'two branches that both answer'],
    ['callee_prack', '030 123006', 'reliable provisional responses'],
  ];
  for (const [name, number, title, status] of rows) {
    test(title, async () => {
      const ready = async () => {
        await page.call(number);
        if (status) await until('an alerted telephone', 5_000, async () => (await callers())[0]?.status === status);
      };
      await play(server, name, { address: CARRIER, port: carrier, callee: true, ready });
      await until('nobody called any more', 5_000, async () => (await callers()).length === 0);
    });
  }
});
