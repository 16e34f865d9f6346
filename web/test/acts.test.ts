//! Who speaks, what was done, and who becomes a moderator: what the reducer makes of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ACTS_MAX } from "../src/acts";
import { leads, type Room } from "../src/room";
import { type Event, initial, reduce, type State, type Welcome } from "../src/state";
import { timeOf } from "../src/text";
import type { Act, Entry, Role } from "../src/wire";
import { conference, entry, greeting, shown } from "./people.mjs";

test("who speaks comes by itself, changes nothing else and is not said", () => {
  const before = reduce(inRoom(), delta(2, [person("a"), { ...person("b"), speaking: true }]));
  const state = reduce(before, { type: "received", message: { type: "speaking", began: ["a", "gone"], ceased: ["b"] } });
  const speaking = room(state).entries.map(({ id, speaking }) => [id, speaking]);
  assert.deepEqual(speaking, [["me", false], ["a", true], ["b", false]]);
  assert.deepEqual([state.spoken, state.outbox, room(state).version], [before.spoken, [], 2]);
  assert.equal(room(state).entries[0], room(before).entries[0], "rows that do not change are not drawn anew");
});

test("what was done is kept with the latest first, up to a number, and is neither said nor shown by itself", () => {
  const first = reduce(inRoom(), did("locked", 1));
  assert.deepEqual([first.spoken, first.toasts], [inRoom().spoken, []]);
  const more = Array.from({ length: ACTS_MAX }, (_, place) => did("muted", place + 2));
  const state = more.reduce(reduce, first);
  assert.deepEqual([room(state).acts.length, room(state).acts[0]?.at, room(state).acts.at(-1)?.at], [ACTS_MAX, ACTS_MAX + 1, 2]);
});

test("whoever comes in again finds nothing of before", () => {
  const again = reduce(reduce(inRoom(), did("locked", 1)), { type: "link-closed" });
  const welcomed = reduce(again, { type: "received", message: WELCOME });
  assert.deepEqual(room(reduce(welcomed, joined("guest"))).acts, []);
});

test("nobody is shown what is done before they are in", () => {
  const state = { ...initial("de", 0), page: { name: "joining", welcome: WELCOME } } as const;
  assert.deepEqual(reduce(state, did("locked", 1)).page, state.page);
});

test("whoever is made a moderator moderates, whatever their link says, and hears so from the server", () => {
  const guest = inRoom();
  assert.equal(leads(room(guest)), false);
  const hand = { ...person("a"), hand: 1 };
  const made = reduce(reduce(guest, delta(2, [hand])), delta(3, [{ ...me(), role: "moderator" }]));
  assert.equal(leads(room(made)), true);
  assert.deepEqual(keys(made), ["joined"], "what was said before is not said again");
  const text = shown("Sie haben jetzt die Leitung.", "You are a moderator now.");
  const told = reduce(made, { type: "received", message: { type: "told", event: "made-moderator", shown: text } });
  assert.deepEqual([told.spoken.sentences, told.toasts.length], [[text], 1]);
  const raised = reduce(made, delta(4, [{ ...person("b"), hand: 2 }]));
  assert.deepEqual(keys(raised), ["joined", "hand"]);
});

test("moderators hear who else is one from then on, each once; guests see it", () => {
  const news = (role: Role) => {
    const others = reduce(inRoom(role), delta(2, [person("a")]));
    const made = reduce(others, delta(3, [{ ...person("a"), role: "moderator" }]));
    return reduce(made, { type: "received", message: { type: "told", event: "new-moderator", shown: shown("") } });
  };
  assert.deepEqual(keys(news("moderator")), ["leads"]);
  assert.deepEqual(keys(news("guest")), ["joined"], "the last that was said");
});

test("a moderator makes one by a message, and the question is gone", () => {
  const asked = reduce(inRoom("moderator"), { type: "dialog-opened", dialog: { name: "promote", participant: "a" } });
  const state = reduce(asked, { type: "lead-chosen", message: { type: "make-moderator", participant: "a" } });
  assert.deepEqual([room(state).dialog, messages(state)], [null, [{ type: "make-moderator", participant: "a" }]]);
});

test("all hands are lowered by one message, and it is said of whom when it is so", () => {
  const hands = [{ ...person("a"), hand: 1 }, { ...person("b"), hand: 2 }];
  const asked = reduce(reduce(inRoom("moderator"), delta(2, hands)), { type: "lead-chosen", message: { type: "lower-hands" } });
  assert.deepEqual(messages(asked), [{ type: "lower-hands" }]);
  const lowered = reduce(asked, delta(3, [person("a"), person("b")]));
  assert.deepEqual(keys(lowered), ["lowered", "lowered"]);
});

test("a time of day is hours and minutes", () => {
  const noon = new Date(2026, 10, 30, 12, 5).getTime() / 1000;
  assert.equal(timeOf("de", noon), "12:05");
  assert.match(timeOf("en", noon), /^12:05/);
});

const WELCOME = greeting({ title: "Jour fixe" });
const OPEN = conference();

function did(act: Act, at: number): Event {
  return { type: "received", message: { type: "act", act, actor: "moderator", at, to: null } };
}

function keys(state: State) {
  return state.spoken.sentences.map((said) => ("key" in said ? said.key : said.de));
}

function messages(state: State) {
  return state.outbox.flatMap((effect) => (effect.do === "send" ? [effect.message] : []));
}

function room(state: State): Room {
  assert.equal(state.page.name, "room");
  return state.page as Room;
}

function inRoom(role: Role = "guest"): State {
  const welcome: Welcome = { ...WELCOME, role };
  return reduce({ ...initial("de", 0), page: { name: "joining", welcome }, inside: true }, joined(role));
}

function joined(role: Role): Event {
  const roster = { version: 1, state: OPEN, entries: [{ ...me(), role }] };
  return { type: "received", message: { type: "joined", participant: "me", answer: "v=0", roster, relay: null } };
}

function delta(version: number, entries: Entry[]): Event {
  return { type: "received", message: { type: "delta", version, state: OPEN, entries, gone: [] } };
}

function me(): Entry {
  return person("me");
}

function person(id: string): Entry {
  return entry(id, { name: id });
}
