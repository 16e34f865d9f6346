//! In which language the page is: the browser's until the room says its own, and what a person chooses before either.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Event, initial, type Language, reduce, type State } from "../src/state";
import { sentence } from "../src/text";
import { conference, entry, greeting } from "./people.mjs";

test("before a room says how it speaks the browser's language holds, and then the room's", () => {
  const before = run(initial("en", 1), { type: "started" });
  assert.equal(before.language, "en");
  for (const language of ["de", "de-du", "de-einfach", "en"] as const) assert.equal(run(before, welcome(language)).language, language);
});

test("what a person chooses holds over what the room says, before it and after", () => {
  const early = run(initial("de", 1), { type: "started" }, choose("en"), welcome("de-du"));
  assert.equal(early.language, "en");
  const late = run(initial("de", 1), { type: "started" }, welcome("de-du"), choose("de-einfach"));
  assert.equal(late.language, "de-einfach");
  assert.equal(run(late, { type: "link-closed" }, welcome("de-du")).language, "de-einfach", "also after the link was lost before joining");
});

test("what a person has chosen holds when the page comes back; what nobody chose follows the room", () => {
  const again = (state: State) => run(state, { type: "link-closed" }, { type: "link-opened" }, welcome("de-du"));
  assert.equal(again(run(inRoom("de"), choose("en"))).language, "en");
  assert.equal(again(inRoom("de")).language, "de-du", "the room speaks otherwise from here on");
});

test("a welcome that nobody waits for changes nothing", () => {
  const state = inRoom("de");
  assert.equal(run(state, welcome("en")).language, "de");
});

test("a sentence of the server is shown in the language of the page", () => {
  const said = { de: "Sie", "de-du": "Du", "de-einfach": "Leicht", en: "You" };
  assert.deepEqual((["de", "de-du", "de-einfach", "en"] as const).map((language) => sentence(language, said)), ["Sie", "Du", "Leicht", "You"]);
});

function inRoom(language: Language): State {
  const roster = { version: 1, state: conference(), entries: [entry("me")] };
  const joined: Event = { type: "received", message: { type: "joined", participant: "me", answer: "v=0", roster, seat: "sealed", spoke: false, relay: null } };
  const state = run(initial("en", 1), { type: "started" }, welcome(language), { type: "join-chosen", name: "Ada" }, { type: "offer-made", sdp: "v=0" }, joined);
  assert.equal(state.page.name, "room");
  return state;
}

function welcome(language: Language): Event {
  return { type: "received", message: greeting({ language }) };
}

function choose(language: Language): Event {
  return { type: "language-chosen", language };
}

function run(state: State, ...events: Event[]): State {
  return events.reduce(reduce, state);
}
