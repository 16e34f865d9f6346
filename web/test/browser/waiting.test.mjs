//! What moderators hear of who waits: the name that was said, and the person themself in a talk that only these two hear.

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
    await settles(page, () => document.activeElement.dataset.testid, "talk", "the focus goes on in the line");
    assert.deepEqual(await labels(), ["Namen anhören: Telefon 14"]);
  } finally {
    await context.close();
    await server.close();
  }
});

test("a moderator talks with one who waits and ends it, by keyboard, at one button that keeps the focus", async () => {
  const scene = SCENES["room-waiting"];
  const server = await serve({ script: scene.script });
  const context = await browser.newContext({ locale: "de-DE", permissions: ["microphone"], reducedMotion: "reduce" });
  const page = await context.newPage();
  try {
    await page.goto(`${server.url}#secret`);
    await scene.act(page, server);
    const focus = () => `${document.activeElement.dataset.testid} ${document.activeElement.getAttribute("aria-label")}`;
    await tabTo(page, "talk");
    assert.equal(await page.evaluate(focus), "talk Mit Telefon 3 sprechen");
    await page.keyboard.press("Enter");
    await settles(page, focus, "talk Gespräch beenden: Telefon 3", "the same button ends it");
    const line = page.locator("[data-participant=tel3]");
    assert.equal(await line.getByTestId("talked").innerText(), "Im Gespräch mit Ihnen");
    assert.equal(await page.locator("[data-testid=participant][data-own=true]").getByTestId("apart").innerText(), "Spricht mit Telefon 3 im Warteraum");
    assert.match(await page.getByTestId("heard-hint").innerText(), /nur Telefon 3 im Warteraum/);
    await page.getByTestId("microphone").click();
    await settles(page, () => document.querySelector("[data-testid=heard]").textContent, "Nur Telefon 3 (im Warteraum) hört Sie.", "who hears");
    await page.locator("[data-talks=true]").focus();
    await page.keyboard.press("Enter");
    await settles(page, focus, "talk Mit Telefon 3 sprechen", "and begins another");
    await settles(page, () => document.querySelector("[data-testid=heard]").dataset.why, "off", "back among the others, muted");
    assert.equal(await page.getByTestId("apart").count(), 0);
  } finally {
    await context.close();
    await server.close();
  }
});

test("with whom another moderator talks nobody else begins a talk, but lets them in", async () => {
  const scene = SCENES["room-talked-apart"];
  const server = await serve({ script: scene.script });
  const context = await browser.newContext({ locale: "de-DE", reducedMotion: "reduce" });
  const page = await context.newPage();
  try {
    await page.goto(`${server.url}#secret`);
    await scene.act(page, server);
    const line = page.locator("[data-participant=rosa]");
    assert.equal(await line.getByTestId("talked").innerText(), "Im Gespräch mit Anna Becker");
    assert.deepEqual([await line.getByTestId("talk").count(), await line.getByTestId("admit").count()], [0, 1]);
  } finally {
    await context.close();
    await server.close();
  }
});

test("who is talked to hears so, has a microphone of their own and loses neither place nor focus when it is over", async () => {
  const scene = SCENES.waiting;
  const server = await serve({ script: scene.script });
  const context = await browser.newContext({ locale: "de-DE", permissions: ["microphone"], reducedMotion: "reduce" });
  const page = await context.newPage();
  try {
    await page.goto(`${server.url}#secret`);
    await scene.act(page, server);
    assert.equal(await page.getByTestId("microphone").count(), 0);
    const becomes = (changes) => server.connections.at(-1).become(changes);
    becomes({ apart: true });
    const words = "Die Leitung spricht mit Ihnen. Nur Sie beide hören einander. Ihr Mikrofon ist aus: Schalten Sie es zum Sprechen ein.";
    server.send({ type: "told", event: "addressed", shown: { de: words, en: "…" } });
    await settles(page, () => document.querySelector("[data-testid=announcement]").textContent, words, "it is announced");
    await settles(page, () => document.querySelector("h1").textContent, "Die Leitung spricht mit Ihnen", "and stands on the page");
    assert.equal(await page.getByTestId("microphone").getAttribute("data-microphone"), "off");
    await tabTo(page, "microphone");
    await page.keyboard.press("Enter");
    await settles(page, () => document.querySelector("[data-testid=heard]").textContent, "Nur die Leitung hört Sie.", "who hears");
    becomes({ apart: false, microphone: false });
    await settles(page, () => document.querySelector("h1").textContent, "Sie sind im Warteraum", "it is over");
    await settles(page, () => document.activeElement.id, "title", "the focus is at the heading");
    assert.equal(await page.getByTestId("microphone").count(), 0);
  } finally {
    await context.close();
    await server.close();
  }
});
