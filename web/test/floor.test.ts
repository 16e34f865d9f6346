//! Hands, the floor and the lock: what the reducer makes of them, for guests and for moderators.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mayTalk, type Room } from "../src/room";
import { asking } from "../src/roster";
import { type Event, initial, reduce, type State } from "../src/state";
import type { ConferenceState, Entry, Role } from "../src/wire";
import { conference, entry, greeting } from "./people.mjs";

const OPEN = conference();
const ASKING = conference({ ask_to_speak: true });

test("the hand goes up and down as the roster says, by button and by key", () => {
  const up = reduce(inRoom(), { type: "hand-toggled" });
  assert.deepEqual(messages(up), [{ type: "hand", up: true }]);
  const raised = reduce(up, delta(2, OPEN, [{ ...me(), hand: 4 }]));
  const key: Event = { type: "shortcut-pressed", what: "hand" };
  assert.deepEqual(messages(reduce(raised, key)), [{ type: "hand", up: false }]);
  assert.deepEqual(messages(reduce(reduce(raised, { type: "shortcut-toggled" }), key)), []);
  assert.deepEqual(messages(reduce(reduce(raised, { type: "dialog-opened", dialog: { name: "sound" } }), key)), []);
});

test("what the bar shows of the own hand is said and no toast", () => {
  for (const event of ["hand-up", "hand-down", "hand-noted"]) {
    const state = reduce(inRoom(), told(event));
    assert.deepEqual([state.spoken.sentences.length, state.toasts.length], [1, 0], event);
  }
  assert.equal(reduce(inRoom(), told("hand-lowered")).toasts.length, 1);
});

test("those who ask stand in the order in which they asked, whatever their numbers", () => {
  const entries = [{ ...person("b"), hand: 40 }, person("c"), { ...person("d"), hand: 7 }];
  assert.deepEqual(asking(entries).map(({ id }) => id), ["d", "b"]);
});

test("without the floor the microphone asks for it and opens no device; with it it is the microphone", () => {
  const listening = reduce(inRoom(), delta(2, ASKING, []));
  assert.equal(mayTalk(room(listening)), false);
  const asked = reduce(listening, { type: "microphone-toggled" });
  assert.deepEqual(asked.outbox, [{ do: "send", message: { type: "hand", up: true } }]);
  const raised = reduce(asked, delta(3, ASKING, [{ ...me(), hand: 1 }]));
  assert.deepEqual(messages(reduce(raised, { type: "shortcut-pressed", what: "microphone" })), [{ type: "hand", up: false }]);
  const given = reduce(raised, delta(4, ASKING, [{ ...me(), floor: true }]));
  assert.deepEqual(reduce(given, { type: "microphone-toggled" }).outbox, [{ do: "open-microphone", device: null, original: false }]);
});

test("a moderator speaks without the floor", () => {
  const state = reduce(inRoom("moderator"), delta(2, ASKING, []));
  assert.deepEqual(reduce(state, { type: "microphone-toggled" }).outbox, [{ do: "open-microphone", device: null, original: false }]);
});

test("whoever loses the floor is silent at once, whatever is on its way", () => {
  const live = speaking();
  const lost = reduce(live, delta(9, ASKING, [me()]));
  assert.deepEqual(lost.outbox, [{ do: "set-microphone", on: false }]);
  assert.equal(room(lost).microphone.wish, false);
  const again = [{ type: "microphone-toggled" } as const, { type: "microphone-toggled" } as const].reduce(reduce, live);
  const crossed = reduce(again, delta(9, ASKING, [me()]));
  assert.deepEqual(crossed.outbox, [{ do: "set-microphone", on: false }], "the request that crossed is not sent");
});

test("a device that opens after the floor has passed on stays silent", () => {
  const opening = reduce(inRoom(), { type: "microphone-toggled" });
  const opened = [delta(2, ASKING, []), { type: "microphone-opened" } as const].reduce(reduce, opening);
  assert.equal(room(opened).microphone.wish, false);
  assert.deepEqual(opened.outbox, [{ do: "list-devices" }]);
});

test("a request for the microphone that crossed with the rule is answered by the hand it raised", () => {
  const asked = [{ type: "microphone-toggled" } as const, { type: "microphone-opened" } as const, told("hand-noted")].reduce(reduce, inRoom());
  assert.deepEqual(room(asked).microphone, { device: "open", wish: false, asked: null });
  assert.deepEqual(asked.outbox, [{ do: "set-microphone", on: false }]);
});

test("a plea waits for the person: it opens nothing, and goes when the microphone is on, declined, or not theirs to use", () => {
  for (const event of ["please-unmute", "floor-given"]) {
    const asked = reduce(inRoom(), told(event));
    assert.deepEqual([room(asked).plea, asked.outbox, asked.toasts, asked.spoken.sentences.length], [SHOWN, [], [], 1], event);
    assert.equal(room(reduce(asked, { type: "plea-declined" })).plea, null);
    assert.equal(room(reduce(asked, delta(2, ASKING, []))).plea, null);
    const opening = reduce(asked, { type: "microphone-toggled" });
    assert.deepEqual(room(opening).plea, SHOWN, "not before it is on");
    assert.equal(room(reduce(opening, { type: "microphone-opened" })).plea, null);
  }
  const live = reduce(speaking(), told("please-unmute"));
  assert.deepEqual([room(live).plea, live.toasts.length], [null, 1]);
});

