//! The wordings of German: each holds only what it says differently, nobody is called du and Sie by turns, and easy German is easy.

import assert from "node:assert/strict";
import { test } from "node:test";
import de from "../src/i18n/de.json";
import deDu from "../src/i18n/de-du.json";
import deEinfach from "../src/i18n/de-einfach.json";
import { baseOf, type Key, LANGUAGES, tagOf, text, timeOf } from "../src/text";
import { marks } from "./words";

const OWN: Record<"de-du" | "de-einfach", Record<string, string>> = { "de-du": deDu, "de-einfach": deEinfach };
const KEYS = Object.keys(de) as Key[];

/** Words by which people are spoken to. A third person is "sie" in small letters, so no sentence may begin with one. */
const SIE = /(?<!\p{L})(Sie|Ihr|Ihre[mnrs]?|Ihnen)(?!\p{L})/u;
const DU = /(?<!\p{L})(du|dich|dir|dein(e[mnrs]?)?)(?!\p{L})/iu;

/** Words in a sentence of easy German at most. */
const WORDS_MAX = 12;
/** Words that easy German does without, also as a part of others. */
const HARD = ["Moderation", "moderier", "Konferenz", "Datenschutz", "Wortmeldung", "verschlüssel", "Protokoll", "Warteraum", "Server", "aufgezeichnet", "Einwahl", "Pegel", "teilnehm", "Teilnehm", "Rufnummer", "unterdrückt", "abbrechen", "Schaltfläche", "Verarbeitung", "Auskunft"];
/** Said to nobody: the names of languages, and what pseudonyms are made of. */
const NAMES = /^(language|pseudonym)\./;

for (const [language, words] of Object.entries(OWN) as ["de-du" | "de-einfach", Record<string, string>][]) {
  test(`${language} holds only what it says differently from de.json`, () => {
    const unknown = Object.keys(words).filter((key) => !(key in de));
    assert.deepEqual(unknown, [], `${language}.json has keys that de.json lacks`);
    const same = Object.entries(words).filter(([key, own]) => own === de[key as Key]);
    assert.deepEqual(same.map(([key]) => key), [], `${language}.json repeats what de.json says`);
    const order = KEYS.filter((key) => key in words);
    assert.deepEqual(Object.keys(words), order, `${language}.json has the order of de.json`);
    for (const [key, own] of Object.entries(words)) {
      assert.deepEqual(marks(own), marks(de[key as Key]), `${language}.json: placeholders of ${key}`);
      assert.ok(own.trim(), `${language}.json: ${key} is empty`);
    }
  });
}

test("whoever is called du is called so in every text", () => {
  const missing = KEYS.filter((key) => SIE.test(de[key]) && !(key in deDu));
  assert.deepEqual(missing, [], "these texts of de.json say Sie and have no du in de-du.json");
  const formal = KEYS.filter((key) => SIE.test(text("de-du", key)));
  assert.deepEqual(formal, [], "these texts of de-du.json say Sie");
  const inCapitals = KEYS.filter((key) => /[\p{Ll},] (Du|Dich|Dir|Dein)/u.test(text("de-du", key)));
  assert.deepEqual(inCapitals, [], "du has a small letter within a sentence");
});

test("nobody who is called Sie is called du", () => {
  for (const language of ["de", "de-einfach"] as const) {
    assert.deepEqual(KEYS.filter((key) => DU.test(text(language, key)) && !NAMES.test(key)), [], `${language} says du`);
  }
});

test("easy German has short sentences without hard words", () => {
  for (const key of KEYS.filter((key) => !NAMES.test(key))) {
    const words = text("de-einfach", key);
    for (const sentence of words.split(/[.!?:;…](?=\s|$)/)) {
      const count = sentence.trim().split(/\s+/).length;
      assert.ok(count <= WORDS_MAX, `${key} needs easy words in de-einfach.json, ${count} words in one sentence: ${sentence}`);
    }
    const hard = HARD.find((hard) => words.includes(hard));
    assert.equal(hard, undefined, `${key} needs easy words in de-einfach.json: ${words}`);
  }
});

test("the page says the words of the telephone", () => {
  assert.equal(text("de-einfach", "lead.locked"), "Die Tür ist zu.");
  assert.match(text("de-einfach", "privacy.kept.text"), /^Niemand nimmt das Gespräch auf\./);
  assert.match(text("de-einfach", "say.microphone-on"), /Jetzt hören die anderen Sie\.$/);
  assert.match(text("de-einfach", "say.waits"), /^Draußen wartet:/);
});

test("each language has its tag, and numbers and times go by the language beneath the wording", () => {
  assert.deepEqual(LANGUAGES.map(tagOf), ["de", "de", "de-simple", "en"]);
  assert.deepEqual(LANGUAGES.map((one) => Intl.getCanonicalLocales(tagOf(one))[0]), LANGUAGES.map(tagOf));
  assert.deepEqual(LANGUAGES.map(baseOf), ["de", "de", "de", "en"]);
  const times = LANGUAGES.map((one) => timeOf(one, 1_790_000_000));
  assert.equal(new Set(times.slice(0, 3)).size, 1, times.join());
});

test("what a wording does not say itself it says as German with Sie does", () => {
  for (const language of ["de-du", "de-einfach"] as const) {
    assert.equal(text(language, "app.name"), "Rundruf");
    for (const key of KEYS) assert.equal(text(language, key), OWN[language][key] ?? de[key]);
  }
  assert.equal(text("de-du", "hearing.off"), "Niemand hört dich.");
});
