// A real telephone and a real browser in one room: baresip with Chromium.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Baresip, codecs } from './lib/baresip.mjs';
import { hear, makeVoice } from './lib/ear.mjs';
import { Server, pause, until } from './lib/server.mjs';
import { hearEachOther } from './lib/talk.mjs';
import * as chromium from '../../web/test/drivers/chromium.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rundruf-browsers-'));
const phoneVoice = join(folder, 'phone.wav');
const browserVoice = join(folder, 'browser.wav');

before(() => {
  makeVoice(0, 8000, 90, phoneVoice);
  makeVoice(1, 48000, 90, browserVoice);
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe('a telephone and a browser', () => {
  test('Chromium and baresip hear each other, and nobody who has not turned on the microphone', () => hearEachOther({
    folder,
    phoneVoice,
    name: 'Chromium',
    open: (url) => chromium.open(url, { fakeAudioWav: browserVoice }),
    heardBy: (file, ...times) => hear(1, file, ...times),
  }));
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
