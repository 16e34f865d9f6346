// The program as an operator meets it: starting, what it says when it cannot, rooms from the command line, leaving.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Baresip, codecs } from './lib/baresip.mjs';
import { makeVoice } from './lib/ear.mjs';
import { Server, binary, pause, until } from './lib/server.mjs';
import * as chromium from '../../web/test/drivers/chromium.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rundruf-operation-'));
const voice = join(folder, 'voice.wav');
before(() => makeVoice(0, 8000, 30, voice));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the program to its end; resolves with exit code and both outputs. */
function rundruf(words, { cwd = folder, language = 'en_GB.UTF-8', prefix = [] } = {}) {
  const [program, ...rest] = [...prefix, binary, ...words];
  return new Promise((done) => {
    execFile(program, rest, { cwd, timeout: 10_000, env: { ...process.env, LANG: language, LC_ALL: language } },
      (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
  });
}

const quiet = '[web]\nlisten_https = []\nlisten_http = ["127.0.0.1:0"]\n[sip]\nlisten_udp = ["127.0.0.1:0"]\nlisten_tcp = ["127.0.0.1:0"]\nlisten_tls = ["127.0.0.1:0"]\n';

describe('what cannot be is said in one sentence with exit code 2', () => {
  const settings = (name, text) => {
    writeFileSync(join(folder, name), text);
    return name;
  };
  const refused = async (named, config, options) => {
    for (const language of ['de_DE.UTF-8', 'en_GB.UTF-8']) {
      const { code, stderr } = await rundruf(['serve', '--config', config], { language, ...options });
      assert.equal(code, 2, stderr);
      assert.ok(stderr.includes(named), `${language}: ${stderr}`);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
    }
  };

  test('a port in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((done) => taken.on('listening', done));
    const { port } = taken.address();
    const config = quiet.replace('listen_tcp = ["127.0.0.1:0"]', `listen_tcp = ["127.0.0.1:${port}"]`);
    await refused(`127.0.0.1:${port}`, settings('taken.toml', config));
    taken.close();
  });

  test('settings that are not there', () => refused('nowhere.toml', 'nowhere.toml'));

  test('an unknown key', () => refused('colour', settings('unknown.toml', `${quiet}colour = "blue"\n`)));

  test('too few file descriptors', async () => {
    const config = settings('files.toml', quiet);
    await refused('1000', config, { prefix: ['prlimit', '--nofile=1000:1000'] });
  });
});

test('the demo gets ready, its files are private, and a new start replaces the room', async () => {
  const server = await Server.start();
  try {
    assert.equal(statSync(join(server.folder, 'var/ready.json')).mode & 0o777, 0o600);
    assert.equal(statSync(join(server.folder, 'var/rundruf.key')).mode & 0o777, 0o600);
    const { number, pin, guest_link: guest, moderator_link: moderator } = server.room;
    for (const told of [guest, moderator, `${number} ${pin.slice(0, 4)} ${pin.slice(4)}`, 'baresip']) {
      assert.ok(server.output.includes(told), `the card lacks ${told}:\n${server.output}`);
    }
    const list = await rundruf(['room', 'list', '--config', 'config.toml', '--json'], { cwd: server.folder });
    assert.equal(JSON.parse(list.stdout).length, 1, list.stdout);
  } finally {
    await server.stop();
  }
});

test('rooms are added, listed, given new links and PINs, and removed from the command line', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'rundruf-rooms-'));
  const room = async (...words) => {
    const { code, stdout, stderr } = await rundruf(['room', ...words, '--json'], { cwd });
    assert.equal(code, 0, stderr);
    return stdout.trim() ? JSON.parse(stdout) : null;
  };
  const added = await room('add', '--title', 'Elternbeirat');
  assert.match(added.number, /^[1-7]\d{3}$/);
  assert.match(added.pin, /^\d{8}$/);
  const linked = await room('link', added.number);
  assert.notEqual(linked.guest_link, added.guest_link);
  const renewed = await room('pin', added.number);
  assert.notEqual(renewed.pin, added.pin);
  assert.equal((await room('list')).length, 1);
  await room('remove', added.number);
  assert.equal((await room('list')).length, 0);
  const database = readFileSync(join(cwd, 'var/rundruf.sqlite'), 'latin1');
  for (const secret of [added.pin, renewed.pin, added.guest_link.split('#')[1]]) {
    assert.ok(!database.includes(secret), 'a secret is in the database');
  }
  const { code, stderr } = await rundruf(['room', 'remove', '1234'], { cwd });
  assert.equal(code, 2);
  assert.ok(stderr.includes('1234'), stderr);
  rmSync(cwd, { recursive: true, force: true });
});

