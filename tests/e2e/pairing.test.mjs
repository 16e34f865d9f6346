// A telephone as the sound of a page: a real call by baresip, the code read off the page in Chromium.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Baresip, codecs } from './lib/baresip.mjs';
import { hear, makeVoice } from './lib/ear.mjs';
import { Server, pause, until } from './lib/server.mjs';
import * as chromium from '../../web/test/drivers/chromium.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rundruf-pairing-'));
const phoneVoice = join(folder, 'phone.wav');
const browserVoice = join(folder, 'browser.wav');

before(() => {
  makeVoice(0, codecs.PCMA.rate, 120, phoneVoice);
  makeVoice(1, 48000, 120, browserVoice);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const isPaused = () => document.querySelector('#mix').paused;

test('a telephone becomes the sound of a page by its code, is asked about, speaks for it, and gives the sound back', async () => {
  const server = await Server.start();
  const phone = await Baresip.start({ source: phoneVoice, codec: codecs.PCMA });
  const pages = [];
  const open = async (link, name) => {
    const page = await chromium.open(link, { fakeAudioWav: browserVoice });
    pages.push(page);
    await page.join(name);
    await page.connected();
    return page;
  };
  try {
    const anna = await open(server.room.moderator_link, 'Anna');
    const ben = await open(server.room.guest_link, 'Ben');
    await anna.setMicrophone(true);
    await anna.click('[data-testid=sound]');
    await anna.click('[data-testid=pair]');
    await anna.wait('[data-testid=pairing-code]', 5_000);
    const code = await anna.evaluate(() => document.querySelector('[data-testid=pairing-code] .unseen').innerText.replaceAll(' ', ''));
    assert.match(code, /^\d{6}$/);

    await phone.dial(`sip:bridge@${server.sip}`);
    await pause(700);
    await phone.press(code);
    await anna.wait('[data-testid=telephone-question]', 10_000);
    const shown = async () => (await ben.roster()).map(({ name, role, microphone }) => `${name} ${role} ${microphone ? 'on' : 'off'}`).sort();
    assert.deepEqual(await shown(), ['Anna moderator off', 'Ben guest off'], 'one person has one line, and comes muted');
    assert.ok(await anna.evaluate(isPaused));
    assert.equal((await server.metrics()).get('rundruf_participants'), 2);
    await anna.click('[data-testid=telephone-yes]');
    await anna.wait('[data-testid=telephone]', 5_000);

    // The words of welcome end before anything is measured.
    await pause(8_000);
    await phone.press('66');
    await until('Anna to be heard', 5_000, async () => (await shown()).includes('Anna moderator on'));
    await pause(1_000);
    const file = join(folder, 'ben.wav');
    await ben.recordRemote(4_000, file);
    const [byPhone, byPage] = [hear(0, file), hear(1, file)];
    assert.ok(byPhone.level > -40 && byPhone.over >= 15, JSON.stringify(byPhone));
    assert.ok(byPage.over < 15, `the page's own microphone is not heard: ${JSON.stringify(byPage)}`);
    // A moderator by telephone, since the page has said whose it is: *82 locks.
    await phone.press('*82');
    await ben.wait('[data-testid=locked]', 10_000);

    phone.hangUp();
    await anna.wait('[data-testid=telephone-over]', 5_000);
    assert.ok(await anna.evaluate(isPaused), 'nothing is played before it is wanted');
    await anna.click('[data-testid=sound-here]');
    await until('the page plays', 5_000, async () => !(await anna.evaluate(isPaused)));
    assert.deepEqual(await shown(), ['Anna moderator off', 'Ben guest off']);
    await anna.setMicrophone(true);
    await pause(1_000);
    const again = join(folder, 'again.wav');
    await ben.recordRemote(4_000, again);
    const heard = hear(1, again);
    assert.ok(heard.level > -40 && heard.over >= 15, JSON.stringify(heard));
  } finally {
    for (const page of pages) await page.close();
    await phone.stop();
    phone.clear();
    await server.stop();
  }
});

test('a telephone that the page says is not its own is put out, and a code serves once', async () => {
  const server = await Server.start();
  const phones = [];
  const page = await chromium.open(server.room.guest_link, { fakeAudioWav: browserVoice });
  const calls = async (code) => {
    const phone = await Baresip.start({ source: phoneVoice, codec: codecs.PCMA });
    phones.push(phone);
    await phone.dial(`sip:bridge@${server.sip}`);
    await pause(700);
    await phone.press(code);
    return phone;
  };
  try {
    await page.join('Anna');
    await page.connected();
    await page.click('[data-testid=sound]');
    await page.click('[data-testid=pair]');
    await page.wait('[data-testid=pairing-code]', 5_000);
    const code = await page.evaluate(() => document.querySelector('[data-testid=pairing-code] .unseen').innerText.replaceAll(' ', ''));
    const stranger = await calls(code);
    await page.wait('[data-testid=telephone-question]', 10_000);
    await page.click('[data-testid=telephone-no]');
    await until('the goodbye', 20_000, () => stranger.happened('CALL_CLOSED'));
    await page.wait('[data-testid=telephone-over]', 5_000);
    await calls(code);
    await pause(6_000);
    assert.equal((await page.roster()).length, 1);
    assert.equal((await server.metrics()).get('rundruf_participants'), 1);
  } finally {
    await page.close();
    for (const phone of phones) {
      await phone.stop();
      phone.clear();
    }
    await server.stop();
  }
});
