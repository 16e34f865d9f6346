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

test('what one person types another reads while it is typed, and a private line reaches one of two', async () => {
  const server = await Server.start();
  const pages = [];
  const read = (page, pane) => page.evaluate((id) => [...document.querySelectorAll(`[data-testid=opened-${id}] [data-testid=written]`)].map((line) => `${line.dataset.live} ${line.innerText.replace(/\s+/g, ' ')}`), pane);
  try {
    for (const name of ['Anna', 'Ben', 'Cem']) {
      const page = await chromium.open(name === 'Cem' ? server.room.moderator_link : server.room.guest_link, { fakeAudioWav: browserVoice });
      pages.push(page);
      await page.join(name);
      for (const pane of ['typed', 'chat']) await page.click(`[data-testid=pane-${pane}]`);
    }
    const [anna, ben, cem] = pages;
    await anna.fill('[data-testid=typed-field]', 'Guten T');
    await until('the line while it is typed', 1_000, async () => (await read(ben, 'typed')).includes('true Anna schreibt Guten T'));
    await anna.fill('[data-testid=typed-field]', 'Guten Tag');
    await anna.click('[data-testid=typed-end]');
    for (const page of [ben, cem]) await until('the line that is ended', 1_000, async () => (await read(page, 'typed')).includes('false Anna Guten Tag'));
    const whom = (await anna.roster()).find(({ name }) => name === 'Ben').id;
    await anna.page.getByTestId('chat-to').selectOption(whom);
    await anna.fill('[data-testid=chat-field]', 'nur du');
    await anna.click('[data-testid=chat-send]');
    await until('the private line', 1_000, async () => (await read(ben, 'chat')).length === 1);
    await anna.page.getByTestId('chat-to').selectOption('');
    await anna.fill('[data-testid=chat-field]', 'alle');
    await anna.click('[data-testid=chat-send]');
    await until('the line for all', 1_000, async () => (await read(cem, 'chat')).length > 0);
    assert.deepEqual(await read(cem, 'chat'), ['false Anna alle']);
    assert.deepEqual(await read(ben, 'chat'), ['false Anna nur an Sie nur du', 'false Anna alle']);
  } finally {
    for (const page of pages) await page.close();
    await server.stop();
  }
});
