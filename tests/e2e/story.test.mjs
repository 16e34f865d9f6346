// A meeting from beginning to end by keyboard alone, in Chromium and in Firefox: waiting room, hands, who may speak, what is
// written, names, a telephone as the sound, the lock, removing, a second moderator, the end. What a screen reader is told is read
// from the browser's own accessibility tree.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Baresip, codecs } from './lib/baresip.mjs';
import { makeVoice } from './lib/ear.mjs';
import { CARD, inOwnNetwork } from './lib/own_network.mjs';
import { Server, pause, until } from './lib/server.mjs';
import * as chromium from '../../web/test/drivers/chromium.mjs';
import * as firefox from '../../web/test/drivers/firefox.mjs';

const WAIT_MS = 10_000;
const addresses = ['127.0.0.1', CARD];

inOwnNetwork(import.meta.url, 'a meeting from beginning to end by keyboard', 2, () => {
  for (const [name, driver] of [['Chromium', chromium], ['Firefox', firefox]]) {
    test(`a meeting by keyboard alone in ${name}`, () => meet((link) => driver.open(link)));
  }
});

/** The meeting: Mia leads, Gustav and Emil are guests. */
async function meet(open) {
  const meeting = { server: await Server.start({ addresses }), pages: [], open };
  try {
    await comeIn(meeting);
    await speak(meeting);
    await write(meeting);
    await name(meeting);
    await telephone(meeting);
    await close(meeting);
    await promote(meeting);
    await end(meeting);
  } finally {
    for (const page of meeting.pages) await page.close();
    await meeting.server.stop();
  }
}

/** Opens the page by a link and joins. */
async function arrives(meeting, link, name) {
  const page = await meeting.open(link);
  meeting.pages.push(page);
  await page.wait('[data-testid=join]', WAIT_MS);
  await page.reach('name');
  await page.type(name);
  await page.press('Enter');
  return page;
}

/** Waits until somebody stands in the list as they should. */
const listed = (page, name, fits, what) =>
  until(`${name} ${what}`, WAIT_MS, async () => (await page.roster()).some((one) => one.name === name && fits(one)));

/** Chooses who has to wait by the first letter of the choice, and waits until that is so. */
async function lobby(mia, letter, words) {
  await mia.reach('lobby');
  await mia.type(letter);
  await until(words, WAIT_MS, () => mia.evaluate((words) => document.querySelector('.lead-list').innerText.includes(words), words));
}

/** A guest waits, sees no names, is announced, and is let in; another is told why not. */
async function comeIn(meeting) {
  const { room } = meeting.server;
  const mia = await arrives(meeting, room.moderator_link, 'Mia');
  await mia.wait('[data-testid=roster]', WAIT_MS);
  await mia.connected();
  await mia.work('lead');
  await lobby(mia, 'G', 'Gäste warten, bis jemand sie einlässt.');
  const gustav = await arrives(meeting, room.guest_link, 'Gustav');
  await gustav.wait('[data-testid=waiting-room]', WAIT_MS);
  assert.deepEqual(await gustav.roster(), []);
  assert.equal(await gustav.evaluate(() => document.activeElement.id), 'title', 'the heading has the focus');
  assert.ok(!(await gustav.evaluate(() => document.body.innerText)).includes('Mia'), 'who waits sees no names');
  await mia.announced(/^Gustav wartet im Warteraum\.$/);
  await mia.work('admit', { of: 'Gustav' });
  await gustav.wait('[data-testid=roster]', WAIT_MS);
  await gustav.connected();

  const fritz = await arrives(meeting, room.guest_link, 'Fritz');
  await fritz.wait('[data-testid=waiting-room]', WAIT_MS);
  await mia.announced(/^Fritz wartet im Warteraum\.$/);
  await mia.work('turn-away', { of: 'Fritz' });
  await mia.work('no-place', { backwards: true });
  await fritz.wait('[data-page=over]', WAIT_MS);
  assert.match(await fritz.evaluate(() => document.querySelector('main').innerText), /keinen Platz mehr/);
  await fritz.close();
  meeting.pages.pop();

  await lobby(mia, 'O', 'Alle kommen direkt herein.');
  const emil = await arrives(meeting, room.guest_link, 'Emil');
  await emil.wait('[data-testid=roster]', WAIT_MS);
  await mia.announced(/^Emil ist dazugekommen\.$/);
  Object.assign(meeting, { mia, gustav, emil });
}

