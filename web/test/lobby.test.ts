//! The waiting room: what the reducer makes of it, for the waiting and for moderators.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Room, waits } from "../src/room";
import { type Event, initial, reduce, type State } from "../src/state";
import { titleOf } from "../src/text";
import type { Entry, Role, Status } from "../src/wire";
import { conference, entry, greeting, shown } from "./people.mjs";

const HOLDS = conference({ lobby: "guests" });

test("who waits can do nothing but leave: no microphone opens, no hand goes up", () => {
  const state = inRoom("guest", "pending");
  assert.equal(waits(room(state)), true);
  assert.match(titleOf(state), /Warteraum/);
  const keys: Event[] = [
    { type: "microphone-toggled" },
    { type: "hand-toggled" },
    { type: "shortcut-pressed", what: "microphone" },
    { type: "dialog-opened", dialog: { name: "sound" } },
  ];
  for (const event of keys) assert.deepEqual(reduce(state, event), { ...state, outbox: [] }, event.type);
  assert.deepEqual(messages(reduce(state, { type: "leave-chosen" })), [{ type: "leave" }]);
});

test("who is talked to may speak, and only that; when the talk is over the microphone is given back", () => {
  const waiting = inRoom("guest", "pending");
  const addressed = reduce(waiting, delta(2, [{ ...me("guest", "pending"), apart: true }]));
  assert.match(titleOf(addressed), /Leitung spricht/);
  assert.equal(room(addressed).microphone.device, "closed", "nobody opens it but the person");
  for (const event of [{ type: "hand-toggled" }, { type: "shortcut-pressed", what: "hand" }, { type: "shortcut-pressed", what: "chat" }] as Event[]) {
    assert.deepEqual(reduce(addressed, event), { ...addressed, outbox: [] }, event.type);
  }
  const asked = reduce(addressed, { type: "shortcut-pressed", what: "microphone" });
  const on = reduce(asked, { type: "microphone-opened" });
  assert.deepEqual(messages(on), [{ type: "microphone", on: true }]);
  const live = reduce(on, delta(3, [{ ...me("guest", "pending"), apart: true, microphone: true }]));
  const over = reduce(live, delta(4, [me("guest", "pending")]));
  assert.deepEqual([room(over).microphone.wish, room(over).microphone.device], [false, "closed"]);
  assert.ok(over.outbox.some((effect) => effect.do === "close-microphone"));
  assert.deepEqual(reduce(over, { type: "microphone-toggled" }), { ...over, outbox: [] });
});

test("what is asked for in a talk that ends meanwhile does not stay on among the others", () => {
  const addressed = reduce(inRoom("guest", "pending"), delta(2, [{ ...me("guest", "pending"), apart: true }]));
  const asked = reduce(reduce(addressed, { type: "microphone-toggled" }), { type: "microphone-opened" });
  const inside = reduce(asked, delta(3, [me("guest", "connected")]));
  assert.equal(room(inside).microphone.wish, false);
  // The server did what it was asked for; the page takes it back.
  const late = reduce(inside, delta(4, [{ ...me("guest", "connected"), microphone: true }]));
  assert.deepEqual(messages(late), [{ type: "microphone", on: false }]);
});

test("a moderator asks for a talk and its end, and is told why there is none", () => {
  const waiting = reduce(inRoom("moderator", "connected"), delta(2, [{ ...person("a"), status: "pending" }]));
  for (const message of [{ type: "talk-with", participant: "a" }, { type: "end-talk" }] as const) {
    assert.deepEqual(messages(reduce(waiting, { type: "lead-chosen", message })), [message]);
  }
  for (const reason of ["talked-to", "too-many-talks"]) {
    const refused = reduce(waiting, { type: "received", message: { type: "refused", reason } });
    assert.deepEqual(said(refused), [reason]);
  }
});

test("who is let in finds everybody at once and is told so in one sentence, with the microphone off", () => {
  const waiting = inRoom("guest", "pending");
  const inside = reduce(waiting, delta(2, [me("guest", "connected"), person("a"), person("b")]));
  assert.equal(waits(room(inside)), false);
  assert.deepEqual(inside.spoken, waiting.spoken, "nobody has joined who was there before");
  assert.equal(room(inside).microphone.wish, false);
  const told = reduce(inside, { type: "received", message: { type: "told", event: "let-in", shown: { de: "drin", en: "in" } } });
  assert.deepEqual([told.spoken.sentences.length, told.toasts.length], [1, 0]);
});

test("who is let in among many is told nothing of whom they find, in whatever pieces the list comes", () => {
  const many = Array.from({ length: 28 }, (_, n) => person(`p${n}`));
  const closed = { ...HOLDS, locked: true };
  const waiting = inRoom("guest", "pending");
  const before = reduce(waiting, delta(2, many.slice(0, 10), [], closed));
  assert.equal(waits(room(before)), true);
  const inside = reduce(before, delta(2, [...many.slice(10, 19), me("guest", "connected")], [], closed));
  assert.equal(waits(room(inside)), false);
  const more = reduce(inside, delta(2, many.slice(19, 25), [], closed));
  for (const state of [before, inside, more]) assert.deepEqual([state.spoken, state.toasts], [waiting.spoken, []]);
  const last = reduce(inside, delta(3, many.slice(19), [], closed));
  assert.deepEqual(last.spoken, waiting.spoken, "what changed meanwhile comes with the rest of the list");
  assert.equal(room(last).entries.length, 29);
});

