//! A name of which nothing would be seen is none, as the server has it, so that the person joins by the pseudonym that the page proposes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { nameFrom } from "../src/name";

test("a name of characters that nobody sees is empty", () => {
  const unseen = ["", " ", "\u200b", " \u200b\u200b ", "\u00ad\ufeff", "\u2060\u206f", "\u202e\u2069\u061c\u200e", "\u200c\u200d\ufe0f", "\u3164\u115f\u1160\uffa0\u180e", "\u{e0001}\u{e0041}", "\u0000\u0007\u0085", "\u00a0\u3000\ufffb"];
  for (const name of unseen) assert.equal(nameFrom(name), "", JSON.stringify(name));
});

test("a name of which anything is seen stays as it was typed", () => {
  for (const name of ["Anna", "李小龍", "عمر", "می\u200cخواهم", "👩\u200d🚀 Eva", "❤\ufe0f", "-", "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}"]) assert.equal(nameFrom(` ${name} `), name);
});
