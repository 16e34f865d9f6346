// A page as far as its link goes: it joins over the real WebSocket with an offer of its own and keeps the list as the page does. It has
// no browser and no sound. Hundreds fit into one process.

import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';

const WebSocket = createRequire(new URL('../../../web/package.json', import.meta.url))('ws');

const fingerprint = Array.from({ length: 32 }, () => 'AB').join(':');
const offer = () => [
  'v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'c=IN IP4 0.0.0.0', `a=ice-ufrag:${randomBytes(4).toString('hex')}`, `a=ice-pwd:${randomBytes(12).toString('hex')}`,
  `a=fingerprint:sha-256 ${fingerprint}`, 'a=setup:actpass', 'a=mid:0', 'a=sendrecv', 'a=rtcp-mux', 'a=rtpmap:111 opus/48000/2', '',
].join('\r\n');

export class SimulatedPage {
  /** Comes in by a link under a name; counts the octets that it reads, and the changes of the list. */
  static async join(link, name) {
    const page = new SimulatedPage();
    const { protocol, host, hash, origin } = new URL(link);
    Object.assign(page, { entries: new Map(), version: 0, octets: 0, changes: 0 });
    page.socket = new WebSocket(`${protocol === 'https:' ? 'wss' : 'ws'}://${host}/ws`, 'rundruf.1', { origin, perMessageDeflate: false, rejectUnauthorized: false });
    await new Promise((done, fail) => {
      page.socket.on('error', fail);
      page.socket.on('close', (code) => fail(new Error(`closed with ${code}`)));
      page.socket.on('open', () => page.send({ type: 'hello', token: hash.slice(1), seat: null }));
      page.socket.on('message', (data) => {
        page.octets += data.length;
        const message = JSON.parse(data);
        if (message.type === 'welcome') page.send({ type: 'join', name, offer: offer() });
        if (message.type === 'joined') done();
        if (message.type === 'unwelcome') fail(new Error(`unwelcome: ${message.reason}`));
        page.#read(message);
      });
    });
    return page;
  }

  send(message) {
    this.socket.send(JSON.stringify(message));
  }

  #read(message) {
    switch (message.type) {
      case 'joined':
        this.id = message.participant;
        this.entries = new Map(message.roster.entries.map((entry) => [entry.id, entry]));
        this.version = message.roster.version;
        break;
      case 'delta':
        this.changes += 1;
        if (message.version < this.version) break;
        this.version = message.version;
        for (const id of message.gone) this.entries.delete(id);
        for (const entry of message.entries) this.entries.set(entry.id, entry);
        break;
      default:
    }
  }

  /** The list, to be compared with others'. */
  get list() {
    return [...this.entries.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async leave() {
    if (this.socket.readyState !== WebSocket.OPEN) throw new Error('the link was closed before');
    const closed = new Promise((done) => this.socket.on('close', done));
    this.send({ type: 'leave' });
    await closed;
  }
}