test('at the most talkative level the log holds no name, number, address, PIN or token', async () => {
  const server = await Server.start({ env: { RUST_LOG: 'trace' } });
  const card = server.output.length;
  const phone = await Baresip.start({ source: voice, codec: codecs.PCMA });
  const page = await chromium.open(server.room.guest_link);
  try {
    await phone.dial(`sip:${server.room.number}@${server.sip}`);
    await pause(700);
    await phone.press(server.room.pin);
    await page.join('Kanarienvogel');
    await until('both in the conference', 10_000, async () => (await server.metrics()).get('rundruf_participants') === 2);
    await page.setMicrophone(true);
  } finally {
    await page.close();
    await phone.stop();
    phone.clear();
    await server.stop();
  }
  const log = server.output.slice(card);
  assert.match(log, /conference began/);
  assert.ok(!log.includes('\u001b'), 'no colour codes where there is no terminal');
  const { pin, moderator_pin: moderator, guest_link: link } = server.room;
  for (const canary of ['Kanarienvogel', pin, moderator, link.split('#')[1], 'sip:phone', '127.0.0.1', 'a=candidate', 'IP4']) {
    assert.ok(!log.includes(canary), `the log holds ${canary}: ${log.slice(Math.max(0, log.indexOf(canary) - 300), log.indexOf(canary) + 60)}`);
  }
});

test('removing a room ends its conference', async () => {
  const server = await Server.start();
  const phone = await Baresip.start({ source: voice, codec: codecs.PCMA });
  try {
    await phone.dial(`sip:${server.room.number}@${server.sip}`);
    await pause(700);
    await phone.press(server.room.pin);
    await until('the caller in the conference', 10_000, async () => (await server.metrics()).get('rundruf_participants') === 1);
    await rundruf(['room', 'remove', server.room.number, '--config', 'config.toml'], { cwd: server.folder });
    await until('the goodbye', 25_000, () => phone.happened('CALL_CLOSED'));
    await until('no conference', 5_000, async () => (await server.metrics()).get('rundruf_conferences') === 0);
  } finally {
    await phone.stop();
    phone.clear();
    await server.stop();
  }
});

test('Ctrl-C says goodbye to a telephone and a browser and leaves within three seconds', async () => {
  const server = await Server.start();
  const phone = await Baresip.start({ source: voice, codec: codecs.PCMU });
  const page = await chromium.open(server.room.guest_link);
  try {
    await phone.dial(`sip:${server.room.number}@${server.sip}`);
    await pause(700);
    await phone.press(server.room.pin);
    await page.join('Anna');
    await until('both in the conference', 10_000, async () => (await server.metrics()).get('rundruf_participants') === 2);
    const { code, milliseconds } = await server.stop();
    assert.equal(code, 0, server.output);
    assert.ok(milliseconds < 3_000, `left after ${milliseconds} ms`);
    assert.ok(phone.happened('CALL_CLOSED'), 'the telephone got a BYE');
    // The page stays, muted, and tries to come back: most servers that stop start again.
    await page.wait('[data-testid=audio]', 2_000);
    assert.match(await page.evaluate(() => document.querySelector('[data-testid=audio]').innerText), /wir verbinden neu/);
    assert.equal(await page.evaluate(() => document.querySelector('[data-testid=microphone]').dataset.microphone), 'off');
  } finally {
    await page.close();
    await phone.stop();
    phone.clear();
  }
});

