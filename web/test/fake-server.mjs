//! A server for tests only: serves `dist/` with the product's security headers and plays a scripted far end of the WebSocket.
//!
//! `script(connection, message)` is called for each message of the page; `connection.send(message)` answers. Without a script the
//! default one welcomes, and joins with an answer from `options.answer(offer)`, or with one that never connects.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml" };
const HEADERS = {
  "content-security-policy":
    "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; media-src 'self'; worker-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "permissions-policy": "camera=(), geolocation=(), microphone=(self)",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
};

export const WELCOME = {
  type: "welcome",
  role: "guest",
  title: "Elternabend der Klasse 4b",
  language: "de",
  dial_in: { number: "4711", pin: "24681357", sip: "sip:4711@konferenz.schule.example" },
};

export function entry(id, changes = {}) {
  return { id, name: null, door: "browser", ordinal: 1, role: "guest", status: "connected", microphone: false, speaking: false, original_sound: false, hand: null, floor: false, disturbs: null, ...changes };
}

export async function serve({ script = joinScript(), dist = new URL("../dist/", import.meta.url) } = {}) {
  const connections = [];
  const requests = [];
  const http = createServer(async (request, response) => {
    requests.push(request.url);
    const path = request.url === "/" ? "index.html" : request.url.slice(1);
    try {
      if (path.includes("..")) throw new Error("outside");
      const body = await readFile(new URL(path, dist));
      response.writeHead(200, { ...HEADERS, "content-type": TYPES[path.split(".").at(-1)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404, HEADERS).end();
    }
  });
  const sockets = new WebSocketServer({ server: http, path: "/ws", handleProtocols: (offered) => offered.has("rundruf.1") && "rundruf.1" });
  const server = {
    script,
    connections,
    requests,
    /** Messages of all connections, in order. */
    received: [],
    send: (message) => connections.at(-1)?.send(message),
    drop: () => connections.at(-1)?.socket.terminate(),
    close: () => {
      for (const { socket } of connections) socket.terminate();
      http.closeAllConnections();
      return new Promise((resolve) => sockets.close(() => http.close(resolve)));
    },
  };
  sockets.on("connection", (socket) => {
    const connection = { socket, send: (message) => socket.send(JSON.stringify(message)), close: () => socket.close() };
    connections.push(connection);
    socket.on("message", (data) => {
      const message = JSON.parse(String(data));
      server.received.push(message);
      void server.script?.(connection, message, server);
    });
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  server.url = `http://localhost:${http.address().port}/`;
  return server;
}

/** Welcomes, joins, and confirms microphone, mute and removal as the real server does. */
export function joinScript({ welcome = {}, others = [], own = {}, answer = deafAnswer, connected = true } = {}) {
  const hello = { ...WELCOME, ...welcome };
  let version = 1;
  let me = null;
  let people = others;
  return async (connection, message) => {
    if (message.type === "hello") connection.send(hello);
    if (message.type === "join") {
      me = entry("me", { name: message.name, role: hello.role, ...own });
      connection.send({ type: "joined", participant: "me", answer: await answer(message.offer), roster: { version, entries: [me, ...people] } });
      if (connected) connection.send({ type: "connected" });
    }
    if (message.type === "microphone") {
      me = { ...me, microphone: message.on };
      connection.send({ type: "delta", version: ++version, entries: [me], gone: [] });
    }
    if (message.type === "original-sound") {
      me = { ...me, original_sound: message.on };
      connection.send({ type: "delta", version: ++version, entries: [me], gone: [] });
    }
    if (message.type === "mute") {
      people = people.map((one) => (one.id === message.participant ? { ...one, microphone: false, speaking: false } : one));
      connection.send({ type: "delta", version: ++version, entries: people.filter(({ id }) => id === message.participant), gone: [] });
    }
    if (message.type === "remove") {
      people = people.filter(({ id }) => id !== message.participant);
      connection.send({ type: "delta", version: ++version, entries: [], gone: [message.participant] });
    }
  };
}

/** An answer that a browser accepts and that leads nowhere: discard port, documentation address (RFC 5737). */
export function deafAnswer(offer) {
  const payload = /a=rtpmap:(\d+) opus\/48000/.exec(offer)?.[1] ?? "111";
  const fingerprint = Array(32).fill("AB").join(":");
  return [
    "v=0",
    "o=- 1 1 IN IP4 192.0.2.1",
    "s=-",
    "t=0 0",
    "a=ice-lite",
    "a=group:BUNDLE 0",
    `m=audio 9 UDP/TLS/RTP/SAVPF ${payload}`,
    "c=IN IP4 192.0.2.1",
    "a=mid:0",
    "a=sendrecv",
    "a=rtcp-mux",
    `a=rtpmap:${payload} opus/48000/2`,
    "a=ice-ufrag:fake",
    "a=ice-pwd:fakefakefakefakefakefake",
    `a=fingerprint:sha-256 ${fingerprint}`,
    "a=setup:active",
    "a=msid:mix mix",
    "a=ssrc:1 cname:mix",
    "a=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host",
    "a=end-of-candidates",
    "",
  ].join("\r\n");
}
