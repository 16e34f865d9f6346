//! The words: German and English have the same keys and placeholders, and people are named.

import assert from "node:assert/strict";
import { test } from "node:test";
import de from "../src/i18n/de.json";
import en from "../src/i18n/en.json";
import { announcement, list, nameOf, pseudonym, text, titleOf } from "../src/text";
import { initial, type Welcome } from "../src/state";
import { entry, greeting } from "./people.mjs";
import { marks } from "./words";

const ENTRY = entry("a1", { door: "phone", ordinal: 2 });

test("both languages have the same keys and the same placeholders", () => {
  const lacking = (of: object, from: object) => Object.keys(from).filter((key) => !(key in of));
  assert.deepEqual(lacking(en, de), [], "en.json lacks these keys");
  assert.deepEqual(lacking(de, en), [], "de.json lacks these keys");
  assert.deepEqual(Object.keys(de), Object.keys(en), "the order is the same");
  for (const [key, german] of Object.entries(de)) {
    const english = en[key as keyof typeof en];
    assert.deepEqual(marks(german), marks(english), key);
    assert.ok(german.trim() && english.trim(), key);
  }
});

test("pseudonyms agree in gender, and all 256 differ in both languages", () => {
  assert.equal(pseudonym("de", 0), "Blauer Fuchs");
  assert.equal(pseudonym("en", 0), "Blue Fox");
  assert.equal(pseudonym("de", 8), "Blaue Eule");
  assert.equal(pseudonym("de", 14), "Blaues Reh");
  for (const language of ["de", "en"] as const) assert.equal(new Set(Array.from({ length: 256 }, (_, n) => pseudonym(language, n))).size, 256);
});

test("a caller is a telephone with a number, a nameless browser has a lasting pseudonym", () => {
  assert.equal(nameOf("de", ENTRY), "Telefon 2");
  assert.equal(nameOf("en", ENTRY), "Phone 2");
  assert.equal(nameOf("de", { ...ENTRY, door: "browser" }), nameOf("de", { ...ENTRY, door: "browser", speaking: true }));
  assert.equal(nameOf("de", { ...ENTRY, name: "Ada" }), "Ada");
});

test("a room without a title is a conference, with its number if it has one", () => {
  const title = (welcome: Partial<Welcome>) =>
    titleOf({
      ...initial("de", 0),
      page: { name: "joining", welcome: greeting({ title: "", ...welcome }) },
    });
  assert.equal(title({}), "Verbindung wird aufgebaut · Konferenz · Rundruf");
  assert.equal(title({ title: " ", dial_in: { number: "4711", pin: "1", sip: "", lines: [] } }), "Verbindung wird aufgebaut · Konferenz 4711 · Rundruf");
  assert.equal(title({ title: "Elternabend" }), "Verbindung wird aufgebaut · Elternabend · Rundruf");
});

test("the dial-in code is named as the prompt names it, and as nothing to dial", () => {
  assert.match(text("de", "dial.code"), /^Einwahlnummer .*nach der Begrüßung tippen/);
  assert.match(text("en", "dial.code"), /^Dial-in number .*after the greeting/);
});

test("many newcomers are announced in one bounded sentence", () => {
  const joined = Array.from({ length: 12 }, (_, i) => ({ key: "joined" as const, entry: { ...ENTRY, id: `${i}`, ordinal: i } }));
  assert.equal(announcement("de", joined), "Telefon 0 ist dazugekommen. Telefon 1 ist dazugekommen. Telefon 2 ist dazugekommen. Und 9 weitere.");
});

test("names are listed as one speaks", () => {
  assert.equal(list("de", ["A"]), "A");
  assert.equal(list("de", ["A", "B", "C"]), "A, B und C");
  assert.equal(text("en", "room.speaks", { names: list("en", ["A", "B"]) }), "Speaking: A and B");
});