test("what a moderator chooses is sent as it is", () => {
  for (const message of [
    { type: "mute-all" },
    { type: "lock", on: true },
    { type: "ask-to-speak", on: false },
    { type: "give-floor", participant: "b" },
  ] as const) {
    const state = reduce(inRoom("moderator"), { type: "lead-chosen", message });
    assert.deepEqual([messages(state), state.toasts], [[message], []]);
  }
});

test("what the server does not answer is said: whom one asked, and that a hand is lowered", () => {
  const bea = { ...person("b"), hand: 2 };
  const before = reduce(inRoom("moderator"), delta(2, OPEN, [bea]));
  const asked = reduce(before, { type: "lead-chosen", message: { type: "ask-to-unmute", participant: "b" } });
  assert.deepEqual([keys(asked), asked.toasts.length], [["asked"], 1]);
  const lowering = reduce(before, { type: "lower-chosen", participant: "b" });
  assert.deepEqual(messages(lowering), [{ type: "lower-hand", participant: "b" }]);
  const lowered = reduce(lowering, delta(3, OPEN, [person("b")]));
  assert.deepEqual(keys(lowered), ["lowered"]);
  assert.deepEqual(room(lowered).acted, {});
  assert.deepEqual(keys(reduce(before, { type: "received", message: { type: "refused", reason: "not-here" } })), ["not-here"]);
});

test("moderators hear of raised hands, once each and not of their own; guests do not", () => {
  const bea = { ...person("b"), hand: 2 };
  const news = (role: Role, entries: Entry[]) => keys([delta(2, OPEN, [person("b")]), delta(3, OPEN, entries)].reduce(reduce, inRoom(role)));
  assert.deepEqual(news("moderator", [bea]), ["hand"]);
  assert.deepEqual(news("guest", [bea]), ["joined"], "the last that was said");
  assert.deepEqual(news("moderator", [{ ...me(), role: "moderator", hand: 1 }]), ["joined"]);
  const told = [delta(2, OPEN, [bea]), delta(3, OPEN, [{ ...bea, speaking: true }])].reduce(reduce, inRoom("moderator"));
  assert.deepEqual(keys(told), ["joined", "hand"]);
});

test("the lock is what roster and deltas say, and each change of it is announced once, to whoever made it, too", () => {
  const locked = reduce(inRoom(), delta(2, { ...OPEN, locked: true }, []));
  assert.equal(room(locked).state.locked, true);
  assert.deepEqual(keys(locked), ["locked"]);
  assert.deepEqual(reduce(locked, { type: "message", message: { type: "told", event: "locked", shown: SHOWN } }), locked);
  const open = reduce(locked, delta(3, OPEN, []));
  assert.equal(room(open).state.locked, false);
  assert.deepEqual(keys(open), ["unlocked"]);
});

const SHOWN = { de: "Satz", en: "Sentence" };

function inRoom(role: Role = "guest"): State {
  const welcome = greeting({ role, title: "Elternabend" });
  const joined: Event = { type: "received", message: { type: "joined", participant: "me", answer: "v=0", roster: { version: 1, state: OPEN, entries: [{ ...me(), role }] }, seat: "sealed", spoke: false, relay: null } };
  const events: Event[] = [{ type: "received", message: welcome }, { type: "join-chosen", name: "Ich" }, joined, { type: "call-changed", state: "connected" }];
  return events.reduce(reduce, initial("de", 1));
}

/** A guest with the floor whose microphone is on. */
function speaking(): State {
  const floor = delta(2, ASKING, [{ ...me(), floor: true }]);
  const on = delta(3, ASKING, [{ ...me(), floor: true, microphone: true }]);
  return [floor, { type: "microphone-toggled" } as const, { type: "microphone-opened" } as const, on].reduce(reduce, inRoom());
}

function delta(version: number, state: ConferenceState, entries: Entry[]): Event {
  return { type: "received", message: { type: "delta", version, state, entries, gone: [] } };
}

function told(event: string): Event {
  return { type: "received", message: { type: "told", event, shown: SHOWN } };
}

function person(id: string): Entry {
  return entry(id, { name: id });
}

function me(): Entry {
  return person("me");
}

function room(state: State): Room {
  assert.equal(state.page.name, "room");
  return state.page as Room;
}

function messages(state: State): unknown[] {
  return state.outbox.flatMap((effect) => (effect.do === "send" ? [effect.message] : []));
}

function keys(state: State): unknown[] {
  return state.spoken.sentences.map((one) => "key" in one && one.key);
}
