// SIP over TLS against another implementation of it (OpenSSL): suites, renewal of the certificate, a real call over it, connections
// lost.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Baresip, encryptions } from './lib/baresip.mjs';
import { hear, makeSilence, makeVoice } from './lib/ear.mjs';
import { Server, pause, until } from './lib/server.mjs';

const portOf = (address) => Number(address.split(':').at(-1));

/** Connects over TLS; resolves with the socket once hands are shaken. */
function shake(server, options = {}) {
  const ca = readFileSync(server.certificate);
  return new Promise((done, fail) => {
    const socket = connect({ port: portOf(server.ready.sip_tls), host: '127.0.0.1', ca, ...options }, () => done(socket));
    socket.on('error', fail);
  });
}

const options = (branch) => [
  'OPTIONS sip:bridge@127.0.0.1 SIP/2.0', `Via: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK${branch}`, 'Max-Forwards: 70',
  'From: <sip:a@example.com>;tag=1', 'To: <sip:bridge@127.0.0.1>', `Call-ID: ${branch}`, 'CSeq: 1 OPTIONS', 'Content-Length: 0', '', '',
].join('\r\n');

/** Asks for the capabilities; resolves with the answer. */
function ask(socket, branch) {
  return new Promise((done, fail) => {
    socket.once('data', (data) => done(data.toString()));
    socket.once('close', () => fail(new Error('closed without an answer')));
    socket.write(options(branch));
  });
}

/** Puts another certificate in place of the server's, and has it read. */
async function renew(server) {
  const key = server.certificate.replace('certificate.pem', 'certificate-key.pem');
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', server.certificate,
    '-days', '2', '-subj', '/CN=renewed', '-addext', 'subjectAltName=IP:127.0.0.1',
  ], { stdio: 'ignore' });
  process.kill(server.ready.pid, 'SIGHUP');
  await until('the certificate read again', 5_000, () => server.output.includes('certificate read again'));
}

test('only suites that TR-02102-2 recommends are spoken', async () => {
  const server = await Server.start({ level: 'warn' });
  try {
    for (const [version, ciphers, expected] of [
      ['TLSv1.3', 'TLS_AES_256_GCM_SHA384', true],
      ['TLSv1.3', 'TLS_AES_128_GCM_SHA256', true],
      ['TLSv1.3', 'TLS_CHACHA20_POLY1305_SHA256', false],
      ['TLSv1.2', 'ECDHE-ECDSA-AES256-GCM-SHA384', true],
      ['TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256', true],
      ['TLSv1.2', 'ECDHE-ECDSA-CHACHA20-POLY1305', false],
      ['TLSv1.2', 'ECDHE-ECDSA-AES256-SHA384', false],
      ['TLSv1.1', 'ECDHE-ECDSA-AES256-SHA@SECLEVEL=0', false],
    ]) {
      const shaken = await shake(server, { minVersion: version, maxVersion: version, ciphers }).catch(() => null);
      assert.equal(shaken !== null, expected, `${version} ${ciphers}`);
      shaken?.destroy();
    }
    for (const [ecdhCurve, expected] of [['P-256', true], ['P-384', true], ['X25519', false]]) {
      const shaken = await shake(server, { ecdhCurve }).catch(() => null);
      assert.equal(shaken !== null, expected, ecdhCurve);
      shaken?.destroy();
    }
  } finally {
    await server.stop();
  }
});

test('a renewed certificate is shown to those who come next, and nobody is dropped', async () => {
  const server = await Server.start();
  try {
    const before = await shake(server);
    const old = before.getPeerCertificate().fingerprint256;
    await renew(server);
    const after = await shake(server);
    const renewed = after.getPeerCertificate();
    assert.equal(renewed.subject.CN, 'renewed');
    assert.notEqual(renewed.fingerprint256, old);
    assert.match(await ask(before, 'before'), /^SIP\/2\.0 200 /);
    assert.match(await ask(after, 'after'), /^SIP\/2\.0 200 /);
    for (const socket of [before, after]) socket.destroy();
  } finally {
    await server.stop();
  }
});

