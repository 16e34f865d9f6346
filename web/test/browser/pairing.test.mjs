//! A telephone as the sound of the page, as a person meets it: the code, the question, silence here, and the way back.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../drivers/chromium.mjs";
import { PAIRING_CODE } from "../fake-server.mjs";
import { OTHERS } from "../scenes.mjs";
import { focused, settles, tabTo } from "./keyboard.mjs";
import { inRoom, sent } from "./room.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const said = () => document.querySelector("[data-testid=announcement]").innerText;
const isPaused = () => document.querySelector("#mix").paused;

/** Tells what the telephone does to the own line of the roster. */
function speaks(server, telephone, microphone = false) {
  server.connections.at(-1).become({ telephone, microphone, protection: telephone ? "to-carrier" : "to-device" });
}

test("the code is found by keyboard, stands in large digits, is spoken digit by digit and renewed", () =>
  inRoom(browser, { others: OTHERS }, async (page, server) => {
    await tabTo(page, "sound");
    await page.keyboard.press("Enter");
    await tabTo(page, "pair");
    await page.keyboard.press("Enter");
    const code = page.getByTestId("pairing-code");
    await code.waitFor();
    assert.equal(await code.locator(".unseen").innerText(), [...PAIRING_CODE].join(" "));
    assert.equal(await code.locator("[aria-hidden=true]").innerText(), PAIRING_CODE);
    assert.match(await page.getByTestId("pairing-left").innerText(), /noch etwa 5 Minuten/);
    const size = await code.evaluate((element) => parseFloat(getComputedStyle(element).fontSize));
    assert.ok(size >= 28, `${size} px`);
    await tabTo(page, "new-code");
    await page.keyboard.press("Enter");
    await code.waitFor();
    assert.deepEqual(sent(server), ["pairing-code", "pairing-code"]);
    await page.keyboard.press("Escape");
    await page.getByTestId("dialog").waitFor({ state: "detached" });
  }));

test("a telephone that comes silences the page, asks without taking the focus, and is answered", () =>
  inRoom(browser, { others: OTHERS }, async (page, server) => {
    await page.getByTestId("microphone").click();
    await page.locator("[data-testid=microphone][data-microphone=on]").waitFor();
    await tabTo(page, "hand");
    speaks(server, "unconfirmed");
    await page.getByTestId("telephone-question").waitFor();
    assert.equal(await focused(page), "hand");
    assert.match(await page.evaluate(said), /^Ein Telefon ist jetzt Ihr Ton\. Ist das Ihr Telefon\?/);
    assert.equal(await page.getByTestId("microphone").getAttribute("data-microphone"), "off");
    assert.equal(await page.locator("[data-own=true] [data-testid=by-telephone]").innerText(), "am Telefon");
    assert.ok(await page.evaluate(isPaused), "nothing is played");
    await page.getByTestId("telephone-yes").click();
    await page.getByTestId("telephone").waitFor();
    assert.deepEqual(sent(server).at(-1), "own-telephone true");
  }));

test("what is not theirs is put out, and the sound comes back muted when the person wants it", () =>
  inRoom(browser, { others: OTHERS }, async (page, server) => {
    speaks(server, "unconfirmed", true);
    await page.getByTestId("telephone-no").click();
    await page.getByTestId("telephone-over").waitFor();
    assert.deepEqual(sent(server), ["own-telephone false"]);
    assert.match(await page.evaluate(said), /Ton wieder hier\?/);
    assert.ok(await page.evaluate(isPaused), "not before it is wanted");
    await page.getByTestId("sound-here").click();
    await page.getByTestId("telephone-over").waitFor({ state: "detached" });
    await settles(page, isPaused, false, "the page plays again");
    assert.equal(await page.getByTestId("microphone").getAttribute("data-microphone"), "off");
  }));

test("the button switches the microphone of the telephone, and the browser opens none", () =>
  inRoom(browser, { others: OTHERS }, async (page, server) => {
    await page.evaluate(() => {
      globalThis.opened = 0;
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error(`opened ${++globalThis.opened}`));
    });
    speaks(server, "confirmed");
    await page.getByTestId("telephone").waitFor();
    await page.getByTestId("microphone").click();
    await page.locator("[data-testid=microphone][data-microphone=on]").waitFor();
    assert.deepEqual(sent(server), ["microphone true"]);
    assert.notEqual(await page.getByTestId("heard").getAttribute("data-by"), "nobody");
    assert.equal(await page.evaluate(() => globalThis.opened), 0);
  }));
