// A TURN client (RFC 8656) over TLS, as far as it takes to ask a server for what it must refuse.

import { createHash, createHmac, randomBytes } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { connect } from 'node:tls';

const ALLOCATE = 0x003;
const REFRESH = 0x004;
const CREATE_PERMISSION = 0x008;
const CHANNEL_BIND = 0x009;

export const USERNAME = 0x0006;
const MESSAGE_INTEGRITY = 0x0008;
const ERROR_CODE = 0x0009;
const CHANNEL_NUMBER = 0x000c;
const LIFETIME = 0x000d;
const XOR_PEER_ADDRESS = 0x0012;
const REALM = 0x0014;
const NONCE = 0x0015;
const REQUESTED_ADDRESS_FAMILY = 0x0017;
const REQUESTED_TRANSPORT = 0x0019;

const COOKIE = Buffer.from([0x21, 0x12, 0xa4, 0x42]);
const UDP = 17;
export const TCP = 6;
const ANSWER_MS_MAX = 5_000;

/** What the convention makes of a secret: credentials that end at a time, in seconds since 1970. */
export function credentials(secret, until, id = 'test') {
  const username = `${until}:${id}`;
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
}

export class TurnClient {
  /** Connects; the certificate is to be the one in `ca`. */
  static async connect({ address, port, ca, username, credential }) {
    const client = new TurnClient();
    Object.assign(client, { username, credential, read: Buffer.alloc(0), waiting: new Map(), realm: null, nonce: null, channel: 0x4000 });
    client.socket = connect({ host: address, port, ca, checkServerIdentity: () => undefined });
    await new Promise((done, fail) => client.socket.once('secureConnect', done).once('error', fail));
    client.socket.on('data', (data) => client.#receive(data)).on('error', () => {});
    return client;
  }

  /** Asks for a relayed address; 0, or the code of the refusal. */
  allocate({ v6 = false, transport = UDP } = {}) {
    const family = v6 ? [[REQUESTED_ADDRESS_FAMILY, Buffer.from([2, 0, 0, 0])]] : [];
    return this.#ask(ALLOCATE, [[REQUESTED_TRANSPORT, Buffer.from([transport, 0, 0, 0])], ...family]);
  }

  /** Keeps the relayed address; 0, or the code of the refusal. */
  refresh() {
    return this.#ask(REFRESH, [[LIFETIME, Buffer.from([0, 0, 2, 88])]]);
  }

  /** Asks to exchange packets with an address; 0, or the code of the refusal. */
  permit(address) {
    return this.#ask(CREATE_PERMISSION, (id) => [[XOR_PEER_ADDRESS, peer(address, id)]]);
  }

  /** The same by a channel. */
  bind(address) {
    const number = Buffer.alloc(4);
    number.writeUInt16BE(this.channel++);
    return this.#ask(CHANNEL_BIND, (id) => [[CHANNEL_NUMBER, number], [XOR_PEER_ADDRESS, peer(address, id)]]);
  }

  close() {
    this.socket.destroy();
  }

  /** Asks, and once again where the server names another realm or nonce. */
  async #ask(method, attributes) {
    let code = await this.#request(method, attributes);
    if ((code === 401 && !this.asked) || code === 438) code = await this.#request(method, attributes);
    this.asked = true;
    return code;
  }

  async #request(method, attributes) {
    const id = randomBytes(12);
    const own = typeof attributes === 'function' ? attributes(id) : attributes;
    const known = this.nonce ? [[USERNAME, Buffer.from(this.username)], [REALM, this.realm], [NONCE, this.nonce]] : [];
    let message = written(method, id, [...own, ...known]);
    if (this.nonce) {
      const key = createHash('md5').update(`${this.username}:${this.realm}:${this.credential}`).digest();
      message = signed(message, key);
    }
    const answer = await new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error('no answer')), ANSWER_MS_MAX);
      this.waiting.set(id.toString('hex'), (found) => { clearTimeout(timer); done(found); });
      this.socket.write(message);
    });
    if (answer.has(NONCE)) this.nonce = answer.get(NONCE);
    if (answer.has(REALM)) this.realm = answer.get(REALM);
    const error = answer.get(ERROR_CODE);
    return error ? error[2] * 100 + error[3] : 0;
  }

  #receive(data) {
    this.read = Buffer.concat([this.read, data]);
    while (this.read.length >= 20 && this.read.length >= 20 + this.read.readUInt16BE(2)) {
      const end = 20 + this.read.readUInt16BE(2);
      const message = this.read.subarray(0, end);
      this.read = this.read.subarray(end);
      const found = new Map();
      for (let at = 20; at + 4 <= end; at += 4 + padded(message.readUInt16BE(at + 2))) {
        found.set(message.readUInt16BE(at), message.subarray(at + 4, at + 4 + message.readUInt16BE(at + 2)));
      }
      this.waiting.get(message.subarray(8, 20).toString('hex'))?.(found);
    }
  }
}

const padded = (length) => (length + 3) & ~3;

function attribute(kind, value) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(kind, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc(padded(value.length) - value.length)]);
}

/** A message with its MESSAGE-INTEGRITY, under a key. */
export function signed(message, key) {
  const covered = Buffer.from(message);
  covered.writeUInt16BE(message.length - 20 + 24, 2);
  return Buffer.concat([covered, attribute(MESSAGE_INTEGRITY, createHmac('sha1', key).update(covered).digest())]);
}

/** A message of STUN (RFC 8489). */
export function written(method, id, attributes) {
  const body = Buffer.concat(attributes.map(([kind, value]) => attribute(kind, value)));
  const head = Buffer.alloc(4);
  head.writeUInt16BE(method, 0);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, COOKIE, id, body]);
}

/** An address with a port, under the mask that the protocol puts on it. */
function peer(address, id) {
  const bytes = isIPv6(address) ? v6(address) : Buffer.from(address.split('.').map(Number));
  const mask = Buffer.concat([COOKIE, id]);
  const head = Buffer.from([0, bytes.length === 16 ? 2 : 1, (9 >> 8) ^ mask[0], 9 ^ mask[1]]);
  return Buffer.concat([head, bytes.map((byte, i) => byte ^ mask[i])]);
}

/** The octets of an IPv6 address, whose end may be written as an IPv4 address. */
function v6(text) {
  const hex = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...part) =>
    `${(part[0] * 256 + Number(part[1])).toString(16)}:${(part[2] * 256 + Number(part[3])).toString(16)}`);
  const [left, right] = hex.split('::').map((side) => side.split(':').filter((group) => group !== ''));
  const groups = right ? [...left, ...Array(8 - left.length - right.length).fill('0'), ...right] : left;
  const bytes = Buffer.alloc(16);
  groups.forEach((group, i) => bytes.writeUInt16BE(parseInt(group, 16), i * 2));
  return bytes;
}