test("whoever comes or goes after the list was told is announced, and so is that the conference is open", () => {
  const many = Array.from({ length: 20 }, (_, n) => person(`p${n}`));
  const closed = { ...HOLDS, locked: true };
  const inside = reduce(inRoom("guest", "pending"), delta(2, [...many.slice(0, 9), me("guest", "connected")], [], closed));
  const all = reduce(inside, delta(2, many.slice(9), [], closed));
  assert.deepEqual(said(reduce(all, delta(3, [person("x")], ["p1"]))), ["joined", "left", "unlocked"]);
  const letIn = reduce(inside, { type: "received", message: { type: "told", event: "let-in", shown: shown("drin", "in") } });
  assert.deepEqual(said(reduce(letIn, delta(3, [person("x")], [], closed))), ["joined"], "before that sentence all of the list is told");
});

test("sound that goes out as it is is asked for when one is in, not before", () => {
  const original = { ...connected(), original: true };
  const waiting = reduce(original, joined("guest", "pending"));
  assert.deepEqual(messages(waiting), []);
  const inside = reduce(waiting, delta(2, [me("guest", "connected")]));
  assert.deepEqual(messages(inside), [{ type: "original-sound", on: true }]);
});

test("a moderator hears who waits, who comes in and who gives up, each once", () => {
  const state = inRoom("moderator", "connected");
  const waiting = reduce(state, delta(2, [{ ...person("a"), status: "pending" }]));
  assert.deepEqual(said(waiting), ["waits"]);
  assert.deepEqual(said(reduce(waiting, delta(3, [person("a")]))), ["joined"]);
  assert.deepEqual(said(reduce(waiting, delta(3, [], ["a"]))), ["gave-up"]);
  const told: Event = { type: "received", message: { type: "told", event: "somebody-waits", shown: { de: "", en: "" } } };
  assert.deepEqual(reduce(waiting, told).spoken, waiting.spoken);
});

test("a name that was said is asked for, and nothing is said over it", () => {
  const waiting = reduce(inRoom("moderator", "connected"), delta(2, [{ ...person("a"), status: "pending", said_name: true }]));
  const message = { type: "hear-name", participant: "a" } as const;
  const heard = reduce(waiting, { type: "lead-chosen", message });
  assert.deepEqual([messages(heard), heard.spoken, heard.toasts], [[message], waiting.spoken, []]);
});

test("a decision closes its dialogue, and so does the going of whom it is about", () => {
  const waiting = reduce(inRoom("moderator", "connected"), delta(2, [{ ...person("a"), status: "pending" }]));
  const asked = reduce(waiting, { type: "dialog-opened", dialog: { name: "turn-away", participant: "a" } });
  const message = { type: "turn-away", participant: "a", reason: "no-place" } as const;
  const decided = reduce(asked, { type: "lead-chosen", message });
  assert.deepEqual([messages(decided), room(decided).dialog], [[message], null]);
  assert.equal(room(reduce(asked, delta(3, [], ["a"]))).dialog, null);
});

test("somebody is removed for now or for the whole conference", () => {
  const state = reduce(inRoom("moderator", "connected"), delta(2, [person("a")]));
  for (const ban of [false, true]) {
    const removed = reduce(state, { type: "remove-confirmed", participant: "a", ban });
    assert.deepEqual(messages(removed), [{ type: ban ? "ban" : "remove", participant: "a" }]);
    assert.deepEqual(said(reduce(removed, delta(3, [], ["a"]))), ["removed"]);
  }
});

test("who is turned away reads why", () => {
  for (const reason of ["not-expected", "no-place", "come-later"]) {
    const state = reduce(inRoom("guest", "pending"), { type: "received", message: { type: "dismissed", reason } });
    assert.deepEqual(state.page.name === "over" && state.page.why, reason);
  }
});

function said(state: State): string[] {
  return state.spoken.sentences.map((one) => ("key" in one ? one.key : "told"));
}

function messages(state: State) {
  return state.outbox.flatMap((effect) => (effect.do === "send" ? [effect.message] : []));
}

function room(state: State): Room {
  assert.equal(state.page.name, "room");
  return state.page as Room;
}

function connected(role: Role = "guest"): State {
  const welcome = greeting({ role, title: "Jour fixe" });
  return { ...initial("de", 0), page: { name: "joining", welcome }, inside: true };
}

function joined(role: Role, status: Status): Event {
  const roster = { version: 1, state: HOLDS, entries: [me(role, status)] };
  return { type: "received", message: { type: "joined", participant: "me", answer: "v=0", roster, seat: "sealed", spoke: false, relay: null } };
}

function inRoom(role: Role, status: Status): State {
  return reduce(connected(role), joined(role, status));
}

function delta(version: number, entries: Entry[], gone: string[] = [], state = HOLDS): Event {
  return { type: "received", message: { type: "delta", version, state, entries, gone } };
}

function me(role: Role, status: Status): Entry {
  return { ...person("me"), role, status };
}

function person(id: string): Entry {
  return entry(id, { name: id });
}
