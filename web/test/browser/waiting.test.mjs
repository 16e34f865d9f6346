//! What moderators hear of who waits: the name that was said, by a button of its own.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../drivers/chromium.mjs";
import { entry, OPEN, serve } from "../fake-server.mjs";
import { SCENES } from "../scenes.mjs";
import { settles, tabTo } from "./keyboard.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test("a moderator hears a name that was said, by keyboard too, until it is wiped", async () => {
  const scene = SCENES["room-waiting-named"];
  const server = await serve({ script: scene.script });
  const context = await browser.newContext({ locale: "de-DE", permissions: ["microphone"], reducedMotion: "reduce" });
  const page = await context.newPage();
  try {
    await page.goto(`${server.url}#secret`);
    await scene.act(page, server);
    const buttons = page.getByTestId("hear-name");
    const labels = () => buttons.evaluateAll((found) => found.map((one) => one.getAttribute("aria-label")));
    assert.deepEqual(await labels(), ["Namen anhören: Telefon 3", "Namen anhören: Telefon 14"]);
    await tabTo(page, "hear-name");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    const asked = () => server.received.filter(({ type }) => type === "hear-name").map(({ participant }) => participant);
    for (let i = 0; i < 100 && asked().length < 2; i++) await page.waitForTimeout(20);
    assert.deepEqual(asked(), ["tel3", "tel3"], "as often as it is asked for");
    // What is wiped cannot be heard; the focus stays in the line.
    const wiped = entry("tel3", { door: "phone", ordinal: 3, status: "pending" });
    server.send({ type: "delta", version: 2, state: OPEN, entries: [wiped], gone: [] });
    await settles(page, () => document.querySelectorAll("[data-testid=hear-name]").length, 1, "the button is gone");
    await settles(page, () => document.activeElement.dataset.testid, "admit", "the focus goes on in the line");
    assert.deepEqual(await labels(), ["Namen anhören: Telefon 14"]);
  } finally {
    await context.close();
    await server.close();
  }
});
