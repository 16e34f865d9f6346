// A name server that knows what a test tells it: NAPTR, SRV and A records (RFC 1035, RFC 2782, RFC 3403), over UDP.

import { createSocket } from 'node:dgram';

const TYPES = { A: 1, SRV: 33, NAPTR: 35 };
const NXDOMAIN = 3;

const short = (...numbers) => Buffer.concat(numbers.map((number) => Buffer.from([number >> 8, number & 0xff])));
const text = (characters) => Buffer.concat([Buffer.from([characters.length]), Buffer.from(characters)]);
const name = (domain) => Buffer.concat([...domain.split('.').map(text), Buffer.from([0])]);

/** What a record says, as it stands in an answer. */
const data = {
  A: ({ address }) => Buffer.from(address.split('.').map(Number)),
  SRV: ({ priority, port, target }) => Buffer.concat([short(priority, 1, port), name(target)]),
  NAPTR: ({ service, replacement }) => Buffer.concat([short(10, 10), text('s'), text(service), text(''), name(replacement)]),
};

/** Reads the one question of a request: its domain, its type, and where it ends. */
function question(request) {
  const labels = [];
  let at = 12;
  for (let length; (length = request[at]) > 0; at += length + 1) labels.push(request.toString('latin1', at + 1, at + 1 + length));
  return { domain: labels.join('.').toLowerCase(), type: request.readUInt16BE(at + 1), end: at + 5 };
}

export class NameServer {
  /** Answers from `records`: `{ 'tel.example': [{ type: 'A', address: '127.0.0.2' }], … }`; other names do not exist. */
  static async start(records) {
    const server = new NameServer();
    server.socket = createSocket('udp4');
    server.socket.on('message', (request, { port, address }) => {
      const { domain, type, end } = question(request);
      const known = records[domain];
      const answers = (known ?? []).filter((record) => TYPES[record.type] === type);
      // A response with recursion, to that question, of so many answers; each names the question by a pointer, for 60 s.
      const head = Buffer.concat([request.subarray(0, 2), short(0x8180 | (known ? 0 : NXDOMAIN), 1, answers.length, 0, 0)]);
      const rows = answers.map((record) => {
        const content = data[record.type](record);
        return Buffer.concat([short(0xc00c, type, 1, 0, 60, content.length), content]);
      });
      server.socket.send(Buffer.concat([head, request.subarray(12, end), ...rows]), port, address);
    });
    await new Promise((done) => server.socket.bind(0, '127.0.0.1', done));
    server.address = `127.0.0.1:${server.socket.address().port}`;
    return server;
  }

  stop() {
    return new Promise((done) => this.socket.close(done));
  }
}
