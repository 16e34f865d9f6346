//! What is typed is cut to what may be sent, between characters.

import assert from "node:assert/strict";
import { test } from "node:test";
import { cut, firstOf } from "../src/cut";
import { nameFrom, NAME_MAX } from "../src/name";
import { initial, reduce } from "../src/state";

const SCOTLAND = "\u{1F3F4}\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}";

test("a flag of a part of a country passes whole, or not at all where there is no room for it", () => {
  assert.equal(cut(`${SCOTLAND} Fiona ${SCOTLAND}`, 60), `${SCOTLAND} Fiona ${SCOTLAND}`);
  for (let room = 1; room < SCOTLAND.length; room++) assert.equal(cut(`Fiona${SCOTLAND}`, 5 + room), "Fiona", String(room));
  assert.equal(cut(SCOTLAND.repeat(2), SCOTLAND.length + 7), SCOTLAND);
});

test("no half of a character is left by a cut, of names neither", () => {
  assert.equal(cut("ab👍", 3), "ab");
  assert.equal(cut("\ud83cab", 3), "ab");
  const name = reduce(initial("de", 1), { type: "name-typed", name: `${"a".repeat(NAME_MAX - 1)}👍` }).name;
  assert.equal(name, "a".repeat(NAME_MAX - 1));
});

test("a name that somebody else has given is sent without half of a character", () => {
  const long = `a${"😀".repeat(63)}`;
  assert.equal(nameFrom(long), `a${"😀".repeat(29)}`);
  assert.equal(nameFrom(` ${"a".repeat(NAME_MAX - 1)}👍`), "a".repeat(NAME_MAX - 1));
  assert.equal(nameFrom("  "), "");
});

test("the first character of a name is its flag, where it begins with one", () => {
  assert.deepEqual([SCOTLAND, "Fiona", "👍x", ""].map(firstOf), [SCOTLAND, "F", "👍", ""]);
});
