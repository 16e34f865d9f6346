// What a telephone and a browser must hear of each other, whatever the browser.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Baresip, codecs } from './baresip.mjs';
import { hear } from './ear.mjs';
import { Server, pause, until } from './server.mjs';

/**
 * A caller and a browser join one room; each hears the other only once the other turned on the microphone.
 * `open` opens the page by its link, with the server at hand, `heardBy` measures the browser's signal in the phone's recording.
 */
export async function hearEachOther({ folder, phoneVoice, name, open, heardBy, server: options }) {
  const server = await Server.start(options);
  const phone = await Baresip.start({ source: phoneVoice, codec: codecs.PCMA });
  let page;
  try {
    await phone.dial(`sip:bridge@${server.sip}`);
    await pause(700);
    await phone.press(server.code);
    await until('the caller in the conference', 10_000, async () => (await server.metrics()).get('rundruf_participants') === 1);
    page = await open(server.room.guest_link, server);
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
    await page.recordRemote(7_000, speaking);
    const heard = cleanest((...times) => hear(0, speaking, ...times), 0.5);
    assert.ok(heard.level > -35 && heard.over >= 20, `the browser after: ${JSON.stringify(heard)}`);

    await page.setMicrophone(true);
    await pause(5_000);
    await page.leave();
    await until('the browser gone', 10_000, async () => (await server.metrics()).get('rundruf_participants') === 1);
    // Its recording is cut by its end, which must not wait for a browser that takes its time to close.
    await phone.stop();
  } finally {
    await page?.close();
    await phone.stop();
    await server.stop();
  }
  const length = hear(1, phone.heard).seconds;
  // While the browser recorded, it was muted and no words were spoken to the caller.
  const began = heardBy(phone.heard, length - 13.5, length - 9.5);
  assert.ok(began.level < -60, `the phone before: ${JSON.stringify(began)}`);
  const best = cleanest((...times) => heardBy(phone.heard, ...times), length - 8);
  assert.ok(best.level > -40 && best.over >= 20, `the phone after: ${JSON.stringify(best)}`);
  phone.clear();
}

/** The cleanest two of about eight seconds: a browser stretches time while its buffer settles, which is not ours to measure. */
function cleanest(measure, from) {
  const windows = Array.from({ length: 10 }, (_, i) => measure(from + i * 0.5, from + i * 0.5 + 2));
  return windows.reduce((a, b) => (a.over > b.over ? a : b));
}
