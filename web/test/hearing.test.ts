//! Who hears the person, in words: in each state there is one sentence, and it is so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Hearing, hearing } from "../src/hearing";
import type { Room } from "../src/room";
import { type Event, initial, type Language, reduce, type State } from "../src/state";
import { hearingOf } from "../src/text";
import type { Entry } from "../src/wire";
import { conference, entry } from "./people.mjs";

const LENA = entry("lena", { name: "Lena" });
const PHONE = entry("tel1", { door: "phone" });
const BEA = entry("bea", { name: "Bea" });
const HELD: Partial<Entry> = { status: "on-hold" };

test("a microphone that is off is heard by nobody, whoever is there", () => {
  for (const people of [[], [LENA], [LENA, BEA, PHONE]]) says(inRoom(people), "Niemand hört Sie.", "Nobody hears you.");
});

test("those who hear are named or counted, and it is said whether they are all", () => {
  says(live([LENA]), "Lena hört Sie.", "Lena hears you.");
  says(live([PHONE]), "Telefon 1 hört Sie.", "Phone 1 hears you.");
  says(live([LENA, PHONE]), "Beide anderen hören Sie.", "Both others hear you.");
  says(live([LENA, PHONE, BEA]), "Alle 3 anderen hören Sie.", "All 3 others hear you.");
  says(live([LENA, { ...PHONE, ...HELD }]), "Nur Lena hört Sie.", "Only Lena hears you.");
  says(live([LENA, { ...BEA, away: true }]), "Nur Lena hört Sie.", "Only Lena hears you.");
  says(live([LENA, BEA, { ...PHONE, ...HELD }]), "2 von 3 anderen hören Sie.", "2 of 3 others hear you.");
});

test("who is on hold, waits or is being called does not hear", () => {
  says(live([{ ...PHONE, ...HELD }]), "Gerade hört Sie niemand: Die anderen sind kurz nicht da.", "Nobody hears you right now: the others are away for a moment.");
  for (const status of ["pending", "dialing-out", "alerting"] as const) {
    const other = { ...PHONE, status };
    says(live([other]), "Noch ist niemand da, der Sie hört.", "Nobody is here yet to hear you.");
    says(live([LENA, other]), "Lena hört Sie.", "Lena hears you.");
  }
});

test("who was left alone does not read that nobody has come yet", () => {
  const left = run(live([LENA]), delta(9, [], ["lena"]));
  says(left, "Gerade ist niemand da, der Sie hört.", "Nobody is here at the moment to hear you.");
});

test("whoever needs the floor is heard by nobody until they have it", () => {
  const asking = run(inRoom([LENA]), delta(9, [], [], true));
  says(asking, "Niemand hört Sie, bis Sie das Wort haben.", "Nobody hears you until you have the floor.");
  says(run(asking, delta(10, [{ ...me(false), hand: 1 }], [], true)), "Niemand hört Sie, bis Sie das Wort haben.", "Nobody hears you until you have the floor.");
  says(run(asking, delta(10, [{ ...me(false), floor: true }], [], true)), "Niemand hört Sie.", "Nobody hears you.");
  says(run(live([LENA]), delta(10, [], [], true)), "Niemand hört Sie, bis Sie das Wort haben.", "Nobody hears you until you have the floor.");
});

test("the waiting room says that nobody hears, in both directions", () => {
  says(inRoom([], { status: "pending" }), "Niemand hört Sie, und Sie hören niemanden.", "Nobody hears you, and you hear nobody.");
});

test("of two who talk alone each is heard by the other only, if the microphone is on", () => {
  const gustav = entry("gustav", { name: "Gustav", status: "pending", apart: true, apart_with: "me" });
  const talks = { apart: true, apart_with: "gustav" };
  const people = [LENA, BEA, gustav];
  says(run(live(people), delta(9, [{ ...me(true), role: "moderator", ...talks }])), "Nur Gustav (im Warteraum) hört Sie.", "Only Gustav (in the waiting room) hears you.");
  says(run(live(people), delta(9, [{ ...me(false), role: "moderator", ...talks }])), "Niemand hört Sie.", "Nobody hears you.");
  says(run(live(people), delta(9, [{ ...me(true), status: "pending", apart: true }])), "Nur die Leitung hört Sie.", "Only the moderator hears you.");
  // To those in the call, who talks apart does not hear.
  says(live([LENA, { ...BEA, role: "moderator", apart: true }]), "Nur Lena hört Sie.", "Only Lena hears you.");
  says(live([{ ...BEA, role: "moderator", apart: true }]), "Gerade hört Sie niemand: Die anderen sind kurz nicht da.", "Nobody hears you right now: the others are away for a moment.");
});