test('a call over TLS with keys in its description goes on, and its sound, while the certificate is renewed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rundruf-tls-'));
  const sources = ['voice.wav', 'silence.wav'].map((name) => join(folder, name));
  makeVoice(0, 8000, 60, sources[0]);
  // Who spoke with the microphone off would be told so.
  makeSilence(8000, 60, sources[1]);
  const server = await Server.start({ encryption: 'required' });
  const phones = [];
  const times = {};
  const among = async (number) => (await server.metrics()).get('rundruf_participants') === number;
  const closed = (phone) => phone.events.filter(({ type }) => type === 'CALL_CLOSED').map(({ param }) => param);
  try {
    // A telephone reads whom it believes when it starts.
    const believed = join(folder, 'believed.pem');
    copyFileSync(server.certificate, believed);
    for (const [number, source] of sources.entries()) {
      const phone = await Baresip.start({ source, transport: 'tls', authority: believed, encryption: encryptions.srtpMandatory });
      phones.push(phone);
      await phone.dial(`sip:bridge@${server.ready.sip_tls}`);
      await pause(700);
      await phone.press(server.code);
      await until('a participant', 10_000, () => among(number + 1));
    }
    // The words of welcome end before anything is measured.
    await pause(12_000);
    await phones[0].press('66');
    await pause(3_500);
    await renew(server);
    times.renewed = performance.now();
    const next = await shake(server);
    assert.equal(next.getPeerCertificate().subject.CN, 'renewed');
    next.destroy();
    await pause(4_500);
    assert.ok(await among(2));
    assert.deepEqual(phones.map(closed), [[], []]);
    assert.equal((await server.metrics()).get('rundruf_packets_discarded_total{kind="not_authentic"}'), 0);
    // The connection of before serves to the end of the call.
    phones[0].hangUp();
    await until('one participant', 5_000, () => among(1));
    times.ended = performance.now();
    await phones[1].stop();
  } finally {
    for (const phone of phones) await phone.stop();
    await server.stop();
  }
  const file = phones[1].heard;
  const renewed = hear(0, file).seconds - (times.ended - times.renewed) / 1_000;
  // From 2.5 s before the renewal to 3.5 s after it there is no half second in which the voice is not heard.
  const windows = Array.from({ length: 12 }, (_, n) => renewed - 2.5 + n * 0.5).map((from) => hear(0, file, from, from + 0.5));
  phones.forEach((phone) => phone.clear());
  rmSync(folder, { recursive: true, force: true });
  for (const heard of windows) assert.ok(heard.level > -35 && heard.over >= 15, JSON.stringify(windows));
});

test('a thousand connections reset after ten INVITEs each leave no leg and nobody out', async () => {
  const server = await Server.start({ level: 'warn' });
  try {
    const invite = (transport, call) => {
      const sdp = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n';
      return `INVITE sip:bridge@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/${transport} 127.0.0.1:9;branch=z9hG4bK${call}\r\n`
        + `Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=${call}\r\nTo: <sip:bridge@127.0.0.1>\r\nCall-ID: ${call}\r\n`
        + 'CSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.1>\r\nContent-Type: application/sdp\r\n'
        + `Content-Length: ${sdp.length}\r\n\r\n${sdp}`;
    };
    let refused = 0;
    const reach = (address) => {
      const socket = connectTcp(portOf(address), '127.0.0.1');
      socket.on('error', () => {});
      return socket;
    };
    // A client of TLS 1.3 is through before the server is: on a slow machine the handshakes of one twenty are still under way
    // when those of the next begin, and the server, which takes so many at a time from one address, closes the rest.
    const shakeOften = async () => {
      for (;;) {
        const under = reach(server.ready.sip_tls);
        try {
          return [under, await shake(server, { socket: under })];
        } catch (error) {
          if (error.code !== 'ECONNRESET' || refused >= 1_000) throw error;
          refused += 1;
          await pause(50);
        }
      }
    };
    const lose = async (number) => {
      const secure = number % 2 === 0;
      const tcp = secure ? null : reach(server.ready.sip_tcp);
      const [under, socket] = secure ? await shakeOften() : [tcp, tcp];
      socket.on('error', () => {});
      const calls = Array.from({ length: 10 }, (_, call) => invite(secure ? 'TLS' : 'TCP', `${number}-${call}`));
      await new Promise((done) => socket.write(calls.join(''), done));
      // Some are lost before anything is answered, some while calls are taken.
      await pause(number % 40);
      under.resetAndDestroy();
      socket.destroy();
    };
    for (let first = 0; first < 1_000; first += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, index) => lose(first + index)));
    }
    await until('no leg left', 40_000, async () => (await server.metrics()).get('rundruf_legs') === 0);
    const metrics = await server.metrics();
    assert.equal(metrics.get('rundruf_trunk_calls{trunk="local"}'), 0);
    assert.ok(metrics.get('rundruf_sip_total{kind="requests"}') > 5_000);
    assert.ok(metrics.get('rundruf_sip_total{kind="refused"}') >= refused, `${refused} were closed for no reason that is counted`);
    const socket = await shake(server);
    assert.match(await ask(socket, 'after'), /^SIP\/2\.0 200 /);
    socket.destroy();
  } finally {
    await server.stop();
  }
});
