// SIPp as the other side of one call, by a scenario of ours, and an ear for the sound that it names an address for.
//
// Scenarios are SIPp's, with a few words beside, so that each shows what its flow is about and nothing else:
//   {outside 1 INVITE}, {within 2 INVITE}   the header fields of a request of that CSeq, outside or within the dialog
//   {session 1}                             the lines of a session description before its media, of that version
//   <ack of="1"/>                           acknowledges a 2xx; with refused="yes" a refusal
//   <bye number="2"/>                       hangs up and waits for the 200
//   <answer status="200 OK"/>               answers the request that came last; with tag="a" it opens a dialog
//   <expect header="Via" is="…"/>           fails unless the header field matches; further: message="…", body="…"
//   <refuse body="…"/>                      fails if it does match
// Whatever comes and is not expected fails the call, as SIPp does it anyway.

import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, root, until } from './server.mjs';

const BRANCH = 'z9hG4bK[pid]-[call_number]';
const FROM = '<sip:+4930111222@[local_ip]:[local_port]>;tag=[pid]T[call_number]';

/** The header fields of a request, from Via to Max-Forwards. */
function fields(number, method, { within = false, user = 'bridge', tag = '[peer_tag_param]', branch = method } = {}) {
  return [
    `Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=${BRANCH}-${number}-${branch}`,
    `From: ${FROM}`,
    `To: <sip:${user}@[remote_ip]:[remote_port]>${within ? tag : ''}`,
    ...(within ? ['[routes]'] : []),
    'Call-ID: [call_id]',
    `CSeq: ${number} ${method}`,
    'Contact: <sip:caller@[local_ip]:[local_port]>',
    'Max-Forwards: 70',
  ].join('\n');
}

const send = (lines, attributes = '') => `<send${attributes}><![CDATA[\n${lines.join('\n')}\n]]></send>`;
const attribute = (text, name) => new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1];

function acknowledge(text) {
  const [number, refused] = [attribute(text, 'of'), attribute(text, 'refused')];
  // The ACK of a refusal belongs to the INVITE's transaction (RFC 3261 §17.1.1.3), that of a 2xx does not (§13.2.2.4).
  const target = refused ? 'sip:bridge@[remote_ip]:[remote_port]' : '[next_url]';
  const head = fields(number, 'ACK', { within: true, branch: refused ? 'INVITE' : 'ACK' });
  return send([`ACK ${target} SIP/2.0`, head, 'Content-Length: 0']);
}

function hangUp(text) {
  const head = fields(attribute(text, 'number'), 'BYE', { within: true });
  return `${send(['BYE [next_url] SIP/2.0', head, 'Content-Length: 0'], ' retrans="500"')}<recv response="200"/>`;
}

function answer(text) {
  const tag = attribute(text, 'tag');
  return send([
    `SIP/2.0 ${attribute(text, 'status')}`, '[last_Via:]', '[last_From:]', `[last_To:]${tag ? `;tag=[pid]${tag}` : ''}`,
    '[last_Call-ID:]', '[last_CSeq:]', 'Content-Length: 0',
  ]);
}

/** An expectation as a regular expression that SIPp checks. */
function expectation(text) {
  const [header, body, message] = ['header', 'body', 'message'].map((name) => attribute(text, name));
  const place = header ? `search_in="hdr" header="${header}:"` : `search_in="${body ? 'body' : 'msg'}"`;
  const check = text.startsWith('<refuse') ? 'check_it_inverse' : 'check_it';
  const occurrence = attribute(text, 'occurrence') ? ` occurrence="${attribute(text, 'occurrence')}"` : '';
  return `<ereg regexp="${attribute(text, 'is') ?? body ?? message}" ${place}${occurrence} ${check}="true" assign_to="seen"/>`;
}