/** A hand, the floor, a mute for all that anybody may undo for themselves. */
async function speak({ mia, gustav }) {
  await mia.work('ask-to-speak');
  await gustav.announced(/Ab jetzt spricht nur, wer das Wort hat\./);
  await gustav.press('h');
  await mia.announced(/^Gustav meldet sich\.$/);
  await gustav.wait('[data-testid=raised]', WAIT_MS);
  await mia.work('give', { of: 'Gustav' });
  await gustav.announced(/Sie haben das Wort\./);
  await gustav.work('plea-yes');
  await listed(mia, 'Gustav', ({ microphone }) => microphone, 'with microphone on');
  await gustav.announced(/Man hört Sie\./);
  await mia.work('ask-to-speak');
  await gustav.announced(/Alle dürfen wieder sprechen\./);
  if (await mia.evaluate(() => document.querySelector('[data-participant] [data-testid=mute]') === null)) {
    await gustav.press('m');
    await listed(mia, 'Gustav', ({ microphone }) => microphone, 'with microphone on again');
  }
  await mia.work('mute-all');
  await gustav.announced(/stumm|ausgeschaltet/);
  await listed(mia, 'Gustav', ({ microphone }) => !microphone, 'muted');
  await gustav.press('m');
  await listed(mia, 'Gustav', ({ microphone }) => microphone, 'unmuted by himself');
  await gustav.press('m');
  await listed(mia, 'Gustav', ({ microphone }) => !microphone, 'muted by himself');
}

const written = (page, pane) => page.evaluate((id) => [...document.querySelectorAll(`[data-testid=opened-${id}] [data-testid=written]`)].map((line) => line.innerText.replace(/\s+/g, ' ')), pane);

/** Typed text both ways, and a line that reaches one of two. */
async function write({ mia, gustav, emil }) {
  await mia.press('t');
  await mia.reach('typed-field');
  await gustav.press('t');
  await gustav.reach('typed-field');
  await gustav.type('Guten Tag');
  await until('the line while it is typed', 2_000, async () => (await written(mia, 'typed')).includes('Gustav schreibt Guten Tag'));
  await gustav.press('Enter');
  await mia.announced(/^Gustav schreibt: Guten Tag$/);
  await mia.type('Willkommen');
  await mia.press('Enter');
  await gustav.announced(/^Mia schreibt: Willkommen$/);
  for (const page of [mia, gustav]) await page.press('Escape');

  await emil.press('c');
  await emil.reach('chat-field');
  await mia.reach('microphone');
  await mia.press('c');
  await gustav.reach('microphone');
  await gustav.press('c');
  await gustav.reach('chat-to');
  await gustav.type('Mia');
  await gustav.reach('chat-field');
  await gustav.type('nur du');
  await gustav.press('Enter');
  await mia.announced(/^Chat, Gustav, nur an Sie: nur du$/);
  await gustav.reach('chat-to');
  await gustav.type('Alle');
  await gustav.reach('chat-field');
  await gustav.type('alle zusammen');
  await gustav.press('Enter');
  await emil.announced(/^Chat, Gustav: alle zusammen$/);
  assert.deepEqual(await written(emil, 'chat'), ['Gustav alle zusammen']);
  for (const page of [mia, gustav, emil]) await page.press('Escape');
}

/** A moderator gives somebody another name, which the person is told. */
async function name({ mia, gustav }) {
  await mia.work('rename', { of: 'Gustav' });
  await mia.reach('new-name');
  for (const _ of 'Gustav') await mia.press('Backspace');
  await mia.type('Gustav Weber');
  await mia.press('Enter');
  await gustav.announced(/Sie heißen jetzt Gustav Weber\./);
  await listed(gustav, 'Gustav Weber', ({ own }) => own, 'in his own list');
}

