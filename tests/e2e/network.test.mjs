// A browser whose network is cut, and one whose computer goes over to another network with another address.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeVoice } from './lib/ear.mjs';
import { Elsewhere, HERE, HTTPS, inside, openThere, reached, runInside } from './lib/firewall.mjs';
import { Server, pause, until } from './lib/server.mjs';
import * as chromium from '../../web/test/drivers/chromium.mjs';

const BACK_MS = 5_000;
const CUT_MS = 4_000;
const settings = { addresses: ['127.0.0.1', HERE], https: `${HERE}:${HTTPS}` };

if (inside) {
  const folder = mkdtempSync(join(tmpdir(), 'rundruf-network-'));
  const voice = join(folder, 'voice.wav');
  const here = process.env.CHROMIUM;
  let elsewhere;
  before(async () => {
    makeVoice(1, 48000, 90, voice);
    elsewhere = await Elsewhere.open();
    elsewhere.permit();
    elsewhere.layAnother();
  });
  after(() => {
    elsewhere.close();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [what, anew, happens] of [
    ['cut for a while', false, async () => {
      elsewhere.cut();
      await pause(CUT_MS);
      elsewhere.mend();
    }],
    ['changed to another address', true, async () => elsewhere.change()],
  ]) {
    test(`after the network is ${what} a page is back within 5 s, at its seat and with its hand`, async (t) => {
      const server = await Server.start(settings);
      const pages = [];
      try {
        const gone = await openThere(server, server.room.moderator_link, { fakeAudioWav: voice });
        pages.push(gone);
        const there = process.env.CHROMIUM;
        if (here === undefined) delete process.env.CHROMIUM;
        else process.env.CHROMIUM = here;
        const other = await chromium.open(reached(server.room.guest_link), { fakeAudioWav: voice });
        process.env.CHROMIUM = there;
        pages.push(other);
        for (const [page, name] of [[gone, 'Anna'], [other, 'Ben']]) {
          await page.join(name);
          await page.connected();
        }
        await other.setMicrophone(true);
        await gone.setMicrophone(true);
        await gone.press('h');
        await gone.wait('[data-testid=raised]', BACK_MS);
        const before = (await gone.roster()).find(({ own }) => own);
        await gone.evaluate(listen);
        await pause(2_000);

        await happens();
        const from = Date.now();
        if (anew) await until('it to hear nothing', 2_000, async () => !(await gone.evaluate(hears)));
        const until5s = (what, check) => until(what, BACK_MS - (Date.now() - from), check);
        await until5s('the page to hear again', () => gone.evaluate(hears));
        t.diagnostic(`back ${Date.now() - from} ms after the network was there again`);
        await until5s('the others to see the same', async () => {
          const [own, seen] = [(await gone.roster()).find((one) => one.own), (await other.roster()).find(({ id }) => id === before.id)];
          return seen?.name === 'Anna' && seen.microphone === own?.microphone;
        });
        assert.equal((await other.roster()).length, 2, 'nobody is there twice');
        assert.equal((await gone.roster()).find(({ own }) => own).role, 'moderator');
        await gone.wait('[data-testid=raised]', 1_000);
        // Whose seat was taken again is muted and asked; a connection that stood through the cut goes on as it was.
        const muted = await gone.evaluate(() => document.querySelector('[data-own=true]').dataset.microphone === 'off');
        assert.ok(muted || !anew, 'a seat that is taken again is muted');
        if (muted) await gone.wait('[data-testid=plea]', 1_000);
        await pause(3_000);
        const gap = await gone.evaluate(silence);
        t.diagnostic(`it heard nothing for ${gap} ms`);
        assert.ok(gap > 0 && gap < CUT_MS + BACK_MS, `${gap} ms`);
        if (muted) await gone.click('[data-testid=plea-yes]');
        await until('Anna heard again', 5_000, async () => (await other.roster()).some(({ name, speaking }) => name === 'Anna' && speaking));
      } finally {
        for (const page of pages) await page.close();
        await server.stop();
      }
    });
  }
} else {
  test('browsers whose network goes away', async (t) => {
    const output = await runInside(import.meta.url, 2);
    for (const line of output.match(/ℹ (back|it heard).*/g) ?? []) t.diagnostic(line.slice(2));
  });
}

/** Runs in the page: notes every tenth of a second how loud what it hears is, whichever stream it is. */
function listen() {
  const heard = (globalThis.heard = []);
  const context = new AudioContext();
  const meter = context.createAnalyser();
  let [stream, source] = [null, null];
  const samples = new Float32Array(meter.fftSize);
  setInterval(() => {
    const now = document.querySelector('#mix').srcObject;
    if (now !== stream) {
      source?.disconnect();
      stream = now;
      source = stream && context.createMediaStreamSource(stream);
      source?.connect(meter);
    }
    meter.getFloatTimeDomainData(samples);
    heard.push([performance.now(), Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length)]);
  }, 100);
}

/** Runs in the page: whether it hears something at this moment. */
function hears() {
  const now = performance.now();
  const lately = globalThis.heard.filter(([at]) => now - at < 300);
  return document.querySelector('[data-audio]')?.dataset.audio === 'connected' && lately.some(([, level]) => level > 0.003);
}

/** Runs in the page: the longest time, in milliseconds, in which it heard nothing. */
function silence() {
  const loud = globalThis.heard.filter(([, level]) => level > 0.003).map(([at]) => at);
  return Math.round(Math.max(...loud.slice(1).map((at, i) => at - loud[i])));
}
