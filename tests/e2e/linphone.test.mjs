// Linphone, another telephone than baresip, with a stack of its own: over UDP, TCP, TLS with keys, and DTLS.
//
// All four lines are in one conference with a baresip, so that starting, typing and the words of welcome take their time once.

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
const voices = [0, 1, 2, 3, 4].map((number) => join(folder, `voice-${number}.wav`));
before(() => voices.forEach((file, number) => makeVoice(number, 8000, 90, file)));
after(() => rmSync(folder, { recursive: true, force: true }));

const lines = [
  { name: 'UDP, plain', transport: 'udp', encryption: 'none' },
  { name: 'TCP, plain', transport: 'tcp', encryption: 'none' },
  { name: 'TLS, with keys in the description', transport: 'tls', encryption: 'srtp' },
  { name: 'TLS, with keys by DTLS', transport: 'tls', encryption: 'dtls' },
];
/** The number of the voice that baresip speaks with; the lines have those before it. */
const BARESIP = lines.length;

/** How a voice is heard in the cleanest two seconds around a moment, so many seconds before a recording's end. */
function cleanest(voice, file, ago) {
  const { seconds } = hear(voice, file);
  const windows = Array.from({ length: 5 }, (_, n) => seconds - ago - 2 + n * 0.5).map((from) => hear(voice, file, from, from + 2));
  return windows.reduce((a, b) => (a.over > b.over ? a : b));
}

/** Lets everybody come in and speak in turn; returns each telephone with when it ended and when which voice was in the midst of it. */
async function talk(server, phones) {
  const among = (number) => until(`${number} in the conference`, 15_000, async () => (
    (await server.metrics()).get('rundruf_participants') === number)).catch((error) => {
    throw new Error([error.message, ...phones.map(({ output }) => output)].join('\n'));
  });
  for (const [number, { transport, encryption }] of lines.entries()) {
    phones[number] = await Linphone.start({ source: voices[number], transport, encryption, authority: server.certificate });
  }
  const addresses = { udp: server.sip, tcp: server.ready.sip_tcp, tls: server.ready.sip_tls };
  await Promise.all(lines.map(({ transport }, number) => phones[number].dial(`sip:bridge@${addresses[transport]}`)));
  // A handshake for DTLS takes a moment from the answer on.
  await pause(2_000);
  await Promise.all(phones.map((phone) => phone.press(server.code)));
  await among(lines.length);
  const baresip = await Baresip.start({ source: voices[BARESIP], codec: codecs.PCMA });
  phones.push(baresip);
  await baresip.dial(`sip:bridge@${server.sip}`);
  await pause(700);
  await baresip.press(server.code);
  await among(lines.length + 1);
  // The words of welcome end before anything is measured.
  await pause(12_000);
  // What Linphone sends before the keys are agreed upon is dropped and counted.
  const unauthentic = async () => (await server.metrics()).get('rundruf_packets_discarded_total{kind="not_authentic"}');
  const early = await unauthentic();
  assert.ok(early <= 100, `${early} packets before the talk`);
  const midst = [];
  const speak = async (number) => {
    await pause(2_000);
    midst[number] = performance.now();
    await pause(2_000);
  };
  await baresip.press('66');
  await speak(BARESIP);
  for (const number of lines.keys()) {
    await phones[number].press('66');
    await speak(number);
    await phones[number].press('66');
  }
  assert.equal(await unauthentic(), early, 'of the talk everything is authentic');
  const ended = [];
  for (const [number, phone] of phones.entries()) {
    ended[number] = performance.now();
    await phone.stop();
  }
  return { midst, ended };
}

describe('Linphone', { skip }, () => {
  const phones = [];
  let server;
  let times;

  before(async () => {
    server = await Server.start({ encryption: 'preferred' });
    times = await talk(server, phones);
  });
  after(async () => {
    for (const phone of phones) await phone.stop();
    for (const phone of phones) phone.clear();
    await server?.stop();
  });

  /** How somebody's voice was heard by another. */
  const heardBy = (listener, speaker) => {
    const ago = (times.ended[listener] - times.midst[speaker]) / 1_000;
    return cleanest(speaker, phones[listener].heard, ago);
  };
  for (const [number, { name }] of lines.entries()) {
    test(`over ${name}: it and baresip hear each other`, () => {
      for (const [listener, speaker] of [[BARESIP, number], [number, BARESIP]]) {
        const heard = heardBy(listener, speaker);
        assert.ok(heard.level > -35 && heard.over >= 15, `voice ${speaker} by ${listener}: ${JSON.stringify(heard)}`);
      }
    });
  }
});
