// A moderator talks with a telephone that waits, alone: both are heard by each other, and nothing of it by who is inside.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Baresip, codecs } from './lib/baresip.mjs';
import { hear, makeVoice } from './lib/ear.mjs';
import { Server, pause, until } from './lib/server.mjs';
import * as chromium from '../../web/test/drivers/chromium.mjs';

const [PHONE, MODERATOR, GUEST] = [0, 1, 2];
const folder = mkdtempSync(join(tmpdir(), 'rundruf-apart-'));
const voices = ['phone.wav', 'moderator.wav', 'guest.wav'].map((name) => join(folder, name));

before(() => voices.forEach((file, voice) => makeVoice(voice, voice === PHONE ? codecs.PCMA.rate : 48_000, 120, file)));
after(() => rmSync(folder, { recursive: true, force: true }));

const isHeard = ({ level, over }) => level > -40 && over >= 12;
/** What stands in somebody's row of the list, as somebody sees it. */
const row = (page, name) => page.evaluate((name) => document.querySelector(`[data-testid=roster] [data-name="${name}"]`)?.innerText ?? '', name);

test('a moderator and a telephone in the waiting room hear each other, and nobody else hears them', async () => {
  const server = await Server.start();
  const phone = await Baresip.start({ source: voices[PHONE], codec: codecs.PCMA });
  const pages = [];
  const open = async (link, name, voice) => {
    const page = await chromium.open(link, { fakeAudioWav: voices[voice] });
    pages.push(page);
    await page.join(name);
    await page.connected();
    await page.setMicrophone(true);
    return page;
  };
  try {
    const mia = await open(server.room.moderator_link, 'Mia', MODERATOR);
    const ben = await open(server.room.guest_link, 'Ben', GUEST);
    await mia.click('[data-testid=lead]');
    await mia.page.getByTestId('lobby').selectOption('guests');
    await phone.dial(`sip:bridge@${server.sip}`);
    await pause(700);
    await phone.press(server.code);
    await mia.wait('[data-testid=waits]', 10_000);
    await mia.click('[data-testid=waits] [data-testid=talk]');
    await mia.wait('[data-talks=true]', 5_000);
    await until('Ben to see that Mia talks with somebody who waits', 5_000, async () => (await row(ben, 'Mia')).includes('Spricht mit jemandem im Warteraum'));
    assert.ok(!(await ben.evaluate(() => document.body.innerText)).includes('Telefon 1'), 'who waits is named to moderators alone');
    assert.ok((await row(mia, 'Mia')).includes('Spricht mit Telefon 1 im Warteraum'));

    // The words to the caller end before anything is measured; the microphone is theirs to switch on.
    await pause(9_000);
    await phone.press('66');
    await pause(5_000);
    const files = ['mia', 'ben'].map((name) => join(folder, `${name}.wav`));
    await Promise.all([mia, ben].map((page, i) => page.recordRemote(4_000, files[i])));
    const [byMia, byBen] = files.map((file) => [PHONE, MODERATOR, GUEST].map((voice) => hear(voice, file)));
    assert.ok(isHeard(byMia[PHONE]), `Mia hears the telephone: ${JSON.stringify(byMia)}`);
    assert.ok(byMia[GUEST].level < -60, `and nothing of the conference: ${JSON.stringify(byMia)}`);
    assert.ok(byBen[PHONE].total < -60, `Ben hears nobody: ${JSON.stringify(byBen)}`);

    phone.hangUp();
    await until('Mia among the others again, muted', 5_000, async () =>
      !(await row(ben, 'Mia')).includes('Warteraum') && (await mia.roster()).some(({ own, microphone }) => own && !microphone));
    await pause(2_000);
    const again = join(folder, 'again.wav');
    await mia.recordRemote(4_000, again);
    assert.ok(isHeard(hear(GUEST, again)), `Mia hears Ben again: ${JSON.stringify(hear(GUEST, again))}`);
    await phone.stop();
  } finally {
    for (const page of pages) await page.close();
    await phone.stop();
    await server.stop();
  }
  const end = hear(MODERATOR, phone.heard).seconds;
  const [moderator, guest] = [MODERATOR, GUEST].map((voice) => hear(voice, phone.heard, end - 4, end - 1));
  assert.ok(isHeard(moderator), `the telephone hears Mia: ${JSON.stringify(moderator)}`);
  assert.ok(guest.level < -60, `and nothing of the conference: ${JSON.stringify(guest)}`);
  phone.clear();
});
