//! What assistive technology is told: one sentence does not displace the other, none is repeated at once, and none stays for ever.

import assert from "node:assert/strict";
import { test } from "node:test";
import { aloud, goesIn, PLACES, type Said, STAYS_MS } from "../src/aloud";
import type { Sentence } from "../src/state";

type Key = "microphone-on" | "microphone-off" | "locked" | "unlocked";

test("a sentence that follows at once stands beside the one before, in a region of its own", () => {
  const two = say([], [["microphone-on", 0], ["locked", 10]]);
  assert.deepEqual(keys(two), ["microphone-on", "locked"]);
  assert.notEqual(two[0]?.place, two[1]?.place);
  const again = aloud(two, spoken(2, "locked"), 20);
  assert.deepEqual(again, two, "what is drawn again changes nothing");
});

test("an earlier sentence goes after a while, the latest stays until it is followed", () => {
  const two = say([], [["microphone-on", 0], ["locked", 10]]);
  assert.equal(goesIn(two, 1000), STAYS_MS - 1000);
  const later = aloud(two, spoken(2, "locked"), STAYS_MS);
  assert.deepEqual([keys(later), goesIn(later, STAYS_MS)], [["locked"], null]);
  assert.deepEqual(keys(aloud(later, spoken(2, "locked"), 100 * STAYS_MS)), ["locked"]);
});

test("many sentences are no flood: the oldest give way, each place has one", () => {
  const many = say([], [["microphone-on", 0], ["locked", 1], ["microphone-off", 2], ["unlocked", 3], ["locked", 4]]);
  assert.deepEqual(keys(many), ["microphone-off", "unlocked", "locked"]);
  assert.equal(many.length, PLACES);
  assert.equal(new Set(many.map(({ place }) => place)).size, PLACES);
});

test("the same sentence at once is said once, and after a while again", () => {
  const once = say([], [["locked", 0], ["locked", 10], ["locked", 20]]);
  assert.deepEqual(once.map(({ key, at }) => [key, at]), [[1, 0]]);
  const again = aloud(once, spoken(9, "locked"), STAYS_MS);
  assert.equal(again.at(-1)?.key, 9);
  assert.deepEqual(keys(say([], [["locked", 0], ["unlocked", 10], ["locked", 20]])), ["locked", "unlocked", "locked"], "where another stands between them it is news");
});

test("what is over says nothing more", () => {
  const over = aloud(say([], [["microphone-on", 0], ["locked", 10]]), { spoken: { id: 9, sentences: [] }, language: "de" }, 20);
  assert.deepEqual(over.map(({ sentences }) => sentences), [[]]);
});

function say(before: readonly Said[], all: readonly [Key, number][]): readonly Said[] {
  return all.reduce((said, [key, at], index) => aloud(said, spoken(index + 1, key), at), before);
}

function spoken(id: number, key: Key) {
  return { spoken: { id, sentences: [{ key, entry: null }] as Sentence[] }, language: "de" as const };
}

function keys(said: readonly Said[]): string[] {
  return said.flatMap(({ sentences }) => sentences.map((one) => ("key" in one ? one.key : "told")));
}
