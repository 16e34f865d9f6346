// The server is killed and runs again: pages come back by themselves, to the conference as it was.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeVoice } from './lib/ear.mjs';
import { Server, pause, until } from './lib/server.mjs';
import * as chromium from '../../web/test/drivers/chromium.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rundruf-restart-'));
const voice = join(folder, 'voice.wav');

before(() => makeVoice(1, 48000, 90, voice));
after(() => rmSync(folder, { recursive: true, force: true }));

test('after kill -9 and a start pages are back within 5 s, muted, behind the same lock', async () => {
  const server = await Server.start();
  const pages = [];
  const open = async (link, name) => {
    const page = await chromium.open(link, { fakeAudioWav: voice });
    pages.push(page);
    await page.join(name);
    await page.connected();
    return page;
  };
  try {
    const moderator = await open(server.room.moderator_link, 'Moderation');
    const guest = await open(server.room.guest_link, 'Gast');
    await guest.setMicrophone(true);
    await moderator.click('[data-testid=lead]');
    await moderator.click('[data-testid=lock]');
    await moderator.wait('[data-testid=locked]', 5_000);
    // What is kept is on the disk a moment later.
    await pause(500);
    await server.killAndRun();
    const ran = Date.now();
    for (const page of [guest, moderator]) {
      await page.wait('[data-audio=connected]', 5_000);
      await until('both in the list', 5_000, async () => (await page.roster()).length === 2);
      assert.ok(Date.now() - ran <= 5_000, `back after ${Date.now() - ran} ms`);
    }
    const roster = await moderator.roster();
    assert.deepEqual(roster.map(({ name, role, microphone }) => [name, role, microphone]).sort(), [
      ['Gast', 'guest', false],
      ['Moderation', 'moderator', false],
    ]);
    await guest.wait('[data-testid=plea]', 5_000);
    await moderator.wait('[data-testid=locked]', 5_000);
    const stranger = await chromium.open(server.room.guest_link, { fakeAudioWav: voice });
    pages.push(stranger);
    await stranger.wait('[data-testid=join]', 5_000);
    await stranger.click('[data-testid=join]');
    await stranger.wait('[data-why=locked]', 5_000);
    // A page that is loaded again is back, too.
    await guest.evaluate(() => location.reload());
    await guest.wait('[data-audio=connected]', 5_000);
    assert.equal((await moderator.roster()).length, 2);
  } finally {
    for (const page of pages) await page.close();
    await server.stop();
  }
});
