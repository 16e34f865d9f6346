// Telephone systems that close their connections while calls go on, as PJSIP does after half a minute: what either side has to say
// then comes over a new one, the server's to the Contact that was named (RFC 3261 §12.2.1.1, §18.1.1).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { Server, onePeer, until } from './lib/server.mjs';

const HOST = '127.0.0.1';
const OFFER = ['v=0', `o=- 1 1 IN IP4 ${HOST}`, 's=-', `c=IN IP4 ${HOST}`, 't=0 0', 'm=audio 4000 RTP/AVP 8', ''].join('\r\n');

/** A telephone system that says what it has to over a new connection each time, and listens for what comes. */
class System {
  static async start(server) {
    const system = new System();
    [system.server, system.port, system.heard] = [server, 0, ''];
    // Whatever comes is answered 200, but for what is an answer.
    system.listener = createServer((socket) => socket.setEncoding('utf8').on('data', (data) => {
      system.heard += data;
      const echoed = data.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/i.test(line));
      if (!data.startsWith('SIP/')) socket.write(['SIP/2.0 200 OK', ...echoed, 'Content-Length: 0', '', ''].join('\r\n'));
    })).listen(0, HOST);
    await once(system.listener, 'listening');
    system.port = system.listener.address().port;
    return system;
  }

  /** Opens a connection, sends a request, waits for its final answer unless there is none, and closes the connection. */
  async says(method, number, { to = `<sip:bridge@${HOST}>`, body = '', then } = {}) {
    const head = (method, number, to, body) => [
      `${method} sip:bridge@${HOST} SIP/2.0`,
      `Via: SIP/2.0/TCP ${HOST}:${this.port};branch=z9hG4bK${method}${number}`,
      'Max-Forwards: 70', `From: <sip:+4930123@${HOST}>;tag=phone`, `To: ${to}`, 'Call-ID: connections@test',
      `CSeq: ${number} ${method}`, `Contact: <sip:phone@${HOST}:${this.port};transport=tcp>`,
      ...(body ? ['Content-Type: application/sdp'] : []), `Content-Length: ${body.length}`, '', body,
    ].join('\r\n');
    const [, port] = /:(\d+)$/.exec(this.server.ready.sip_tcp);
    const socket = connect(Number(port), HOST).setEncoding('utf8');
    let heard = '';
    socket.on('data', (data) => { heard += data; });
    socket.write(head(method, number, to, body));
    const answer = await until(`an answer to ${method}`, 5_000, () => /SIP\/2\.0 [2-6]\d\d [^]*?\r\n\r\n/.exec(heard)?.[0]);
    const tagged = /^To: (.*)$/m.exec(answer)[1].trim();
    if (then) socket.write(head(then, number, tagged, ''));
    socket.end();
    await once(socket, 'close');
    return { status: Number(answer.slice(8, 11)), to: tagged };
  }

  /** Begins a call, which goes on without a connection. */
  async calls() {
    const { status, to } = await this.says('INVITE', 1, { body: OFFER, then: 'ACK' });
    assert.equal(status, 200);
    return to;
  }

  close() {
    this.listener.close();
  }
}

const lines = async (server) => (await server.metrics()).get('rundruf_trunk_calls{trunk="local"}');

test('who closed the connection of a call hangs up over another', async () => {
  const server = await Server.start({ trunks: onePeer(HOST) });
  const system = await System.start(server);
  try {
    const to = await system.calls();
    assert.equal(await lines(server), 1);
    assert.equal((await system.says('BYE', 2, { to })).status, 200);
    await until('no call', 3_000, async () => await lines(server) === 0);
  } finally {
    system.close();
    assert.equal((await server.stop()).code, 0);
  }
});

test('the server hangs up over another connection than the one that was closed', async () => {
  const server = await Server.start({ trunks: onePeer(HOST) });
  const system = await System.start(server);
  try {
    await system.calls();
    assert.equal(system.heard, '');
    assert.equal(await lines(server), 1, 'the call goes on');
  } finally {
    const { code, milliseconds } = await server.stop();
    system.close();
    assert.equal(code, 0);
    assert.ok(milliseconds < 4_000, `the goodbye was answered: ${milliseconds} ms`);
  }
  assert.match(system.heard, /^BYE sip:phone@127\.0\.0\.1/);
  assert.match(system.heard, /Call-ID: connections@test/);
});

test('a telephone that nobody reaches where it said, and that has come back by itself, is asked there; one beside another is not', async () => {
  const server = await Server.start({ trunks: onePeer(HOST) });
  const [, port] = /:(\d+)$/.exec(server.ready.sip_tcp);
  const opened = async () => {
    const socket = connect(Number(port), HOST).setEncoding('utf8');
    socket.heard = '';
    socket.on('data', (data) => { socket.heard += data; });
    await once(socket, 'connect');
    // A keep-alive, so that the server knows of it (RFC 5626 section 3.5.1).
    socket.write('\r\n\r\n');
    await until('the pong', 5_000, () => socket.heard !== '');
    socket.heard = '';
    return socket;
  };
  const sockets = [];
  try {
    for (const neighbours of [1, 0]) {
      const system = await System.start(server);
      if (neighbours) sockets.push(await opened());
      await system.calls();
      system.close();
      const back = await opened();
      sockets.push(back);
      // Nothing comes from it, so it is asked whether it is there, and given up where nobody can be asked.
      if (neighbours) {
        await until('no call', 60_000, async () => await lines(server) === 0);
        assert.deepEqual(sockets.map(({ heard }) => heard), ['', '']);
        for (const socket of sockets.splice(0)) socket.destroy();
      } else {
        await until('a question', 30_000, () => back.heard.startsWith('OPTIONS sip:phone@127.0.0.1'));
      }
    }
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.stop();
  }
});
