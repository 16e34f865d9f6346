// Browsers that can send no datagrams and reach the server's own port for sound by TCP (RFC 6544), without a relay.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Baresip, codecs } from './lib/baresip.mjs';
import { hear, makeVoice } from './lib/ear.mjs';
import { Elsewhere, HERE, HTTPS, inside, openThere, runInside } from './lib/firewall.mjs';
import { Server, pause, until } from './lib/server.mjs';
import { hearEachOther } from './lib/talk.mjs';

const PORT = 10_443;
const settings = { addresses: ['127.0.0.1', HERE], https: `${HERE}:${HTTPS}`, tcp: [`0.0.0.0:${PORT}`] };

const connections = async (server, kind) => (await server.metrics()).get(`rundruf_ice_tcp_connections{kind="${kind}"}`);
const happened = async (server, kind) => (await server.metrics()).get(`rundruf_ice_tcp_total{kind="${kind}"}`);

if (inside) {
  const folder = mkdtempSync(join(tmpdir(), 'rundruf-ice-tcp-'));
  const [phoneVoice, browserVoice] = ['phone.wav', 'browser.wav'].map((name) => join(folder, name));
  let elsewhere;
  before(async () => {
    makeVoice(0, 8000, 120, phoneVoice);
    makeVoice(1, 48000, 120, browserVoice);
    elsewhere = await Elsewhere.open();
  });
  after(() => {
    elsewhere.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('Chromium without datagrams and a telephone hear each other, whoever else connects', async () => {
    let crowd;
    let counted;
    try {
      await hearEachOther({
        folder,
        phoneVoice,
        server: settings,
        name: 'Chromium',
        open: async (link, server) => {
          const page = await openThere(server, link, { fakeAudioWav: browserVoice });
          const { connected } = page;
          page.connected = async () => {
            await connected();
            const memory = server.memory();
            crowd = new Crowd(1_000);
            await until('the crowd', 20_000, async () => (await happened(server, 'unauthenticated')) > 0 && crowd.begun === 1_000);
            counted = {
              proved: await connections(server, 'proved'),
              unproved: await connections(server, 'unproved'),
              unauthenticated: await happened(server, 'unauthenticated'),
              malformed: await happened(server, 'malformed'),
              displaced: await happened(server, 'displaced'),
              answered: crowd.answered,
              grown: server.memory() - memory,
            };
          };
          return page;
        },
        heardBy: (file, ...times) => hear(1, file, ...times),
      });
    } finally {
      crowd?.end();
    }
    assert.ok(counted.proved >= 1 && counted.unproved <= 64, JSON.stringify(counted));
    const ended = counted.unauthenticated + counted.malformed + counted.displaced;
    assert.ok(counted.unauthenticated > 0 && counted.malformed > 0 && ended >= 900 && counted.answered === 0, JSON.stringify(counted));
    assert.ok(counted.grown < 30e6, JSON.stringify(counted));
  });

  test('datagrams win where they pass, and where they pass no more a way by TCP is found', async (t) => {
    elsewhere.permit();
    const server = await Server.start(settings);
    const phone = await Baresip.start({ source: phoneVoice, codec: codecs.PCMA });
    const page = await openThere(server, server.room.guest_link, { fakeAudioWav: browserVoice });
    const bothSpeak = (where) => until(`both voices ${where}`, 20_000, async () => (await page.roster()).filter(({ speaking }) => speaking).length === 2);
    let open;
    try {
      await phone.dial(`sip:bridge@${server.sip}`);
      await pause(700);
      await phone.press(server.code);
      await until('the caller in the conference', 10_000, async () => (await server.metrics()).get('rundruf_participants') === 1);
      await page.page.addInitScript(keepPeer);
      await page.page.reload();
      await page.join('Anna');
      await page.connected();
      await page.setMicrophone(true);
      await pause(8_000);
      await phone.press('66');
      await bothSpeak('by datagrams');
      assert.equal(await page.evaluate(protocol), 'udp');
      open = elsewhere.forbid();
      const began = Date.now();
      await until('the way by TCP', 30_000, async () => (await page.evaluate(protocol)) === 'tcp');
      t.diagnostic(`changed after ${Date.now() - began} ms`);
    } finally {
      open?.();
      await page.close();
      await phone.stop();
      phone.clear();
      await server.stop();
    }
  });
} else {
  test('browsers by TCP', () => runInside(import.meta.url, 2));
}

/** Many who connect: some send nothing, some garbage, some a check of nobody's. */
class Crowd {
  begun = 0;
  answered = 0;

  constructor(size) {
    const nobodys = Buffer.from('002c00010018 2112a442000102030405060708090a0b 0006000c 6e6f626f64793a7061676521 00000000'.replaceAll(' ', ''), 'hex');
    nobodys.writeUInt16BE(nobodys.length - 2, 0);
    nobodys.writeUInt16BE(nobodys.length - 22, 4);
    const garbage = Buffer.alloc(64, 0xa5);
    this.sockets = Array.from({ length: size }, (_, n) => {
      const socket = connect(PORT, HERE, () => {
        this.begun += 1;
        if (n % 3 === 1) socket.write(garbage);
        if (n % 3 === 2) socket.write(nobodys);
      });
      return socket.on('data', () => { this.answered += 1; }).on('error', () => {});
    });
  }

  end() {
    for (const socket of this.sockets) socket.destroy();
  }
}

/** Runs in the page before its scripts: keeps its connection. */
function keepPeer() {
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) {
      super(...given);
      globalThis.peer = this;
    }
  };
}

/** Runs in the page: what its sound is carried by. */
async function protocol() {
  const reports = await globalThis.peer.getStats();
  const all = [...reports.values()];
  const transport = all.find(({ type }) => type === 'transport');
  const pair = reports.get(transport?.selectedCandidatePairId);
  return reports.get(pair?.localCandidateId)?.protocol;
}
