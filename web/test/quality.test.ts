//! How well connections carry speech: the words follow what lasts, and the own connection's getting worse is said once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ownQuality } from "../src/quality";
import type { Room } from "../src/room";
import { type Event, initial, reduce, type State } from "../src/state";
import { announcement } from "../src/text";
import type { Entry, Quality } from "../src/wire";
import { conference, entry } from "./people.mjs";

test("the own connection is shown worse after two judgements and better after five", () => {
  const shown = (judged: readonly Quality[]) => {
    let state = inRoom();
    return judged.map((quality) => {
      state = run(state, judge(quality));
      return room(state).quality;
    });
  };
  assert.deepEqual(shown(["good", "fair", "poor", "poor", "poor"]), ["good", "good", "fair", "poor", "poor"]);
  assert.deepEqual(shown(["good", "poor", "good", "poor", "good"]), Array(5).fill("good"), "what swings is not shown");
  assert.deepEqual(shown(["poor", "poor", "good", "good", "fair", "good", "good", "good"]), [null, "poor", "poor", "poor", "poor", "poor", "fair", "fair"]);
  assert.deepEqual(shown(["poor"]), [null], "one judgement is none");
});

test("the own connection is as bad as the server or the page has it", () => {
  const state = inRoom();
  assert.equal(ownQuality(room(state)), null, "nothing is known yet");
  const good = run(state, judge("good"));
  assert.equal(ownQuality(room(good)), "good");
  assert.equal(ownQuality(room(run(good, lines({ fair: ["me"] })))), "fair");
  const fair = run(good, judge("fair"), judge("fair"));
  assert.equal(ownQuality(room(fair)), "fair");
  assert.equal(ownQuality(room(run(fair, lines({ poor: ["me"] })))), "poor");
  assert.equal(ownQuality(room(run(fair, lines({ poor: ["me"] }), lines({ good: ["me"] })))), "fair");
});

test("others' lines change as the server tells it, and nothing is said of them", () => {
  const state = run(inRoom([entry("lena"), entry("tel1", { door: "phone" })]), lines({ poor: ["lena", "gone"], fair: ["tel1"] }));
  assert.deepEqual(room(state).entries.map(({ quality }) => quality), ["good", "poor", "fair"]);
  const better = run(state, lines({ good: ["lena"] }));
  assert.deepEqual(room(better).entries.map(({ quality }) => quality), ["good", "good", "fair"]);
  assert.equal(run(better, judge("good")).spoken.id, inRoom().spoken.id);
});

test("that the own connection has become worse is said once for each step, and again only after a minute of calm", () => {
  let state = run(inRoom(), judge("good"));
  assert.deepEqual(said(() => (state = run(state, judge("fair")))), []);
  assert.deepEqual(said(() => (state = run(state, judge("fair")))), ["Ihre Verbindung ist schwach."]);
  assert.deepEqual(said(() => (state = run(state, judge("fair"), judge("fair")))), []);
  assert.deepEqual(said(() => (state = run(state, judge("poor"), judge("poor")))), ["Ihre Verbindung ist sehr schlecht."]);
  assert.deepEqual(said(() => (state = run(state, ...times(judge("good"), 10), ...times(judge("poor"), 4)))), [], "not for each swing");
  assert.deepEqual(said(() => (state = run(state, ...times(judge("good"), 5 + 30)))), []);
  assert.deepEqual(said(() => (state = run(state, judge("poor"), judge("poor")))), ["Ihre Verbindung ist sehr schlecht."]);

  function said(change: () => State): string[] {
    const before = state.spoken.id;
    const after = change();
    return after.spoken.id === before ? [] : [announcement("de", after.spoken.sentences)];
  }
});

test("what the server says of the own line is said as well", () => {
  const state = run(inRoom(), judge("good"), lines({ poor: ["me"] }), judge("good"));
  assert.equal(announcement("en", state.spoken.sentences), "Your connection is very bad.");
});

test("who holds the key to talk is told when they let go", () => {
  const held = run(inRoom(), { type: "microphone-toggled" }, { type: "microphone-opened" }, delta([entry("me", { microphone: true })]), { type: "microphone-toggled" }, delta([entry("me")], 3), { type: "talk-pressed" });
  assert.equal(room(held).hold, "down");
  const bad = run(held, judge("poor"), judge("poor"), judge("poor"));
  assert.equal(bad.spoken.id, held.spoken.id);
  const free = run(bad, { type: "talk-released", by: "key" }, judge("poor"));
  assert.equal(announcement("de", free.spoken.sentences), "Ihre Verbindung ist sehr schlecht.");
});

test("nothing is said of a connection that is interrupted, which is said already", () => {
  const broken = run(inRoom(), judge("good"), { type: "call-changed", state: "disconnected" }, lines({ poor: ["me"] }));
  const before = broken.spoken.id;
  assert.equal(run(broken, judge(null)).spoken.id, before);
});

function judge(quality: Quality | null): Event {
  return { type: "quality-judged", quality };
}

function lines(change: Partial<Record<Quality, string[]>>): Event {
  return receive({ type: "quality", good: [], fair: [], poor: [], ...change });
}

function delta(entries: Entry[], version = 2): Event {
  return receive({ type: "delta", version, state: conference(), entries, gone: [] });
}

function times(event: Event, count: number): Event[] {
  return Array<Event>(count).fill(event);
}

function inRoom(others: Entry[] = []): State {
  const welcome: Event = receive({ type: "welcome", role: "guest", title: "", language: "de", dial_in: null, dial_out: [] });
  const roster = { version: 1, state: conference(), entries: [entry("me"), ...others] };
  const joined: Event = receive({ type: "joined", participant: "me", answer: "v=0", roster });
  return run(initial("de", 1), { type: "started" }, welcome, { type: "join-chosen", name: "Ich" }, { type: "offer-made", sdp: "v=0" }, joined, receive({ type: "connected" }));
}

function receive(message: Extract<Event, { type: "received" }>["message"]): Event {
  return { type: "received", message };
}

function run(state: State, ...events: Event[]): State {
  return events.reduce(reduce, state);
}

function room(state: State): Room {
  assert.equal(state.page.name, "room");
  return state.page as Room;
}