/** A telephone becomes Gustav's sound, speaks for him, and gives the sound back. */
async function telephone({ server, mia, gustav }) {
  const folder = mkdtempSync(join(tmpdir(), 'rundruf-story-'));
  const voice = join(folder, 'voice.wav');
  makeVoice(0, codecs.PCMA.rate, 60, voice);
  const phone = await Baresip.start({ source: voice, codec: codecs.PCMA });
  try {
      await gustav.work('sound');
    await gustav.work('pair');
    await gustav.wait('[data-testid=pairing-code]', WAIT_MS);
    const code = await gustav.evaluate(() => document.querySelector('[data-testid=pairing-code] .unseen').innerText.replaceAll(' ', ''));
    await phone.dial(`sip:bridge@${server.sip}`);
    await pause(700);
    await phone.press(code);
    await gustav.announced(/Ist das Ihr Telefon\?/);
    await gustav.work('telephone-yes');
    await gustav.wait('[data-testid=telephone]', WAIT_MS);
    await pause(3_000);
    await phone.press('66');
    await listed(mia, 'Gustav Weber', ({ microphone }) => microphone, 'heard by telephone');
    phone.hangUp();
    await gustav.announced(/Ihr Telefon ist nicht mehr verbunden, Ihr Mikrofon ist aus\./);
    await gustav.work('sound-here');
    await listed(mia, 'Gustav Weber', ({ microphone }) => !microphone, 'muted');
  } finally {
    await phone.stop();
    phone.clear();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Nobody comes in while it is locked; who is removed is told so, and what was done can be read up. */
async function close(meeting) {
  const { server, mia, emil, gustav } = meeting;
  await mia.work('lock');
  await mia.announced(/Die Konferenz ist geschlossen\. Niemand kommt mehr herein\./);
  await gustav.wait('[data-testid=locked]', WAIT_MS);
  const late = await arrives(meeting, server.room.guest_link, 'Zu spät');
  await late.wait('[data-page=over]', WAIT_MS);
  assert.match(await late.evaluate(() => document.querySelector('main').innerText), /Die Konferenz ist geschlossen/);
  await late.close();
  meeting.pages.pop();
  await mia.work('remove', { of: 'Emil' });
  await mia.reach('ban');
  await mia.type(' ');
  await mia.work('confirm');
  await emil.wait('[data-page=over]', WAIT_MS);
  assert.match(await emil.evaluate(() => document.querySelector('main').innerText), /Sie wurden aus dem Gespräch entfernt/);
  await mia.announced(/^Emil wurde entfernt\.$/);

  await mia.work('protocol');
  await mia.wait('[data-testid=protocol-list]', WAIT_MS);
  const acts = () => [...document.querySelectorAll('[data-testid=protocol-list] li')].map((line) => line.querySelector('span').innerText);
  const [latest, before] = await mia.evaluate(acts);
  assert.equal(latest, 'Leitung: entfernt und nicht wieder eingelassen (Emil)');
  assert.equal(before, 'Leitung: Konferenz geschlossen');
  await mia.press('Escape');
  await gustav.work('protocol');
  await gustav.wait('[data-testid=protocol-list]', WAIT_MS);
  assert.equal((await gustav.evaluate(acts))[0], 'Leitung: entfernt und nicht wieder eingelassen', 'guests read no name but their own');
  await gustav.press('Escape');
}

/** Gustav leads, too: he is told, his page has what a moderator needs, and the server lets him. */
async function promote({ mia, gustav }) {
  assert.ok(await gustav.evaluate(() => document.querySelector('[data-testid=lead]') === null));
  await mia.work('promote', { of: 'Gustav Weber' });
  await mia.work('confirm');
  await gustav.announced(/Sie haben jetzt die Leitung\./);
  await gustav.work('lead');
  await gustav.work('lock');
  await mia.announced(/Die Konferenz ist wieder offen\./);
}

/** It ends for all, and says so. */
async function end({ mia, gustav, server }) {
  await gustav.work('end');
  await gustav.work('confirm');
  for (const page of [mia, gustav]) {
    await page.wait('[data-page=over]', WAIT_MS);
    assert.match(await page.evaluate(() => document.querySelector('main').innerText), /Das Gespräch ist beendet/);
  }
  assert.equal((await server.metrics()).get('rundruf_participants'), 0);
}
