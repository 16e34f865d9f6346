// A real telephone and Firefox in one room, on a computer of their own: as a newcomer meets them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Baresip, codecs } from './lib/baresip.mjs';
import { hearTone, makeVoice } from './lib/ear.mjs';
import { CARD, inOwnNetwork } from './lib/own_network.mjs';
import { Server, pause, until } from './lib/server.mjs';
import { hearEachOther } from './lib/talk.mjs';
import * as firefox from '../../web/test/drivers/firefox.mjs';

const TONE_HZ = 1000;
const server = { addresses: ['127.0.0.1', CARD] };

inOwnNetwork(import.meta.url, 'Firefox and a softphone on a computer with one network card', 3, () => {
  test('Firefox and baresip hear each other, and nobody who has not turned on the microphone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rundruf-firefox-'));
    const phoneVoice = join(folder, 'phone.wav');
    makeVoice(0, 8000, 90, phoneVoice);
    await hearEachOther({
      folder,
      phoneVoice,
      server,
      name: 'Firefox',
      open: (url) => firefox.open(url, { toneHz: TONE_HZ }),
      heardBy: (file, ...times) => hearTone(TONE_HZ, file, ...times),
    });
    rmSync(folder, { recursive: true, force: true });
  });

  test('Firefox with the preferences a newcomer has connects over the card of the computer', async () => {
    const running = await Server.start(server);
    const page = await firefox.open(running.room.guest_link, { prefs: {
      'media.peerconnection.ice.loopback': false,
      'media.peerconnection.ice.obfuscate_host_addresses': true,
    } });
    try {
      await page.join('Neu');
      await page.connected();
    } finally {
      await page.close();
      await running.stop();
    }
  });

  test('a softphone that speaks from the network card reaches the conference on loopback', async () => {
    const running = await Server.start(server);
    const voice = join(mkdtempSync(join(tmpdir(), 'rundruf-card-')), 'voice.wav');
    makeVoice(0, 8000, 30, voice);
    const phone = await Baresip.start({ source: voice, codec: codecs.PCMA, address: CARD });
    try {
      await phone.dial(`sip:bridge@${running.sip}`);
      await pause(700);
      await phone.press(running.code);
      await until('the caller in the conference', 10_000, async () => (await running.metrics()).get('rundruf_participants') === 1);
    } finally {
      await phone.stop();
      phone.clear();
      await running.stop();
    }
  });
});
