//! A server for tests only: serves `dist/` with the product's security headers and plays a scripted far end of the WebSocket.
//!
//! `script(connection, message)` is called for each message of the page; `connection.send(message)` answers. Without a script the
//! default one welcomes, and joins with an answer from `options.answer(offer)`, or with one that never connects.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { affected, entry, greeting } from "./people.mjs";

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

export const WELCOME = greeting({ dial_in: { number: "4711", pin: "24681357", sip: "sip:4711@konferenz.schule.example", lines: [] } });

/** The code by which a telephone becomes the sound of the page. */
export const PAIRING_CODE = "951284";

/** The token of the seat that everybody gets. */
export const SEAT = "token-of-the-seat";

export { affected, entry } from "./people.mjs";

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

/** What holds for all, where nothing else is said. */
export const OPEN = { locked: false, ask_to_speak: false, lobby: "off", entry_signal: "off", quiet_above: 20, chat: "all", alarm: false, callers_wait: false };

/** A text for an event in every language. */
const shown = (event) => ({ de: `Gesagt: ${event}`, "de-du": `Dir gesagt: ${event}`, "de-einfach": `Wir sagen: ${event}`, en: `Told: ${event}` });

/** Welcomes, joins, and confirms what the page asks for as the real server does. */
export function joinScript({ welcome = {}, others = [], own = {}, state = {}, answer = deafAnswer, relay = null, connected = true } = {}) {
  const hello = { ...WELCOME, ...welcome };
  let version = 1;
  let holds = { ...OPEN, ...state };
  let people = others;
  let lines = 0;
  let typing = false;
  let hands = Math.max(0, ...others.map(({ hand }) => hand ?? 0));
  return async (connection, message) => {
    const told = (event) => connection.send({ type: "told", event, shown: shown(event) });
    const publish = (change) => {
      const before = people;
      people = people.map(change);
      const entries = people.filter((one, i) => JSON.stringify(one) !== JSON.stringify(before[i]));
      connection.send({ type: "delta", version: ++version, state: holds, entries, gone: [] });
    };
    const change = (id, changes) => publish((one) => (one.id === id ? { ...one, ...changes } : one));
    const guests = (changes) => publish((one) => (one.role === "guest" ? { ...one, ...changes } : one));
    const did = (act, one) => connection.send({ type: "act", act, actor: "moderator", at: 1_790_000_000, to: one && affected(one) });
    const may = ({ role, floor }) => !holds.ask_to_speak || role === "moderator" || floor;
    const raise = () => {
      change("me", { hand: ++hands });
      told(may(people[0]) ? "hand-up" : "hand-noted");
    };
    const { participant, on } = message;
    switch (message.type) {
      case "hello":
        connection.returns = message.seat === SEAT && people.some(({ id }) => id === "me");
        return connection.send({ ...hello, returns: connection.returns });
      case "join": {
        const before = connection.returns ? people.find(({ id }) => id === "me") : null;
        const me = before ? { ...before, microphone: false } : entry("me", { name: message.name, role: hello.role, ...own });
        people = [me, ...people.filter(({ id }) => id !== "me")];
        const roster = { version, state: holds, entries: people };
        const answered = await answer(message.offer);
        connection.become = (changes) => change("me", changes);
        connection.send({ type: "joined", participant: "me", answer: answered, roster, seat: SEAT, spoke: before?.microphone ?? false, relay });
        return connected && connection.send({ type: "connected" });
      }
      case "microphone":
        return on && !may(people[0]) ? raise() : change("me", { microphone: on });
      case "original-sound":
        return change("me", { original_sound: on });
      case "hand":
        if (message.up) return raise();
        change("me", { hand: null });
        return told("hand-down");
      case "lower-hand":
        return change(participant, { hand: null });
      case "lower-hands":
        publish((one) => ({ ...one, hand: null }));
        return did("hands-lowered", null);
      case "make-moderator":
        change(participant, { role: "moderator" });
        told("new-moderator");
        return did("made-moderator", people.find(({ id }) => id === participant));
      case "give-floor":
        publish((one) => {
          if (one.id === participant) return { ...one, hand: null, floor: holds.ask_to_speak };
          return one.floor ? { ...one, floor: false, microphone: one.role === "moderator" && one.microphone } : one;
        });
        return told("floor-passed");
      case "mute-all":
        guests({ microphone: false, speaking: false });
        return told("muted-all");
      case "ask-to-speak":
        holds = { ...holds, ask_to_speak: on };
        if (on) guests({ microphone: false, speaking: false });
        else publish((one) => ({ ...one, floor: false }));
        return told(on ? "ask-to-speak" : "all-may-speak");
      case "lock":
        holds = { ...holds, locked: on };
        publish((one) => one);
        return told(on ? "locked" : "unlocked");
      case "lobby":
        holds = { ...holds, lobby: message.who };
        return publish((one) => one);
      case "entry-signal":
        holds = { ...holds, entry_signal: message.signal };
        publish((one) => one);
        return told(`entry-${message.signal}`);
      case "chat-rule":
        holds = { ...holds, chat: message.rule };
        return publish((one) => one);
      case "typed-text": {
        if (!may(people[0])) return connection.send({ type: "refused", reason: "no-floor" });
        if (!typing && !message.text.trim()) return;
        if (!typing) lines++;
        typing = !message.ended;
        return connection.send({ type: "typed-text", from: "me", line: lines, text: message.text.trim(), ended: message.ended });
      }
      case "chat":
        return connection.send({ type: "chat", from: "me", to: message.to, text: message.text });
      case "pairing-code":
        return connection.send({ type: "pairing-code", code: PAIRING_CODE, seconds: 300 });
      case "own-telephone":
        return change("me", message.own ? { telephone: "confirmed" } : { telephone: null, protection: "to-device", microphone: false });
      case "lift-alarm":
        holds = { ...holds, alarm: false, callers_wait: false };
        return publish((one) => one);
      case "talk-with":
      case "end-talk": {
        const ended = message.type === "end-talk";
        const other = ended ? people.find(({ apart_with }) => apart_with === "me")?.id : participant;
        const changes = (with_whom) => (ended ? { apart: false, apart_with: null, microphone: false } : { apart: true, apart_with: with_whom, speaking: false });
        publish((one) => (one.id === "me" ? { ...one, ...changes(other) } : one.id === other ? { ...one, ...changes("me") } : one));
        told(ended ? "talk-over" : "talk-begun");
        return ended || did("talked-apart", people.find(({ id }) => id === other));
      }
      case "admit":
        change(participant, { status: "connected" });
        return told("done-let-in");
      case "admit-all":
        publish((one) => (one.status === "pending" ? { ...one, status: "connected" } : one));
        return told("done-let-in");
      case "rename":
        return change(participant, { name: message.name });
      case "turn-away":
        told("done-turned-away");
      // Falls through: who is turned away is gone.
      case "ban":
        people = people.filter(({ id }) => id !== participant);
        return connection.send({ type: "delta", version: ++version, state: holds, entries: [], gone: [participant] });
      case "mute":
        return change(participant, { microphone: false, speaking: false });
      case "remove":
        people = people.filter(({ id }) => id !== participant);
        return connection.send({ type: "delta", version: ++version, state: holds, entries: [], gone: [participant] });
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
