// A real telephone and a real browser in one room: baresip with Chromium, then with Firefox.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Baresip, codecs } from './lib/baresip.mjs';
import { hear, hearTone, makeVoice } from './lib/ear.mjs';
import { Server, pause, root, until } from './lib/server.mjs';
import * as chromium from '../../web/test/drivers/chromium.mjs';
import * as firefox from '../../web/test/drivers/firefox.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rundruf-browsers-'));
const phoneVoice = join(folder, 'phone.wav');
const browserVoice = join(folder, 'browser.wav');
const TONE_HZ = 1000;

before(() => {
  makeVoice(0, 8000, 90, phoneVoice);
  makeVoice(1, 48000, 90, browserVoice);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const rows = [
  {
    name: 'Chromium',
    open: (url) => chromium.open(url, { fakeAudioWav: browserVoice }),
    heardBy: (file, ...times) => hear(1, file, ...times),
  },
  {
    name: 'Firefox',
    open: (url) => firefox.open(url, { toneHz: TONE_HZ }),
    heardBy: (file, ...times) => hearTone(TONE_HZ, file, ...times),
  },
];

describe('a telephone and a browser', () => {
  for (const { name, open, heardBy } of rows) {
    test(`${name} and baresip hear each other, and nobody who has not turned on the microphone`, async () => {
      const server = await Server.start();
      const phone = await Baresip.start({ source: phoneVoice, codec: codecs.PCMA });
      let page;
      try {
        await phone.dial(`sip:bridge@${server.sip}`);
        await pause(700);
        await phone.press(server.code);
        await until('the caller in the conference', 10_000, async () => (await server.metrics()).get('rundruf_participants') === 1);
        page = await open(server.room.guest_link);
        await page.join('Anna');
        await page.connected();
        await pause(500);
        const roster = await page.roster();
        assert.deepEqual(roster.map(({ name, door }) => [name, door]).sort(), [['Anna', 'browser'], ['Telefon 1', 'phone']]);
        // The caller's words of welcome end before anything is measured.
        await pause(8_000);

        const silent = join(folder, `${name}-before.wav`);
        await page.recordRemote(3_000, silent);
        assert.ok(hear(0, silent).total < -60, `the browser before: ${JSON.stringify(hear(0, silent))}`);

        await phone.press('66');
        await until('the caller shown as speaking', 10_000, async () => (await page.roster()).some((p) => p.door === 'phone' && p.speaking));
        await pause(2_000);
        const speaking = join(folder, `${name}-after.wav`);
        await page.recordRemote(4_000, speaking);
        const heard = hear(0, speaking, 0.5, 3.5);
        assert.ok(heard.level > -35 && heard.over >= 20, `the browser after: ${JSON.stringify(heard)}`);

        await page.setMicrophone(true);
        await pause(5_000);
        await page.leave();
        await until('the browser gone', 10_000, async () => (await server.metrics()).get('rundruf_participants') === 1);
      } finally {
        await page?.close();
        await phone.stop();
        await server.stop();
      }
      const length = hear(1, phone.heard).seconds;
      const began = heardBy(phone.heard, length - 20, length - 9);
      assert.ok(began.level < -60, `the phone before: ${JSON.stringify(began)}`);
      const best = Array.from({ length: 12 }, (_, i) => heardBy(phone.heard, length - 8 + i * 0.5, length - 6 + i * 0.5))
        .reduce((a, b) => (a.over > b.over ? a : b));
      assert.ok(best.level > -40 && best.over >= 20, `the phone after: ${JSON.stringify(best)}`);
      phone.clear();
    });
  }

  test('Firefox with the preferences a newcomer has connects over the host\'s own address', { skip: process.getuid() !== 0 && 'needs root for a network of its own' }, async () => {
    // A network namespace stands for a computer with one network card; Firefox offers no loopback candidates.
    const script = [
      'ip link set lo up',
      'ip link add card0 type dummy',
      'ip addr add 10.77.0.1/24 dev card0',
      'ip link set card0 up',
      'ip route add default dev card0',
      `exec "${process.execPath}" tests/e2e/lib/newcomer.mjs`,
    ].join(' && ');
    const { stdout } = await promisify(execFile)('unshare', ['--net', 'sh', '-c', script], { cwd: root, timeout: 90_000 });
    assert.match(stdout, /connected/);
  });
});

test('a moderator mutes and removes a caller, and ends the conference for a browser', async () => {
  const server = await Server.start();
  const phone = await Baresip.start({ source: phoneVoice, codec: codecs.PCMA });
  const pages = [];
  try {
    await phone.dial(`sip:${server.room.number}@${server.sip}`);
    await pause(700);
    await phone.press(server.room.pin);
    const moderator = await chromium.open(server.room.moderator_link, { fakeAudioWav: browserVoice });
    const guest = await chromium.open(server.room.guest_link, { fakeAudioWav: browserVoice });
    pages.push(moderator, guest);
    await moderator.join('Moderation');
    await guest.join('Gast');
    await phone.press('66');
    const caller = await until('the caller with microphone on', 10_000, async () =>
      (await moderator.roster()).find((p) => p.door === 'phone' && p.microphone));
    await moderator.mute(caller.id);
    await until('the caller muted, seen by the guest', 5_000, async () =>
      (await guest.roster()).some((p) => p.door === 'phone' && !p.microphone));
    await moderator.remove(caller.id);
    await until('the caller\'s goodbye', 20_000, () => phone.happened('CALL_CLOSED'));
    await moderator.end();
    await until('the guest dismissed', 5_000, async () => (await guest.state()) === 'over');
  } finally {
    for (const page of pages) await page.close();
    await phone.stop();
    phone.clear();
    await server.stop();
  }
});
