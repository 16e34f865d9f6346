//! Space as the key to talk, as a person meets it: held it speaks, let go it does not, and elsewhere it is what it always was.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../drivers/chromium.mjs";
import { entry, OPEN } from "../fake-server.mjs";
import { OTHERS } from "../scenes.mjs";
import { focused, settles, tabTo } from "./keyboard.mjs";
import * as room from "./room.mjs";

let browser;
const inRoom = (options, check, context) => room.inRoom(browser, { others: OTHERS, ...options }, check, context);
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const said = () => document.querySelector("[data-testid=announcement]").innerText;
const microphone = (page, is) => page.locator(`[data-testid=microphone][data-microphone=${is}]`).waitFor();
const own = (page, is) => page.locator(`[data-own=true][data-microphone=${is}]`).waitFor();

test("held space speaks, without scrolling the page, and a lost window or a mute from outside ends it", () =>
  inRoom({}, async (page, server) => {
    await page.setViewportSize({ width: 900, height: 500 });
    assert.equal(await page.getByTestId("held").innerText(), "Leertaste halten");
    await page.keyboard.down("Space");
    await microphone(page, "on");
    await own(page, "on");
    assert.match(await page.getByTestId("heard-hint").innerText(), /solange Sie die Leertaste halten/);
    for (let i = 0; i < 3; i++) await page.keyboard.down("Space");
    assert.equal(await page.evaluate(() => scrollY), 0);
    await page.keyboard.up("Space");
    await microphone(page, "off");
    await own(page, "off");
    assert.deepEqual(room.sent(server), ["microphone true", "microphone false"], "repeats of the key ask for nothing");

    for (const lose of [() => dispatchEvent(new Event("blur")), hide]) {
      await page.keyboard.down("Space");
      await own(page, "on");
      await page.evaluate(lose);
      await own(page, "off");
      await settles(page, said, "Mikrofon aus. Man hört Sie nicht.", "who did not let go is told");
      await page.keyboard.up("Space");
      await microphone(page, "off");
    }

    await page.keyboard.down("Space");
    await own(page, "on");
    server.send({ type: "delta", version: 90, state: OPEN, entries: [entry("me", { name: "Ada" })], gone: [] });
    await microphone(page, "off");
    await page.keyboard.down("Space");
    await page.keyboard.up("Space");
    await microphone(page, "off");
    assert.deepEqual(room.sent(server).slice(-1), ["microphone true"], "the held key contradicts nobody");
  }));

test("space works the button that has the focus, stays a space in a field, and can be switched off", () =>
  inRoom({ welcome: { role: "moderator", dial_out: ["+49"] } }, async (page, server) => {
    await tabTo(page, "hand");
    await page.keyboard.press("Space");
    await page.getByTestId("raised").waitFor();
    await tabTo(page, "lead");
    await page.keyboard.press("Space");
    await tabTo(page, "call-number");
    await page.keyboard.type("+49 30");
    assert.equal(await page.getByTestId("call-number").inputValue(), "+49 30");
    await tabTo(page, "sound");
    await page.keyboard.press("Enter");
    await tabTo(page, "shortcut");
    await page.keyboard.press("Space");
    await page.keyboard.press("Escape");
    await page.getByTestId("dialog").waitFor({ state: "detached" });
    await page.evaluate(() => document.getElementById("title").focus());
    await page.keyboard.down("Space");
    await page.keyboard.up("Space");
    await tabTo(page, "hand");
    await page.keyboard.press("Space");
    await page.getByTestId("raised").waitFor({ state: "detached" });
    assert.deepEqual(room.sent(server), ["hand true", "hand false"]);
    assert.equal(await page.getByTestId("held").count(), 0);
  }));

test("a button that gets the focus while space is held is not pressed by letting go", () =>
  inRoom({}, async (page, server) => {
    await page.keyboard.down("Space");
    await own(page, "on");
    await page.evaluate(() => document.querySelector("[data-testid=leave]").focus());
    await page.keyboard.up("Space");
    await own(page, "off");
    assert.equal(await focused(page), "leave");
    assert.deepEqual(room.sent(server), ["microphone true", "microphone false"]);
  }));

test("where people ask to speak the key says why it does nothing, and raises no hand", () =>
  inRoom({ state: { ask_to_speak: true } }, async (page, server) => {
    assert.equal(await page.getByTestId("held").count(), 0);
    await page.keyboard.down("Space");
    await page.keyboard.up("Space");
    await page.getByTestId("toast").waitFor();
    await settles(page, said, "Gerade spricht nur, wer das Wort hat. Mit der Taste H melden Sie sich.", "the announcement");
    assert.deepEqual(room.sent(server), []);
  }));

/** Runs in the page: another tab comes before it. */
function hide() {
  Object.defineProperty(document, "hidden", { configurable: true, value: true });
  document.dispatchEvent(new Event("visibilitychange"));
  delete document.hidden;
}