test('noise on every port is counted and harms nobody', async () => {
  const server = await Server.start();
  const phone = await Baresip.start({ source: voice, codec: codecs.PCMA });
  try {
    await phone.dial(`sip:bridge@${server.sip}`);
    await pause(700);
    await phone.press(server.code);
    await until('the caller in the conference', 10_000, async () => (await server.metrics()).get('rundruf_participants') === 1);
    const media = mediaPort(server);
    const before = server.memory();
    const socket = createSocket('udp4');
    const sip = Number(server.sip.split(':').at(-1));
    for (let i = 0; i < 3_000; i++) {
      const bytes = randomBytes(i % 100 === 0 ? 65_000 : 1 + (i % 1_400));
      for (const port of [sip, media]) socket.send(bytes, port, '127.0.0.1');
      if (i % 50 === 0) await pause(5);
    }
    await pause(500);
    socket.close();
    const metrics = await server.metrics();
    assert.ok(metrics.get('rundruf_sip_total{kind="dropped"}') > 500, 'noise at the SIP port is counted');
    const strangers = metrics.get('rundruf_media_total{kind="datagrams_from_strangers"}');
    assert.ok(strangers > 500, `noise at the media port is counted: ${strangers} at port ${media}`);
    assert.equal(metrics.get('rundruf_participants'), 1);
    assert.equal(metrics.get('rundruf_media_total{kind="leg_panics"}'), 0);
    assert.ok(server.memory() < before * 1.2, `memory grew from ${before} to ${server.memory()}`);
  } finally {
    await phone.stop();
    phone.clear();
    await server.stop();
  }
});

test('a description too long for a connection is refused in words that arrive', async () => {
  const server = await Server.start();
  try {
    const port = Number(server.ready.sip_tcp.split(':').at(-1));
    for (const length of [20_000, 200_000]) {
      const answer = await new Promise((done, fail) => {
        let heard = '';
        const head = `INVITE sip:bridge@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK${length}\r\n`
          + `From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:bridge@127.0.0.1>\r\nCall-ID: ${length}\r\nCSeq: 1 INVITE\r\n`
          + 'Max-Forwards: 70\r\nContact: <sip:a@127.0.0.1>\r\nContent-Type: application/sdp\r\n'
          + `Content-Length: ${length}\r\n\r\n`;
        const socket = connect(port, '127.0.0.1', () => socket.write(head + 'v'.repeat(length)));
        socket.on('data', (data) => {
          heard += data;
          if (heard.includes('\r\n\r\n')) { socket.destroy(); done(heard); }
        });
        socket.on('error', fail);
        socket.on('close', () => done(heard));
      });
      assert.match(answer, /^SIP\/2\.0 413 /, `${length} octets`);
    }
  } finally {
    await server.stop();
  }
});

test('connections that overrun and vanish leave the telephone door open to others', async () => {
  const server = await Server.start({ level: 'warn' });
  try {
    const port = Number(server.ready.sip_tcp.split(':').at(-1));
    const noise = Buffer.from('\r\n\r\n'.repeat(4_096));
    const overrun = () => new Promise((done) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(noise, () => setTimeout(() => socket.destroy(), 5)));
      socket.on('error', () => {});
      socket.on('close', done);
    });
    // More than the endpoint keeps streams for, a few at a time.
    for (let i = 0; i < 270; i++) await Promise.all(Array.from({ length: 16 }, overrun));
    const options = [
      'OPTIONS sip:bridge@127.0.0.1 SIP/2.0', 'Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKafter', 'Max-Forwards: 70',
      'From: <sip:a@example.com>;tag=1', 'To: <sip:bridge@127.0.0.1>', 'Call-ID: after', 'CSeq: 1 OPTIONS', 'Content-Length: 0', '', '',
    ].join('\r\n');
    const answer = await new Promise((done, fail) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(options));
      socket.on('data', (data) => { socket.destroy(); done(data.toString()); });
      socket.on('close', () => fail(new Error('closed without an answer')));
      socket.on('error', fail);
    });
    assert.match(answer, /^SIP\/2\.0 200 /);
  } finally {
    await server.stop();
  }
});

/** The port of the only open call, from the kernel's table of this process's sockets in the RTP range. */
function mediaPort(server) {
  const table = readFileSync(`/proc/${server.ready.pid}/net/udp`, 'latin1').split('\n').slice(1);
  const ports = table.map((line) => parseInt(line.trim().split(/\s+/)[1]?.split(':')[1] ?? '0', 16));
  return ports.filter((port) => port >= 30_000 && port < 32_000 && port % 2 === 0)[0];
}