test("nobody is said to hear before the browser has permitted it, the server has agreed and the sound is there", () => {
  const asked = run(inRoom([LENA]), { type: "microphone-toggled" });
  says(asked, "Noch hört Sie niemand.", "Nobody hears you yet.");
  says(run(asked, { type: "microphone-failed", obstacle: "denied" }), "Niemand hört Sie.", "Nobody hears you.");
  const opened = run(asked, { type: "microphone-opened" });
  assert.equal(why(opened), "asked");
  says(opened, "Noch hört Sie niemand.", "Nobody hears you yet.");
  says(run(opened, delta(2, [me(true)])), "Lena hört Sie.", "Lena hears you.");
  const early = run(inRoom([LENA], {}, false), { type: "microphone-toggled" }, { type: "microphone-opened" }, delta(2, [me(true)]));
  assert.equal(why(early), "connecting");
  says(early, "Noch hört Sie niemand.", "Nobody hears you yet.");
});

test("nobody is said to hear while the sound is interrupted, is music, or does not come", () => {
  const broken = run(live([LENA]), { type: "call-changed", state: "disconnected" });
  says(broken, "Gerade hört Sie niemand.", "Nobody hears you right now.");
  const music = run(live([LENA]), delta(9, [{ ...me(true), disturbs: "music" }]));
  says(music, "Gerade hört Sie niemand.", "Nobody hears you right now.");
  const still = run(live([LENA]), { type: "microphone-stilled", still: true });
  says(still, "Niemand hört Sie: Ihr Mikrofon liefert keinen Ton.", "Nobody hears you: your microphone gives no sound.");
  says(run(still, { type: "microphone-stilled", still: false }), "Lena hört Sie.", "Lena hears you.");
});

test("what is announced when the microphone goes on claims no hearer who is not there", () => {
  const key = (state: State) => state.spoken.sentences.map((one) => "key" in one && one.key);
  const on: readonly Event[] = [{ type: "microphone-toggled" }, { type: "microphone-opened" }];
  assert.deepEqual(key(run(inRoom([LENA]), ...on)), ["microphone-on"]);
  assert.deepEqual(key(run(inRoom([]), ...on)), ["microphone-unheard"]);
  assert.deepEqual(key(run(inRoom([{ ...PHONE, ...HELD }]), ...on)), ["microphone-unheard"]);
  const still = run(inRoom([LENA]), { type: "microphone-toggled" }, { type: "microphone-stilled", still: true }, { type: "microphone-opened" });
  assert.deepEqual(key(still), ["microphone-still"]);
});

function says(state: State, de: string, en: string): void {
  const words = (language: Language) => hearingOf(language, of(state));
  assert.deepEqual([words("de"), words("en")], [de, en]);
}

function why(state: State): string | null {
  const who = of(state);
  return who.by === "nobody" ? who.why : null;
}

function of(state: State): Hearing {
  assert.equal(state.page.name, "room");
  return hearing(state.page as Room, state.company);
}

function inRoom(people: Entry[], own: Partial<Entry> = {}, connected = true): State {
  const welcome: Event = receive({ type: "welcome", role: "guest", title: "Elternabend", language: "de", dial_in: null, dial_out: [] });
  const roster = { version: 1, state: conference(), entries: [entry("me", own), ...people] };
  const joined: Event = receive({ type: "joined", participant: "me", answer: "v=0", roster });
  const alone = run(initial("de", 1), { type: "started" }, welcome, { type: "join-chosen", name: "Ich" }, { type: "offer-made", sdp: "v=0" }, joined);
  return connected ? run(alone, receive({ type: "connected" })) : alone;
}

function live(people: Entry[]): State {
  return run(inRoom(people), { type: "microphone-toggled" }, { type: "microphone-opened" }, delta(2, [me(true)]));
}

function me(microphone: boolean): Entry {
  return entry("me", { microphone });
}

function delta(version: number, entries: Entry[], gone: string[] = [], ask_to_speak = false): Event {
  return receive({ type: "delta", version, state: conference({ ask_to_speak }), entries, gone });
}

function receive(message: Extract<Event, { type: "received" }>["message"]): Event {
  return { type: "received", message };
}

function run(state: State, ...events: Event[]): State {
  return events.reduce(reduce, state);
}
