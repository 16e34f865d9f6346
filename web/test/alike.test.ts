//! People of one name are told apart where somebody chooses between them, by marks that nobody's leaving moves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { nameAmong } from "../src/alike";
import type { Entry } from "../src/wire";
import { entry } from "./people.mjs";

const ANNA = [
  entry("a", { name: "Anna", role: "moderator" }),
  entry("b", { name: "Anna", ordinal: 2 }),
  entry("c", { name: "anna", ordinal: 5 }),
  entry("d", { name: "Anna", door: "phone", ordinal: 2 }),
];
const BEA = entry("e", { name: "Bea", ordinal: 3 });

const names = (entries: readonly Entry[]) => entries.map((one) => nameAmong("de", entries, one));

test("who alone bears a name is called by it", () => {
  assert.deepEqual(names([ANNA[1]!, BEA]), ["Anna", "Bea"]);
});

test("of people of one name each has a mark of their own", () => {
  assert.deepEqual(names([...ANNA, BEA]), ["Anna (Leitung)", "Anna (Nr. 2)", "anna (Nr. 5)", "Anna (Telefon 2)", "Bea"]);
  assert.equal(nameAmong("en", ANNA, ANNA[3]!), "Anna (Phone 2)");
  assert.deepEqual(names([ANNA[0]!, { ...ANNA[1]!, role: "moderator" }]), ["Anna (Nr. 1)", "Anna (Nr. 2)"], "where both moderate this tells nothing");
});

test("a mark does not move on when another leaves, and whoever is gone is not taken for one who is there", () => {
  const [, second, third] = ANNA;
  assert.deepEqual(names([second!, third!]), ["Anna (Nr. 2)", "anna (Nr. 5)"]);
  assert.equal(nameAmong("de", [third!], second!), "Anna (Nr. 2)");
});

test("a browser named like a caller is told from the caller, whose label is mark enough", () => {
  assert.deepEqual(names([entry("t", { door: "phone" }), entry("x", { name: "Telefon 1" })]), ["Telefon 1", "Telefon 1 (Nr. 1)"]);
});

test("pseudonyms that fall together are told apart as well", () => {
  const ids = Array.from({ length: 300 }, (_, n) => entry(`p${n}`, { ordinal: n + 1 }));
  assert.equal(new Set(names(ids)).size, ids.length);
});
