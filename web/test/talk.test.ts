//! Space as the key to talk: on while it is held, and off whatever else happens.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Room } from "../src/room";
import { type Event, initial, reduce, type State } from "../src/state";
import type { ConferenceState, Entry } from "../src/wire";
import { greeting } from "./people.mjs";

const OPEN: ConferenceState = { locked: false, ask_to_speak: false, lobby: "off", entry_signal: "off", quiet_above: 20, chat: "all", alarm: false, callers_wait: false };
const ASKING: ConferenceState = { ...OPEN, ask_to_speak: true };
const PRESS: Event = { type: "talk-pressed" };
const RELEASE: Event = { type: "talk-released", by: "key" };
const AWAY: Event = { type: "talk-released", by: "page" };
const TOGGLE: Event = { type: "microphone-toggled" };
const OPENED: Event = { type: "microphone-opened" };

test("whoever holds the key is heard until they let go, and nothing talks into it", () => {
  const held = run(ready(), PRESS);
  assert.deepEqual(held.outbox, [{ do: "set-microphone", on: true }, { do: "send", message: { type: "microphone", on: true } }]);
  assert.equal(held.spoken.id, ready().spoken.id);
  const answered = run(held, delta(9, OPEN, [me(true)]));
  assert.equal(run(answered, PRESS).page, answered.page, "no second press");
  const free = run(answered, RELEASE);
  assert.deepEqual(free.outbox, [{ do: "set-microphone", on: false }, { do: "send", message: { type: "microphone", on: false } }]);
  assert.deepEqual([free.spoken.id, room(free).hold], [answered.spoken.id, null]);
});

test("who lets go before the server has answered is silent at once and stays so", () => {
  const free = run(ready(), PRESS, RELEASE);
  assert.deepEqual(free.outbox, [{ do: "set-microphone", on: false }]);
  const late = run(free, delta(9, OPEN, [me(true)]));
  assert.deepEqual(late.outbox, [{ do: "send", message: { type: "microphone", on: false } }]);
  assert.equal(room(late).microphone.wish, false);
});

test("the first press opens the device, and a question of the browser that takes the focus leaves it off, with a sentence", () => {
  const asked = run(inRoom(), PRESS);
  assert.deepEqual(asked.outbox, [{ do: "open-microphone", device: null, original: false }]);
  assert.equal(room(run(asked, OPENED)).microphone.wish, true, "still held");
  const opened = run(asked, AWAY, OPENED);
  assert.deepEqual([room(opened).microphone.wish, room(opened).hold, opened.outbox.length], [false, null, 2]);
  assert.deepEqual([keys(opened), opened.toasts.length], [["microphone-ready"], 1]);
  assert.equal(opened.outbox.some(({ do: what }) => what === "set-microphone" || what === "send"), false);
});

test("a toggle decides for good: letting go changes nothing any more", () => {
  const kept = run(inRoom(), PRESS, TOGGLE, RELEASE, OPENED);
  assert.equal(room(kept).microphone.wish, true);
  const off = run(ready(), PRESS, TOGGLE);
  assert.deepEqual([room(off).microphone.wish, room(off).hold], [false, null]);
});

test("a microphone that is on is not switched by the key", () => {
  const live = run(ready(), TOGGLE);
  assert.equal(run(live, PRESS).page, live.page);
  assert.equal(run(live, RELEASE).page, live.page);
});

test("a page that cannot see the key any more is silent and says so", () => {
  const away = run(ready(), PRESS, AWAY);
  assert.deepEqual([room(away).microphone.wish, keys(away)], [false, ["microphone-off"]]);
});

test("whoever is muted while holding the key stays muted, however it comes", () => {
  const held = run(ready(), PRESS, delta(9, OPEN, [me(true)]));
  const told: Event = { type: "received", message: { type: "told", event: "microphone-off-by-moderator", shown: { de: "Aus.", en: "Off." } } };
  const refused: Event = { type: "received", message: { type: "refused", reason: "not-now" } };
  for (const mute of [delta(10, OPEN, [me(false)]), told, delta(10, ASKING, [me(false)])]) {
    const muted = run(held, mute);
    assert.deepEqual([room(muted).microphone.wish, room(muted).hold], [false, null]);
    assert.equal(muted.outbox.some((effect) => effect.do === "set-microphone" && !effect.on), true);
  }
  assert.equal(room(run(ready(), PRESS, refused)).hold, null);
  const lost = run(held, { type: "link-closed" });
  assert.deepEqual([room(lost).microphone.wish, room(lost).hold, room(lost).spoke], [false, null, true]);
});

test("where people ask to speak the key opens nothing and raises no hand, but says why", () => {
  const state = run(ready(), delta(9, ASKING, []), PRESS);
  assert.deepEqual([keys(state), state.toasts.length, room(state).hold], [["talk-needs-floor"], 1, null]);
  assert.deepEqual(state.outbox.map((effect) => effect.do), ["expire-toast"]);
  const late = run(inRoom(), PRESS, delta(9, ASKING, []), OPENED);
  assert.deepEqual([room(late).microphone.wish, room(late).hold], [false, null], "the floor passed on while the browser asked");
});

test("the key is off with the single keys, in a dialogue, and in the waiting room", () => {
  for (const state of [
    run(ready(), { type: "shortcut-toggled" }),
    run(ready(), { type: "dialog-opened", dialog: { name: "sound" } }),
    run(ready(), delta(9, OPEN, [{ ...me(false), status: "pending" }])),
  ]) {
    assert.equal(run(state, PRESS).page, state.page);
  }
});

test("a device that fails ends the hold", () => {
  const failed = run(inRoom(), PRESS, { type: "microphone-failed", obstacle: "denied" });
  assert.deepEqual([room(failed).hold, room(failed).microphone.device], [null, "denied"]);
});

/** In the room, connected, the microphone opened once and off again. */
function ready(): State {
  return run(inRoom(), TOGGLE, OPENED, delta(2, OPEN, [me(true)]), TOGGLE, delta(3, OPEN, [me(false)]));
}

function inRoom(): State {
  const welcome = greeting({ title: "" });
  const joined: Event = { type: "received", message: { type: "joined", participant: "me", answer: "v=0", roster: { version: 1, state: OPEN, entries: [me(false)] }, seat: "sealed", spoke: false, relay: null } };
  return run(initial("de", 1), { type: "received", message: welcome }, { type: "join-chosen", name: "Ich" }, joined, { type: "call-changed", state: "connected" });
}

function run(state: State, ...events: Event[]): State {
  return events.reduce(reduce, state);
}

function delta(version: number, state: ConferenceState, entries: Entry[]): Event {
  return { type: "received", message: { type: "delta", version, state, entries, gone: [] } };
}

function me(microphone: boolean): Entry {
  return { id: "me", name: "Ich", door: "browser", ordinal: 1, ending: null, role: "guest", status: "connected", protection: "to-device", microphone, speaking: false, original_sound: false, hand: null, floor: false, said_name: false, disturbs: null, away: false };
}

function room(state: State): Room {
  assert.equal(state.page.name, "room");
  return state.page as Room;
}

function keys(state: State): unknown[] {
  return state.spoken.sentences.map((one) => "key" in one && one.key);
}
