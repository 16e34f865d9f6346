//! How far telephones are protected, as everybody reads it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../drivers/chromium.mjs";
import { entry, OPEN, serve } from "../fake-server.mjs";
import { choose, SCENES } from "../scenes.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const words = (page, id) => page.locator(`[data-participant=${id}] [data-testid=protection]`).allInnerTexts();

for (const [language, none, carrier, telephone] of [
  ["de", "nicht verschlüsselt", "verschlüsselt bis zum Anbieter", "verschlüsselt bis zum Telefon"],
  ["en", "not encrypted", "encrypted to the carrier", "encrypted to the telephone"],
]) {
  test(`a guest reads of each telephone how far it is protected (${language})`, () =>
    inScene("room-protection-guest", language, async (page, server) => {
      const rows = await Promise.all(["anna", "tel1", "tel2", "tel3"].map((id) => words(page, id)));
      assert.deepEqual(rows, [[], [none], [carrier], [telephone]]);
      // What changes in a call changes here.
      const worse = entry("tel2", { door: "phone", ordinal: 2, protection: "none" });
      server.send({ type: "delta", version: 2, state: OPEN, entries: [worse], gone: [] });
      await page.locator("[data-participant=tel2][data-protection=none]").waitFor();
      assert.deepEqual(await words(page, "tel2"), [none]);
    }));
}

test("a moderator reads it of who waits, too", () =>
  inScene("room-protection-moderator", "de", async (page) => {
    assert.deepEqual(await words(page, "tel4"), ["nicht verschlüsselt"]);
  }));

test("a moderator tells callers apart by their last digits, in words for who listens", () =>
  inScene("room-protection-moderator", "de", async (page) => {
    const ending = (id) => page.locator(`[data-participant=${id}] [data-testid=ending]`).allInnerTexts();
    const parts = (await Promise.all(["tel1", "tel2", "tel4"].map(ending))).map((texts) => texts.map((one) => one.replaceAll("\n", " ")));
    assert.deepEqual(parts.map((texts) => texts.length), [1, 0, 1]);
    assert.match(parts[0][0], /…417.*Rufnummer endet auf 4 1 7/);
    assert.match(parts[2][0], /…083.*Rufnummer endet auf 0 8 3/);
  }));

async function inScene(name, language, check) {
  const scene = SCENES[name];
  const server = await serve({ script: scene.script });
  const context = await browser.newContext({ locale: "de-DE", permissions: ["microphone"], reducedMotion: "reduce" });
  const page = await context.newPage();
  try {
    await page.goto(`${server.url}#secret`);
    await choose(page, language);
    await scene.act(page, server);
    await check(page, server);
  } finally {
    await context.close();
    await server.close();
  }
}
