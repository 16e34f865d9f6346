// A browser that can send no UDP, and coturn with the settings in deploy/ as its way round.
//
// The browser sits in a network of its own, joined to the server's by a cable on which no datagram gets through.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Coturn, missing } from './lib/coturn.mjs';
import { hear, makeVoice } from './lib/ear.mjs';
import { Elsewhere, HERE, HERE_V6, HTTPS, THERE, inside, openThere, runInside } from './lib/firewall.mjs';
import { Server, until } from './lib/server.mjs';
import { hearEachOther } from './lib/talk.mjs';
import { TCP, TurnClient, credentials } from './lib/turn.mjs';

const SECRET = 'the secret that both know';

const withoutWay = { addresses: ['127.0.0.1', HERE], https: `${HERE}:${HTTPS}` };
const withWay = {
  ...withoutWay,
  turn: `[turn]\nservers = ["turns:${HERE}:5349?transport=tcp"]\nsecret_file = "turn.secret"\n`,
  secrets: { 'turn.secret': `${SECRET}\n` },
};

/** Coturn as it stands beside a server, with its certificate. */
const beside = (server, further) => Coturn.start({
  address: HERE,
  certificate: server.certificate,
  key: join(server.folder, 'var/certificate-key.pem'),
  secret: SECRET,
  peer: HERE,
  further,
});

