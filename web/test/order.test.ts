//! The order of the list: who speaks, hands, names; and when it stands still.

import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange, changesIn, LINGER_MS, type Order, PAUSE_MS, UNORDERED } from "../src/order";
import type { Entry } from "../src/wire";
import { entry } from "./people.mjs";

const people = (changes: Record<string, Partial<Entry>> = {}) => ["dora", "anna", "carl", "ben"].map((id) => entry(id, { name: id, ...changes[id] }));
const compare = (a: Entry, b: Entry) => (a.name ?? "").localeCompare(b.name ?? "");
const at = (before: Order, changes: Record<string, Partial<Entry>>, now: number, held = false) => arrange(before, people(changes), compare, now, held);
const first = at(UNORDERED, {}, 0);

test("speakers come first, then hands as they went up, then names", () => {
  assert.deepEqual(first.ids, ["anna", "ben", "carl", "dora"]);
  const hands = at(first, { dora: { hand: 1 }, carl: { hand: 0 } }, PAUSE_MS);
  assert.deepEqual(hands.ids, ["carl", "dora", "anna", "ben"]);
  const speaks = at(hands, { dora: { hand: 1 }, carl: { hand: 0 }, ben: { speaking: true } }, 2 * PAUSE_MS);
  assert.deepEqual(speaks.ids, ["ben", "carl", "dora", "anna"]);
  const both = at(speaks, { dora: { hand: 1 }, carl: { hand: 0 }, ben: { speaking: true }, anna: { speaking: true } }, 3 * PAUSE_MS);
  assert.deepEqual(both.ids, ["ben", "anna", "carl", "dora"], "who begins stands after who spoke already");
});

test("a pause between sentences moves no row, and a long one does", () => {
  const speaks = at(first, { dora: { speaking: true } }, PAUSE_MS);
  assert.equal(speaks.ids[0], "dora");
  assert.equal(changesIn(speaks, PAUSE_MS), PAUSE_MS, "the pause between two changes ends first");
  const paused = at(speaks, {}, PAUSE_MS + LINGER_MS - 1);
  assert.equal(paused.ids[0], "dora");
  assert.equal(changesIn(paused, PAUSE_MS + LINGER_MS - 1), 1);
  const silent = at(paused, {}, PAUSE_MS + LINGER_MS);
  assert.deepEqual(silent.ids, first.ids);
});

test("two changes are a pause apart, but who comes and goes is in the list at once", () => {
  const speaks = at(first, { dora: { speaking: true } }, PAUSE_MS);
  const soon = at(speaks, { dora: { speaking: true }, anna: { hand: 0 }, carl: { speaking: true } }, 2 * PAUSE_MS - 1);
  assert.deepEqual(soon.ids, speaks.ids);
  assert.equal(changesIn(soon, 2 * PAUSE_MS - 1), 1);
  const comes = arrange(speaks, [...people(), entry("eva", { name: "aaron" })], compare, PAUSE_MS + 1, false);
  assert.deepEqual(comes.ids, ["dora", "eva", "anna", "ben", "carl"]);
  const goes = arrange(speaks, people().slice(1), compare, PAUSE_MS + 1, false);
  assert.deepEqual(goes.ids, ["anna", "ben", "carl"]);
  assert.equal(goes.spoke.size, 0, "nothing is kept of who is gone");
});

test("while somebody works in the list no row moves, and newcomers go last", () => {
  const held = arrange(first, [...people({ dora: { speaking: true }, carl: { hand: 0 } }), entry("eva", { name: "aaron" })], compare, 60_000, true);
  assert.deepEqual(held.ids, ["anna", "ben", "carl", "dora", "eva"]);
  const left = arrange(held, [...people({ dora: { speaking: true }, carl: { hand: 0 } }), entry("eva", { name: "aaron" })], compare, 60_001, false);
  assert.deepEqual(left.ids, ["dora", "carl", "eva", "anna", "ben"]);
});

test("where nobody spoke and nothing changed there is nothing to wait for", () => {
  assert.equal(changesIn(first, PAUSE_MS), null);
});
