// Linphone, another telephone than baresip, with a stack of its own: over UDP, TCP, TLS with keys, and DTLS.
//
// Each line takes 45 s, so two of them run by themselves, and all four with LINPHONE=all; baresip has all four in any case.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Baresip, codecs } from './lib/baresip.mjs';
import { hear, makeVoice } from './lib/ear.mjs';
import { Linphone, missing } from './lib/linphone.mjs';
import { Server, pause, until } from './lib/server.mjs';

const skip = missing();
const folder = mkdtempSync(join(tmpdir(), 'rundruf-linphone-'));
const voices = [0, 1].map((number) => join(folder, `voice-${number}.wav`));
before(() => voices.forEach((file, number) => makeVoice(number, 8000, 60, file)));
after(() => rmSync(folder, { recursive: true, force: true }));

/** How a voice is heard in the cleanest two of a recording's last seconds. */
function cleanest(voice, file) {
  const { seconds } = hear(voice, file);
  const windows = Array.from({ length: 8 }, (_, n) => hear(voice, file, seconds - 6 + n * 0.5, seconds - 4 + n * 0.5));
  return windows.reduce((a, b) => (a.over > b.over ? a : b));
}

describe('Linphone', { skip }, () => {
  const lines = [
    { transport: 'udp', encryption: 'none' },
    { transport: 'tcp', encryption: 'none' },
    { transport: 'tls', encryption: 'srtp' },
    { transport: 'tls', encryption: 'dtls' },
  ];
  const rows = process.env.LINPHONE === 'all' ? lines : [lines[0], lines[3]];
  for (const { transport, encryption } of rows) {
    const name = { none: 'plain', srtp: 'with keys in the description', dtls: 'with keys by DTLS' }[encryption];
    test(`over ${transport}, ${name}: it and baresip hear each other`, async () => {
      const server = await Server.start(encryption === 'none' ? {} : { encryption: 'preferred' });
      const address = { udp: server.sip, tcp: server.ready.sip_tcp, tls: server.ready.sip_tls }[transport];
      const among = (number) => until(`${number} in the conference`, 15_000, async () => (
        (await server.metrics()).get('rundruf_participants') === number));
      const linphone = await Linphone.start({ source: voices[0], transport, encryption, authority: server.certificate });
      const phones = [linphone];
      try {
        await linphone.dial(`sip:bridge@${address}`);
        // Its handshake for DTLS takes a moment from the answer on.
        await pause(2_000);
        await linphone.press(server.code);
        await among(1).catch((error) => { throw new Error(`${error.message}\n${linphone.output}`); });
        const baresip = await Baresip.start({ source: voices[1], codec: codecs.PCMA });
        phones.push(baresip);
        await baresip.dial(`sip:bridge@${server.sip}`);
        await pause(700);
        await baresip.press(server.code);
        await among(2);
        // The words of welcome end before anything is measured.
        await pause(12_000);
        // What Linphone sends before the keys are agreed upon is dropped and counted.
        const unauthentic = async () => (await server.metrics()).get('rundruf_packets_discarded_total{kind="not_authentic"}');
        const before = await unauthentic();
        assert.ok(before <= 50, `${before} packets before the talk`);
        await linphone.press('66');
        await baresip.press('66');
        await pause(9_000);
        assert.equal(await unauthentic(), before, 'of the talk everything is authentic');
        for (const phone of phones) await phone.stop();
        for (const [voice, phone] of [[0, baresip], [1, linphone]]) {
          const heard = cleanest(voice, phone.heard);
          assert.ok(heard.level > -35 && heard.over >= 15, `voice ${voice}: ${JSON.stringify(heard)}`);
        }
      } finally {
        for (const phone of phones) await phone.stop();
        for (const phone of phones) phone.clear();
        await server.stop();
      }
    });
  }
});
