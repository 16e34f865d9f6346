//! The sound of the whole call: how loud it is, and whether it goes on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Awake, type Locks } from "../src/awake";
import type { Room } from "../src/room";
import { isAdjustable, type Speaker } from "../src/session";
import { Unheard } from "../src/unheard";
import { type Event, initial, reduce, type State } from "../src/state";
import { greeting } from "./people.mjs";

test("the volume is what the person chose, within bounds, and kept in memory alone", () => {
  const softer = reduce(initial("de", 1), { type: "volume-chosen", volume: 35 });
  assert.deepEqual([softer.volume, softer.outbox], [35, [{ do: "set-volume", volume: 35 }]]);
  for (const [asked, kept] of [[-5, 0], [900, 100], [Number.NaN, 100]] as const) {
    assert.equal(reduce(initial("de", 1), { type: "volume-chosen", volume: asked }).volume, kept);
  }
});

test("where the device alone decides how loud it is, the page offers nothing", () => {
  const state = initial("de", 1, null);
  assert.deepEqual(reduce(state, { type: "volume-chosen", volume: 10 }), { ...state, outbox: [] });
  const speaker = (volume: number): Speaker => ({ srcObject: null, volume, play: () => Promise.resolve() });
  const fixed = Object.defineProperty(speaker(1), "volume", { get: () => 1, set: () => {} });
  assert.deepEqual([isAdjustable(fixed), isAdjustable(speaker(0.25))], [false, true]);
  const left = speaker(0.25);
  isAdjustable(left);
  assert.equal(left.volume, 0.25, "the question changes nothing");
});

test("a page that comes back goes on listening; where the browser refuses it asks for a tap, and the tap resumes all", () => {
  const heard = [{ type: "playback-started" } as const, { type: "page-shown" } as const].reduce(reduce, inRoom());
  assert.deepEqual(heard.outbox, [{ do: "play" }, { do: "resume-sound" }, { do: "stay-awake" }]);
  const refused = reduce(heard, { type: "playback-blocked" });
  assert.deepEqual([(refused.page as Room).blocked, (refused.page as Room).played], [true, true]);
  assert.deepEqual(reduce(refused, { type: "playback-chosen" }).outbox, [{ do: "play" }, { do: "resume-sound" }]);
  assert.equal((reduce(refused, { type: "playback-started" }).page as Room).blocked, false);
  const first = reduce(inRoom(), { type: "playback-blocked" });
  assert.equal((first.page as Room).played, false, "nothing to go on with yet");
  assert.deepEqual(reduce(initial("de", 1), { type: "page-shown" }).outbox, [], "outside of a call nothing plays");
});

test("who waits goes on as well when the page comes back", () => {
  assert.equal(reduce(inRoom("pending"), { type: "page-shown" }).outbox.length, 3);
});

test("the screen is kept on by one lock, asked for again when the browser has taken it, and released with the call", async () => {
  const { locks, given } = lockMaker();
  const awake = new Awake(locks);
  await awake.hold();
  await awake.hold();
  assert.equal(given.length, 1);
  if (given[0]) given[0].released = true;
  await awake.hold();
  assert.equal(given.length, 2);
  awake.release();
  assert.deepEqual(given.map(({ released }) => released), [true, true]);
});

test("a lock that comes after the call, or beside another, is given back", async () => {
  const late = lockMaker();
  const awake = new Awake(late.locks);
  const asked = awake.hold();
  awake.release();
  await asked;
  assert.deepEqual(late.given.map(({ released }) => released), [true]);
  await Promise.all([awake.hold(), awake.hold()]);
  assert.deepEqual(late.given.map(({ released }) => released), [true, false, true]);
});

test("a browser without locks, or one that refuses, keeps nobody from the call", async () => {
  await new Awake(undefined).hold();
  await new Awake({ request: () => Promise.reject(new DOMException("", "NotAllowedError")) }).hold();
});

test("who goes on speaking after the microphone was switched off is told once; the end of a sentence, breath and single sounds are not it", () => {
  const told = (levels: number[]) => {
    const unheard = new Unheard();
    return levels.filter((level) => unheard.handle(level)).length;
  };
  const [loud, quiet] = [(n: number) => Array<number>(n).fill(0.6), (n: number) => Array<number>(n).fill(0.2)];
  assert.equal(told([...loud(30), ...quiet(300)]), 0);
  assert.equal(told(quiet(300)), 0);
  assert.equal(told([...quiet(30), ...Array.from({ length: 300 }, (_, i) => (i % 20 < 8 ? 0.6 : 0.1))]), 0);
  assert.equal(told([...loud(30), ...loud(300)]), 1);
});

test("speaking while muted is said and shown, and not any more once the microphone is on", () => {
  const off = reduce(inRoom(), { type: "speech-unheard" });
  assert.deepEqual([off.spoken.sentences, off.toasts.length], [[{ key: "microphone-still-off", entry: null }], 1]);
  const on = [{ type: "microphone-toggled" } as const, { type: "microphone-opened" } as const].reduce(reduce, inRoom());
  assert.equal(reduce(on, { type: "speech-unheard" }).toasts.length, 0);
});

function lockMaker() {
  const given: { released: boolean }[] = [];
  const request = async () => {
    const lock = { released: false, release: async () => void (lock.released = true) };
    given.push(lock);
    return lock;
  };
  return { locks: { request } as unknown as Locks, given };
}

function inRoom(status: "connected" | "pending" = "connected"): State {
  const me = { id: "me", name: "Ich", door: "browser", ordinal: 1, ending: null, role: "guest", status, protection: "to-device", microphone: false, speaking: false, original_sound: false, hand: null, floor: false, said_name: false, disturbs: null, away: false } as const;
  const state = { locked: false, ask_to_speak: false, lobby: "off", entry_signal: "off", quiet_above: 20, chat: "all", alarm: false, callers_wait: false } as const;
  const events: Event[] = [
    { type: "received", message: greeting({ title: "" }) },
    { type: "join-chosen", name: "Ich" },
    { type: "received", message: { type: "joined", participant: "me", answer: "v=0", roster: { version: 1, state, entries: [me] }, seat: "sealed", spoke: false, relay: null } },
  ];
  return events.reduce(reduce, initial("de", 1));
}