/** A scenario as SIPp reads it. */
function written(text, values) {
  const session = (version) => ['v=0', `o=caller 1 ${version} IN IP4 [local_ip]`, 's=-', 'c=IN IP4 {host}', 't=0 0'].join('\n');
  const request = (within) => (_, number, method, user) => fields(number, method, { within, user });
  let scenario = text
    .replace(/\{outside (\d+) ([A-Z]+)(?: (\S+))?\}/g, request(false))
    .replace(/\{within (\d+) ([A-Z]+)(?: (\S+))?\}/g, request(true))
    .replace(/\{session (\d+)\}/g, (_, version) => session(version))
    .replace(/<ack [^>]*\/>/g, acknowledge)
    .replace(/<bye [^>]*\/>/g, hangUp)
    .replace(/<answer [^>]*\/>/g, answer)
    .replace(/<(?:expect|refuse) [^>]*\/>/g, expectation);
  for (const [name, value] of Object.entries(values)) scenario = scenario.replaceAll(`{${name}}`, value);
  // SIPp takes a variable that is used once for a mistake.
  return scenario.includes('"seen"') ? scenario.replace('</scenario>', '<Reference variables="seen"/></scenario>') : scenario;
}

let nextMediaPort = 43_000 + (process.pid % 50) * 20;

/**
 * Plays a scenario of `tests/e2e/sipp` with one call against the server, from an address of this machine. Fails, with the
 * messages, if the scenario did. `values` are put in place of their names in braces; `ears` hear what the first and second
 * media address of the scenario get. A `callee` waits to be called; `ready` is told when it does.
 */
export async function play(server, name, {
  address = '127.0.0.1', transport = 'u1', values = {}, ears = [], port, callee = false, ready = () => {}, words = [], seconds = 20,
} = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'rundruf-sipp-'));
  const own = port ?? await freePort();
  const media = nextMediaPort;
  nextMediaPort += 4;
  const heard = { host: ears[0]?.host ?? address, media: ears[0]?.port ?? '[auto_media_port]', host2: ears[1]?.host, media2: ears[1]?.port };
  const scenario = join(folder, `${name}.xml`);
  const text = readFileSync(join(root, 'tests/e2e/sipp', `${name}.xml`), 'utf8');
  writeFileSync(scenario, written(text, { port: own, ...values, ...heard }));
  const [errors, messages] = ['errors', 'messages'].map((of) => join(folder, of));
  const command = [
    '-sf', scenario, ...(callee ? [] : [transport === 't1' ? server.ready.sip_tcp : server.sip]), '-t', transport,
    '-i', address, '-p', String(own), '-mi', address, '-mp', String(media), '-m', '1', '-l', '1', '-nostdin',
    '-timeout', `${seconds}s`, '-timeout_error', '-trace_err', '-error_file', errors, '-trace_msg', '-message_file', messages, ...words,
  ];
  try {
    const playing = new Promise((done, fail) => {
      execFile('sipp', command, { cwd: folder, timeout: (seconds + 5) * 1_000 }, (error) => (error ? fail(error) : done()));
    });
    if (callee) {
      await Promise.race([until(`SIPp at port ${own}`, 5_000, () => isTaken(address, own)), playing]);
      await ready();
    }
    await playing;
  } catch (error) {
    const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
    throw new Error(`${name}: ${error.code ?? error.message}\n${read(errors)}\n${read(messages)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether somebody has a port. */
const isTaken = (address, port) => new Promise((done) => {
  const socket = createSocket('udp4');
  socket.on('error', () => done(true));
  socket.bind(port, address, () => socket.close(() => done(false)));
});

/** Where a telephone hears: counts what comes, by the RTP's own words, and answers each packet with one of silence. */
export class Ear {
  static async open(host = '127.0.0.1') {
    const ear = new Ear();
    Object.assign(ear, { host, packets: [] });
    ear.socket = createSocket('udp4');
    ear.socket.on('message', (packet, from) => ear.#hear(packet, from));
    await new Promise((done) => ear.socket.bind(0, host, done));
    ear.port = ear.socket.address().port;
    return ear;
  }

  #hear(packet, { address, port }) {
    this.packets.push({ type: packet[1] & 0x7f, octets: packet.length - 12, at: performance.now() });
    const silence = Buffer.alloc(12 + 160, 0xd5);
    const number = this.packets.length;
    silence.writeUInt16BE(0x8008, 0);
    silence.writeUInt16BE(number & 0xffff, 2);
    silence.writeUInt32BE((number * 160) >>> 0, 4);
    silence.writeUInt32BE(0x0ea20001, 8);
    this.socket.send(silence, port, address);
  }

  /** The payload types in the order in which they were first heard. */
  get types() {
    return [...new Set(this.packets.map(({ type }) => type))];
  }

  close() {
    return new Promise((done) => this.socket.close(done));
  }
}
