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

test("a microphone that vanishes leaves the person muted, with a sentence and the next one to choose", () =>
  inRoom({ vanishing: true }, async (page, server) => {
    const microphone = (is) => page.locator(`[data-testid=microphone][data-microphone=${is}]`).waitFor();
    const opened = () => page.evaluate(() => globalThis.opened);
    await page.getByTestId("microphone").click();
    await microphone("on");
    // Another one, in the middle of the call.
    await page.getByTestId("sound").click();
    const labels = await page.locator("[data-testid=device] option").allInnerTexts();
    assert.ok(labels.length >= 3, labels.join());
    await page.getByTestId("device").selectOption({ label: labels[1] });
    await page.waitForFunction(() => globalThis.opened.length === 2);
    assert.notEqual((await opened())[0], (await opened())[1]);
    await page.keyboard.press("Escape");
    assert.equal(await page.getByTestId("microphone").getAttribute("data-microphone"), "on", "the change leaves it on");

    await page.evaluate(() => globalThis.unplug());
    await microphone("off");
    await page.locator("[data-own=true][data-microphone=off]").waitFor();
    await page.getByTestId("obstacle").getByText("Wählen Sie ein anderes").waitFor();
    assert.equal(await page.locator("[data-testid=device] option").count(), labels.length - 1);
    await page.getByTestId("device").selectOption({ index: 1 });
    assert.equal((await opened()).length, 2, "choosing opens nothing");
    await page.getByTestId("microphone").click();
    await microphone("on");
    assert.equal(await page.getByTestId("obstacle").count(), 0);
    assert.deepEqual(server.received.filter(({ type }) => type === "microphone").map(({ on }) => on), [true, false, true]);
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
