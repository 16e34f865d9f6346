// A real telephone and Firefox in one room, on a computer of their own: as a newcomer meets them.
//
// Firefox reaches no media on loopback, so this runs in a network namespace with one network card, as on a newcomer's
// computer: the file starts itself again inside.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Baresip, codecs } from './lib/baresip.mjs';
import { hearTone, makeVoice } from './lib/ear.mjs';
import { Server, pause, until } from './lib/server.mjs';
import { hearEachOther } from './lib/talk.mjs';
import * as firefox from '../../web/test/drivers/firefox.mjs';

const CARD = '10.77.0.1';
const TONE_HZ = 1000;
const inside = process.env.RUNDRUF_OWN_NETWORK === '1';
const server = { addresses: ['127.0.0.1', CARD] };

const network = [
  'ip link set lo up',
  'ip link add card0 type veth peer name card1',
  `ip addr add ${CARD}/24 dev card0`,
  'ip link set card0 up',
  'ip link set card1 up',
  'ip route add default dev card0',
].join(' && ');

if (inside) {
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
} else {
  test('Firefox and a softphone on a computer with one network card', async () => {
    const own = fileURLToPath(import.meta.url);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn('unshare', ['--net', 'sh', '-c', `${network} && exec "$0" --test-reporter=spec "$1"`, process.execPath, own], {
      env: { ...env, RUNDRUF_OWN_NETWORK: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { output += data; });
    const code = await new Promise((done) => child.on('exit', done));
    assert.equal(code, 0, `needs root for a network of its own; the tests inside said:\n${output}`);
    assert.match(output, /pass 3/, output);
  });
}
