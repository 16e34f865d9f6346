// A way that loses packets in bursts, between Chromium and the server: both send copies of earlier sound (RFC 2198), and only then.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hear, makeVoice } from './lib/ear.mjs';
import { LossyWay } from './lib/lossy.mjs';
import { Server, pause, until } from './lib/server.mjs';
import * as chromium from '../../web/test/drivers/chromium.mjs';

test('Chromium and the server send each other copies where packets are lost, and are heard', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rundruf-copies-'));
  const [annas, berts] = [0, 1].map((voice) => {
    const file = join(folder, `voice${voice}.wav`);
    makeVoice(voice, 48000, 120, file);
    return file;
  });
  const server = await Server.start();
  const way = await LossyWay.open();
  const pages = [];
  const count = async (kind) => (await server.metrics()).get(`rundruf_media_total{kind="${kind}"}`);
  try {
    const anna = await chromium.open(server.room.guest_link, { fakeAudioWav: annas, relay: way.port });
    const bert = await chromium.open(server.room.guest_link, { fakeAudioWav: berts });
    pages.push(anna, bert);
    await anna.join('Anna');
    way.to = await until('the server\'s port', 5_000, () => anna.evaluate(() => globalThis.relayed?.port));
    await bert.join('Bert');
    for (const page of pages) {
      await page.connected();
      await page.setMicrophone(true);
    }
    await pause(8_000);
    assert.deepEqual([await count('packets_redundant'), await count('packets_recovered')], [0, 0], 'copies on a clean way');

    way.losing = true;
    await until('copies from the server', 30_000, async () => (await count('packets_redundant')) > 100);
    await until('copies from Chromium', 30_000, async () => (await count('packets_recovered')) > 5);
    await until('copies that reached Chromium', 10_000, async () => (await inbound(anna)).fecPacketsReceived > 100);
    // While the buffers grow so that copies come in time they stretch the sound, which is no tone of the voice then.
    await pause(8_000);
    const files = ['anna', 'bert'].map((name) => join(folder, `${name}-heard.wav`));
    await Promise.all(pages.map((page, i) => page.recordRemote(6_000, files[i])));
    const heard = [hear(1, files[0]), hear(0, files[1])];
    assert.ok(heard.every(({ level, over }) => level > -40 && over >= 12), `heard through ${way.lost} losses: ${JSON.stringify(heard)}`);
    assert.equal(await count('leg_panics'), 0);
  } finally {
    for (const page of pages) await page.close();
    way.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

/** What a page's connection says of the sound it receives. */
async function inbound(page) {
  return page.evaluate(async () => {
    const reports = [...(await globalThis.relayed.peer.getStats()).values()];
    return reports.find(({ type }) => type === 'inbound-rtp');
  });
}
