//! The sound of the whole call as a person meets it: its volume, and how it goes on after the page was away.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../drivers/chromium.mjs";
import { joinScript, serve } from "../fake-server.mjs";
import { OTHERS, prepare } from "../scenes.mjs";
import { focused, tabTo } from "./keyboard.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const volume = (page) => page.evaluate(() => document.querySelector("#mix").volume);

test("the volume is set by keyboard, tells its value by its role alone, and lasts into the next call", () =>
  inRoom({}, async (page) => {
    await tabTo(page, "sound");
    await page.keyboard.press("Enter");
    await tabTo(page, "volume");
    const slider = page.getByRole("slider", { name: "Lautstärke des Gesprächs" });
    assert.equal(await slider.getAttribute("aria-valuetext"), "100 %");
    const before = await page.getByTestId("announcement").innerText();
    for (const [key, value, text] of [["ArrowLeft", 0.95, "95 %"], ["Home", 0, "0 %, Sie hören niemanden"], ["ArrowRight", 0.05, "5 %"]]) {
      await page.keyboard.press(key);
      await page.locator(`[data-testid=volume][aria-valuetext="${text}"]`).waitFor();
      assert.equal(await volume(page), value);
    }
    assert.equal(await focused(page), "volume");
    assert.equal(await page.getByTestId("announcement").innerText(), before);
    await page.keyboard.press("Escape");
    await page.getByTestId("leave").click();
    await page.getByTestId("again").click();
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    assert.equal(await volume(page), 0.05);
  }));

async function inRoom(scene, check) {
  const server = await serve({ script: joinScript({ others: OTHERS }) });
  const context = await browser.newContext({ locale: "de-DE", permissions: ["microphone"], reducedMotion: "reduce" });
  const page = await context.newPage();
  await prepare(page, scene);
  try {
    await page.goto(`${server.url}#secret`);
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    await check(page, server);
  } finally {
    await context.close();
    await server.close();
  }
}