if (inside) {
  let folder;
  let elsewhere;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rundruf-turn-'));
    elsewhere = await Elsewhere.open();
  });
  after(() => {
    elsewhere.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('without a way round, who can send no datagram is told so and how to call in', async () => {
    const server = await Server.start(withoutWay);
    const page = await openThere(server, server.room.guest_link);
    try {
      await page.join('Anna');
      await page.wait('#title[data-why]', 60_000);
      assert.equal(await page.evaluate(() => document.querySelector('#title[data-why]').dataset.why), 'no-audio');
      await page.wait('[data-testid=dial-in]', 1_000);
    } finally {
      await page.close();
      await server.stop();
    }
  });

  test('through coturn a browser that can send no datagram and a telephone hear each other', async () => {
    const [phoneVoice, browserVoice] = ['phone.wav', 'browser.wav'].map((name) => join(folder, name));
    makeVoice(0, 8000, 90, phoneVoice);
    makeVoice(1, 48000, 90, browserVoice);
    let coturn;
    try {
      await hearEachOther({
        folder,
        phoneVoice,
        server: withWay,
        name: 'Chromium',
        open: async (link, server) => {
          coturn = await beside(server);
          return openThere(server, link, { fakeAudioWav: browserVoice });
        },
        heardBy: (file, ...times) => hear(1, file, ...times),
      });
      assert.equal(coturn.output.includes(THERE), false, `it wrote of the browser: ${coturn.output}`);
    } finally {
      await coturn?.stop();
    }
  });

  test('the credentials that a page is given lead to the server and nowhere else', async () => {
    const server = await Server.start(withWay);
    const coturn = await beside(server, [`--listening-ip=${HERE_V6}`, `--relay-ip=${HERE}`, `--relay-ip=${HERE_V6}`]);
    const page = await openThere(server, server.room.guest_link);
    try {
      await page.page.addInitScript(keepConfiguration);
      await page.page.reload();
      await page.join('Anna');
      await page.connected();
      const [{ urls, ...given }] = await page.evaluate(() => globalThis.configured.iceServers);
      assert.deepEqual(urls, [`turns:${HERE}:5349?transport=tcp`]);
      const left = Number(given.username.split(':')[0]) - Date.now() / 1000;
      assert.ok(left > 3_500 && left <= 3_600, `${left} s`);
      for (const [v6, addresses] of [[false, [HERE, ...ELSEWHERE]], [true, ELSEWHERE_V6]]) {
        const client = await reach(server, coturn, given);
        assert.equal(await client.allocate({ v6 }), 0);
        for (const address of addresses) {
          const wanted = address === HERE ? 0 : 403;
          assert.deepEqual([await client.permit(address), await client.bind(address)], [wanted, wanted], address);
        }
        client.close();
      }
    } finally {
      await page.close();
      await coturn.stop();
      await server.stop();
    }
  });

  test('coturn takes credentials in time, from who knows the secret and over TLS alone; a way that stands outlasts them', async () => {
    const server = await Server.start(withWay);
    const coturn = await beside(server);
    try {
      const now = () => Math.floor(Date.now() / 1000);
      const outcome = async (given, how) => {
        const client = await reach(server, coturn, given);
        const code = await client.allocate(how);
        client.close();
        return code;
      };
      assert.equal(await outcome(credentials(SECRET, now() + 60)), 0);
      assert.equal(await outcome(credentials(SECRET, now() - 1)), 401);
      assert.equal(await outcome(credentials('another', now() + 60)), 401);
      assert.notEqual(await outcome(credentials(SECRET, now() + 60), { transport: TCP }), 0);
      const brief = credentials(SECRET, now() + 2);
      const client = await reach(server, coturn, brief);
      assert.equal(await client.allocate(), 0);
      await until('the credentials ended', 10_000, async () => (await outcome(brief)) === 401);
      assert.deepEqual([await client.refresh(), await client.permit(HERE)], [0, 0]);
      client.close();
      assert.equal(await plain(coturn), 0, 'octets that it answers without TLS');
    } finally {
      await coturn.stop();
      await server.stop();
    }
  });
} else {
  test('browsers behind a firewall', { skip: missing() }, () => runInside(import.meta.url, 4));
}

/** Addresses of which a relay is no way to: this machine, its network, those of clouds, none, all. */
const ELSEWHERE = [
  '0.0.0.0', '127.0.0.1', '127.0.0.2', '127.255.255.254', THERE, '10.0.0.1', '10.77.0.255', '100.64.0.1', '169.254.169.254', '172.16.0.1',
  '192.0.2.1', '192.168.0.1', '198.18.0.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '93.184.216.34',
];
/** The same and more in the spellings of IPv6: none, loopback, mapped, compatible, translated (RFC 6052), 6to4, Teredo, local, all. */
const ELSEWHERE_V6 = [
  '::', '::1', '::ffff:0.0.0.0', '::ffff:127.0.0.1', '::ffff:169.254.169.254', `::ffff:${HERE}`, '::127.0.0.1', `::${HERE}`, '64:ff9b::',
  '64:ff9b::127.0.0.1', '64:ff9b::169.254.169.254', `64:ff9b::${HERE}`, '64:ff9b:1::127.0.0.1', '2002::', '2002:7f00:1::', '2002:a9fe:a9fe::',
  '2001::1', '2001:db8::1', HERE_V6, 'fd00:ec2::254', 'fe80::1', 'fec0::1', 'ff02::1', '2606:2800:220::1',
];

const reach = (server, coturn, given) => TurnClient.connect({
  address: coturn.address, port: coturn.port, ca: readFileSync(server.certificate), ...given,
});

/** Says what a STUN client without TLS would, at the port for TLS; tells how many octets come back. */
function plain(coturn) {
  const binding = Buffer.from('000100002112a442000102030405060708090a0b', 'hex');
  return new Promise((done) => {
    let octets = 0;
    const socket = connect(coturn.port, coturn.address, () => socket.write(binding));
    socket.on('data', (data) => { octets += data.length; }).on('error', () => {}).on('close', () => done(octets));
    setTimeout(() => socket.destroy(), 2_000);
  });
}

/** Runs in the page before its scripts: keeps what its connection is told of servers. */
function keepConfiguration() {
  const original = RTCPeerConnection.prototype.setConfiguration;
  RTCPeerConnection.prototype.setConfiguration = function (configuration) {
    globalThis.configured = configuration;
    return original.call(this, configuration);
  };
}
