//! A telephone as the sound of the page: silent at once, never louder than before, and the sound back when the person wants it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { heard, type Room } from "../src/room";
import { type Event, initial, reduce, type State, type Welcome } from "../src/state";
import type { Entry } from "../src/wire";
import { conference, entry } from "./people.mjs";

const WELCOME: Welcome = { type: "welcome", role: "guest", title: "", language: "de", dial_in: null, dial_out: [], returns: false };
const OPENED: Event = { type: "microphone-opened" };
const TOGGLE: Event = { type: "microphone-toggled" };

test("the code is asked for, shown, renewed and runs out", () => {
  const asked = run(inRoom(), { type: "dialog-opened", dialog: { name: "telephone" } });
  assert.deepEqual(asked.outbox, [{ do: "send", message: { type: "pairing-code" } }]);
  assert.deepEqual([room(asked).pairing, room(asked).dialog], ["asked", { name: "telephone" }]);
  const shown = run(asked, coded("951234"));
  assert.deepEqual(room(shown).pairing, { code: "951234", seconds: 300 });
  const over = run(shown, { type: "pairing-expired" });
  assert.deepEqual([room(over).pairing, keys(over)], ["expired", ["code-expired"]]);
  assert.equal(room(run(over, { type: "pairing-asked" })).pairing, "asked");
});

test("a telephone that comes closes microphone, playback and the code, and the question is said", () => {
  const live = run(inRoom(), TOGGLE, OPENED, delta(2, me({ microphone: true })), { type: "dialog-opened", dialog: { name: "telephone" } }, coded("951234"));
  const paired = run(live, delta(3, me({ telephone: "unconfirmed", protection: "to-carrier" })));
  const done = paired.outbox.map((effect) => effect.do);
  assert.deepEqual(done.slice(0, 2), ["close-microphone", "set-playback"]);
  assert.equal(paired.outbox.some((effect) => effect.do === "send"), false, "nothing is asked of the server");
  const { deaf, dialog, pairing, microphone } = room(paired);
  assert.deepEqual([deaf, dialog, pairing, microphone], [true, null, null, { device: "closed", wish: false, asked: null }]);
  assert.deepEqual(keys(paired), ["telephone-came"]);
  for (const own of [true, false]) {
    const answered = run(paired, { type: "telephone-answered", own });
    assert.deepEqual(answered.outbox, [{ do: "send", message: { type: "own-telephone", own } }]);
  }
});

test("the microphone of the telephone is switched by its keys and by the page, which opens no device", () => {
  const by = run(inRoom(), delta(2, me({ telephone: "confirmed" })));
  const loud = run(by, delta(3, me({ telephone: "confirmed", microphone: true })));
  assert.deepEqual([room(loud).microphone.wish, heard(room(loud)), loud.outbox.some(({ do: what }) => what === "send")], [true, true, false]);
  const off = run(loud, TOGGLE);
  assert.deepEqual(off.outbox.at(-1), { do: "send", message: { type: "microphone", on: false } });
  assert.equal(off.outbox.some(({ do: what }) => what === "open-microphone"), false);
  // Who lets go of the key to talk before the server has answered is not left with an open telephone.
  const held = run(by, { type: "talk-pressed" }, { type: "talk-released", by: "key" }, delta(3, me({ telephone: "confirmed", microphone: true })));
  assert.deepEqual(held.outbox.at(-1), { do: "send", message: { type: "microphone", on: false } });
});

test("after the telephone has hung up the page asks, and is silent until it is answered", () => {
  const over = run(inRoom(), delta(2, me({ telephone: "confirmed", microphone: true })), delta(3, me({})));
  assert.deepEqual([room(over).deaf, room(over).microphone.wish, keys(over)], [true, false, ["telephone-gone"]]);
  assert.equal(over.outbox.some(({ do: what }) => what === "set-playback"), false);
  const here = run(over, { type: "sound-here-chosen" });
  assert.deepEqual([room(here).deaf, here.outbox], [false, [{ do: "set-playback", on: true }]]);
  const spoken = run(over, TOGGLE);
  assert.deepEqual(spoken.outbox.map(({ do: what }) => what), ["set-playback", "open-microphone"]);
  assert.equal(run(here, delta(4, me({}))).outbox.length, 0);
});

test("a page that comes back finds itself with its telephone, without playing anything or a question about its own microphone", () => {
  const back = run(joining(), joined(me({ telephone: "confirmed", microphone: true }), true));
  assert.deepEqual([room(back).deaf, room(back).microphone.wish, room(back).plea], [true, true, null]);
  assert.equal(back.outbox.some((effect) => effect.do === "set-playback" && !effect.on), true);
  assert.equal(back.outbox.some((effect) => effect.do === "send"), false);
  // What is not played cannot be missed.
  const judged = Array.from({ length: 9 }, (): Event => ({ type: "quality-judged", quality: null }));
  assert.equal(room(run(back, ...judged)).returning, false);
});

test("a refusal has words of its own", () => {
  const refused = run(inRoom(), { type: "received", message: { type: "refused", reason: "no-code" } });
  assert.deepEqual(keys(refused), ["no-code"]);
});

function run(state: State, ...events: Event[]): State {
  return events.reduce(reduce, state);
}

function joining(): State {
  const start: Event[] = [{ type: "started" }, { type: "link-opened" }, { type: "received", message: WELCOME }, { type: "join-chosen", name: "Ada" }];
  return run(initial("de", 0), ...start);
}

function inRoom(): State {
  return run(joining(), joined(me({}), false), { type: "call-changed", state: "connected" });
}

function joined(own: Entry, spoke: boolean): Event {
  const roster = { version: 1, state: conference(), entries: [own] };
  return { type: "received", message: { type: "joined", participant: "me", answer: "", roster, seat: "seat", spoke } };
}

function me(changes: Partial<Entry>): Entry {
  return entry("me", { name: "Ada", ...changes });
}

function coded(code: string): Event {
  return { type: "received", message: { type: "pairing-code", code, seconds: 300 } };
}

function delta(version: number, own: Entry): Event {
  return { type: "received", message: { type: "delta", version, state: conference(), entries: [own], gone: [] } };
}

function room(state: State): Room {
  assert.equal(state.page.name, "room");
  return state.page as Room;
}

function keys(state: State): string[] {
  return state.spoken.sentences.map((one) => ("key" in one ? one.key : ""));
}
