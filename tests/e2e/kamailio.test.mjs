// The server registers at a real registrar, and is called through it.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Baresip } from './lib/baresip.mjs';
import { NameServer } from './lib/dns.mjs';
import { makeSilence } from './lib/ear.mjs';
import { Kamailio, missing, missingTls } from './lib/kamailio.mjs';
import { Server, pause, until } from './lib/server.mjs';

const skip = missing();
const folder = mkdtempSync(join(tmpdir(), 'rundruf-silence-'));
const silence = join(folder, 'silence.wav');
before(() => makeSilence(8000, 60, silence));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A server that registers at the registrar as 620, and says as much as it ever does. */
const start = (kamailio, transport, password = 'geheim') => Server.start({
  level: 'trace',
  secrets: { 'trunk.password': `${password}\n` },
  trunks: `
[[trunk]]
name = "kamailio"
kind = "registered"
registrar = "sip:127.0.0.1:${transport === 'tls' ? kamailio.tlsPort : kamailio.port};transport=${transport}"
authority = "${kamailio.certificate ?? ''}"
user = "620"
password_file = "trunk.password"
expires = 600
numbers = ["bridge", "+4930555000"]
encryption = "off"
`,
});

/** A caller comes in through a registrar, and leaves. */
async function comeIn(server, kamailio) {
  const participants = (number) => until(`${number} participants`, 10_000, async () => (
    (await server.metrics()).get('rundruf_participants') === number));
  const phone = await Baresip.start({ source: silence });
  try {
    await phone.dial(`sip:620@${kamailio.address}:${kamailio.port}`);
    await pause(700);
    await phone.press(server.code);
    await participants(1);
    phone.hangUp();
    await participants(0);
  } finally {
    await phone.stop();
    phone.clear();
  }
}

const UP = 'rundruf_trunk_up{trunk="kamailio"}';
const isUp = async (server) => (await server.metrics()).get(UP) === 1;

describe('a trunk that registers', { skip }, () => {
  const rows = [
    { transport: 'udp', algorithm: 'MD5' },
    { transport: 'tcp', algorithm: 'SHA-256' },
    { transport: 'tls', algorithm: 'SHA-256', certificate: 'IP:127.0.0.1' },
  ];
  for (const { transport, algorithm, certificate } of rows) {
    const unable = certificate ? missingTls() : false;
    test(`is called through the registrar, over ${transport} with ${algorithm}`, { skip: unable }, async () => {
      const kamailio = await Kamailio.start(algorithm, certificate);
      const server = await start(kamailio, transport);
      try {
        await until('the registration', 10_000, () => isUp(server));
        await until('the list', 3_000, () => /registration\s+registered, for another/.test(server.trunks()));
        await comeIn(server, kamailio);
      } finally {
        const { code } = await server.stop();
        await kamailio.stop();
        assert.equal(code, 0);
      }
      assert.match(server.output, /TRACE|DEBUG/);
      assert.ok(!/geheim|Authorization|nonce=/i.test(server.output), 'what proves who we are is in no log');
    });
  }

  test('tells nothing to a registrar whose certificate is for another name', { skip: missingTls() }, async () => {
    const kamailio = await Kamailio.start('MD5', 'DNS:other.example');
    const server = await start(kamailio, 'tls');
    try {
      await until('the reason', 5_000, () => server.trunks().includes("the server's certificate is for another name"));
      assert.equal((await server.metrics()).get(UP), 0);
    } finally {
      await server.stop();
      await kamailio.stop();
    }
  });

  test('says that the password is wrong', async () => {
    const kamailio = await Kamailio.start();
    const server = await start(kamailio, 'udp', 'falsch');
    try {
      await until('a refusal', 5_000, () => server.trunks().includes('refused: user, password or realm is wrong'));
      assert.equal((await server.metrics()).get(UP), 0);
      assert.ok(!server.output.includes('falsch'));
    } finally {
      await server.stop();
      await kamailio.stop();
    }
  });

  test('is up again after the registrar was killed, and keeps its call', async () => {
    const kamailio = await Kamailio.start();
    const server = await start(kamailio, 'tcp');
    let phone;
    try {
      await until('the registration', 10_000, () => isUp(server));
      phone = await Baresip.start({ source: silence });
      await phone.dial(`sip:620@127.0.0.1:${kamailio.port}`);
      await pause(700);
      await phone.press(server.code);
      await until('a participant', 10_000, async () => (await server.metrics()).get('rundruf_participants') === 1);
      await kamailio.kill();
      await until('the loss', 10_000, async () => !(await isUp(server)));
      await kamailio.begin();
      await until('the registration again', 70_000, () => isUp(server));
      assert.equal((await server.metrics()).get('rundruf_participants'), 1);
    } finally {
      await phone?.stop();
      phone?.clear();
      await server.stop();
      await kamailio.stop();
    }
  });

  test('goes to the second that the DNS names when the first is killed, and back once it is there again', async () => {
    const [first, second] = await Promise.all(['127.0.0.21', '127.0.0.22'].map((address) => Kamailio.start('SHA-256', false, { address, grants: 600 })));
    const names = await NameServer.start({
      'tel.example': [{ type: 'NAPTR', service: 'SIP+D2T', replacement: '_sip._tcp.tel.example' }],
      // The second stands first, as a name server may give them in any order.
      '_sip._tcp.tel.example': [
        { type: 'SRV', priority: 20, port: second.port, target: 'two.tel.example' },
        { type: 'SRV', priority: 10, port: first.port, target: 'one.tel.example' },
      ],
      'one.tel.example': [{ type: 'A', address: first.address }],
      'two.tel.example': [{ type: 'A', address: second.address }],
    });
    const server = await Server.start({
      nameServer: names.address,
      secrets: { 'trunk.password': 'geheim\n' },
      trunks: `
[[trunk]]
name = "kamailio"
kind = "registered"
registrar = "sip:tel.example"
user = "620"
password_file = "trunk.password"
expires = 600
numbers = ["bridge"]
encryption = "off"
`,
    });
    try {
      await until('the registration at the first', 10_000, () => first.knows('620'));
      assert.equal(await second.knows('620'), false);
      await comeIn(server, first);
      await first.kill();
      await until('the registration at the second', 5_000, () => second.knows('620'));
      await comeIn(server, second);
      // It has forgotten everything; the server looks for it after half a minute at the latest.
      await first.begin();
      await until('the registration at the first again', 35_000, () => first.knows('620'));
      assert.equal(await isUp(server), true);
      await comeIn(server, first);
    } finally {
      await server.stop();
      await names.stop();
      for (const kamailio of [first, second]) await kamailio.stop();
    }
  });
});
