//! Hands, the floor and the lock as a person meets them: by keyboard, in words, and without anything that moves or turns on by itself.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../drivers/chromium.mjs";
import { entry, joinScript, OPEN, serve } from "../fake-server.mjs";
import { OTHERS, SCENES } from "../scenes.mjs";
import { focused, settles, tabTo } from "./keyboard.mjs";
import { sent } from "./room.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const ASKING = { ...OPEN, ask_to_speak: true };
const CALM = ["dora", "cem", "ben"].map((id) => entry(id, { name: id[0].toUpperCase() + id.slice(1), microphone: id === "dora" }));
const said = () => document.querySelector("[data-testid=announcement]").innerText;

test("a guest raises and lowers the hand by button and by key, and reads it in words", () =>
  inRoom({ others: OTHERS.map((one) => (one.id === "lena" ? { ...one, hand: 5 } : one)) }, {}, async (page, server) => {
    await page.keyboard.press("h");
    await page.getByTestId("raised").waitFor();
    assert.equal(await page.getByTestId("raised").innerText(), "Sie melden sich: Wortmeldung 2");
    assert.equal(await page.getByTestId("hand").getAttribute("aria-pressed"), "true");
    assert.match(await page.getByTestId("hands").innerText(), /^Wortmeldungen: Lena, /);
    assert.equal(await page.locator("[data-own=true] [data-testid=hand-of]").innerText(), "Wortmeldung 2");
    assert.equal(await page.getByTestId("toast").count(), 0, "what the bar shows is no toast");
    await tabTo(page, "hand");
    await page.keyboard.press("Space");
    await page.getByTestId("raised").waitFor({ state: "detached" });
    assert.equal(await focused(page), "hand");
    assert.deepEqual(sent(server), ["hand true", "hand false"]);
    assert.equal(await page.getByTestId("hands").innerText(), "Wortmeldungen: Lena");
  }));

test("without the floor the microphone asks for it, and with it nothing turns on by itself", () =>
  inRoom({ others: OTHERS, state: ASKING }, {}, async (page, server) => {
    const microphone = page.getByTestId("microphone");
    assert.equal(await microphone.innerText(), "Wort erbitten");
    assert.match(await page.getByTestId("heard-hint").innerText(), /^Es spricht, wer das Wort hat\./);
    await page.keyboard.press("m");
    await page.getByTestId("raised").waitFor();
    assert.equal(await microphone.getAttribute("aria-label"), "Wortmeldung zurückziehen");
    const me = entry("me", { name: "Ada", floor: true });
    server.send({ type: "delta", version: 50, state: ASKING, entries: [me], gone: [] });
    server.send({ type: "told", event: "floor-given", shown: { de: "Sie haben das Wort.", en: "You have the floor." } });
    await page.getByTestId("plea").waitFor();
    assert.equal(await page.getByTestId("asking").innerText(), "Es spricht, wer das Wort hat: Ada.");
    assert.equal(await page.locator("[data-own=true] .badge-floor").innerText(), "hat das Wort");
    assert.equal(await microphone.getAttribute("data-microphone"), "off");
    assert.deepEqual(sent(server), ["hand true"]);
    assert.equal(await page.evaluate(said), "Sie haben das Wort.");
  }));

test("a plea takes no focus, turns the microphone on when the person wants it, and leaves the focus there", () =>
  inRoom({ others: OTHERS }, {}, async (page, server) => {
    const plea = { type: "told", event: "please-unmute", shown: { de: "Bitte einschalten.", en: "Please turn on." } };
    await tabTo(page, "hand");
    server.send(plea);
    await page.getByTestId("plea").waitFor();
    assert.equal(await focused(page), "hand");
    assert.equal(await page.evaluate(said), "Bitte einschalten.");
    await tabTo(page, "plea-no");
    await page.keyboard.press("Enter");
    await page.getByTestId("plea").waitFor({ state: "detached" });
    await settles(page, () => document.activeElement.dataset.testid, "microphone", "the focus goes on at the microphone");
    assert.deepEqual(sent(server), []);
    server.send(plea);
    await page.getByTestId("plea").waitFor();
    await tabTo(page, "plea-yes");
    await page.keyboard.press("Enter");
    await page.locator("[data-testid=microphone][data-microphone=on]").waitFor();
    await page.getByTestId("plea").waitFor({ state: "detached" });
    assert.equal(await focused(page), "microphone");
    assert.deepEqual(sent(server), ["microphone true"]);
  }));

test("a moderator does all of it by keyboard and reads how it is", () =>
  inRoom({ welcome: { role: "moderator" }, others: OTHERS }, {}, async (page, server) => {
    const lines = () => [...document.querySelectorAll(".lead-line p")].map((line) => line.textContent).join(" ");
    await tabTo(page, "lead");
    await page.keyboard.press("Enter");
    await settles(page, lines, "Bei 2 Gästen ist das Mikrofon an. Alle dürfen sprechen. Niemand meldet sich. Die Konferenz ist offen. Alle kommen direkt herein. Im Chat schreibt man an alle und an Einzelne. Wer kommt und geht, ist nicht zu hören.", "the lines");
    assert.equal(await page.getByTestId("lead").getAttribute("aria-expanded"), "true");
    await tabTo(page, "mute-all");
    await page.keyboard.press("Enter");
    await tabTo(page, "ask-to-speak");
    await page.keyboard.press("Enter");
    await tabTo(page, "lock");
    await page.keyboard.press("Enter");
    await settles(page, lines, "Alle Gäste sind stumm. Es spricht, wer das Wort hat. Niemand meldet sich. Die Konferenz ist geschlossen. Alle kommen direkt herein. Im Chat schreibt man an alle und an Einzelne. Wer kommt und geht, ist nicht zu hören.", "the lines");
    assert.equal(await focused(page), "lock", "the button stays what it is where it is");
    assert.equal(await page.getByTestId("locked").innerText(), "Konferenz geschlossen");
    await page.keyboard.press("Enter");
    await page.getByTestId("locked").waitFor({ state: "detached" });
    await tabTo(page, "entry-signal");
    await page.keyboard.press("ArrowUp");
    await settles(page, lines, "Alle Gäste sind stumm. Es spricht, wer das Wort hat. Niemand meldet sich. Die Konferenz ist offen. Alle kommen direkt herein. Im Chat schreibt man an alle und an Einzelne. Wer kommt und geht, wird genannt.", "the lines");
    assert.equal(await focused(page), "entry-signal", "the focus stays");
    await page.locator("[data-participant=k7] [data-testid=give]").focus();
    await page.keyboard.press("Enter");
    await page.locator("[data-participant=k7][data-floor=true]").waitFor();
    await settles(page, () => document.activeElement.closest("li")?.dataset.participant, "k7", "the focus stays in the row");
    await page.locator("[data-participant=k7] [data-testid=ask]").focus();
    await page.keyboard.press("Enter");
    await settles(page, said, "Ruhiger Falke wird gebeten, das Mikrofon einzuschalten.", "the announcement");
    server.send({ type: "delta", version: 90, state: OPEN, entries: [{ ...OTHERS[5], hand: 1 }], gone: [] });
    await settles(page, said, "Lena meldet sich.", "the announcement");
    server.send({ type: "delta", version: 91, state: { ...OPEN, entry_signal: "names", quiet_above: 5 }, entries: [], gone: [] });
    const last = () => [...document.querySelectorAll(".lead-line p")].at(-1).textContent;
    await settles(page, last, "Bei mehr als 5 Personen ist nicht zu hören, wer kommt und geht.", "the last line");
    assert.deepEqual(sent(server), ["mute-all", "ask-to-speak true", "lock true", "lock false", "entry-signal names", "give-floor k7", "ask-to-unmute k7"]);
  }));

test("no row of a moderator moves under the pointer or grows when hands go up", () =>
  inRoom({ welcome: { role: "moderator" }, others: OTHERS }, { viewport: { width: 1280, height: 800 } }, async (page, server) => {
    const boxes = () => [...document.querySelectorAll("[data-participant]")].map((row) => JSON.stringify(row.getBoundingClientRect()));
    const heights = () => [...document.querySelectorAll("[data-participant]")].map((row) => row.offsetHeight);
    await page.mouse.move(2, 2);
    await page.locator("[data-participant=lena]").hover();
    const quiet = await page.evaluate(boxes);
    await page.setViewportSize({ width: 960, height: 800 });
    const narrow = await page.evaluate(heights);
    const raised = OTHERS.map((one, i) => ({ ...one, hand: i + 1 }));
    server.send({ type: "delta", version: 2, state: OPEN, entries: raised, gone: [] });
    await page.getByTestId("hand-of").last().waitFor();
    assert.equal(await page.getByTestId("hand-of").count(), OTHERS.length);
    assert.match(await page.getByTestId("hands").innerText(), /, 1 weitere$/);
    // Narrower, the line above that names the hands may take a second one; the rows stay as they are.
    assert.deepEqual(await page.evaluate(heights), narrow);
    await page.setViewportSize({ width: 1280, height: 800 });
    assert.deepEqual(await page.evaluate(boxes), quiet);
  }));

test("forced colours keep a raised hand and the state of the bar visible", () =>
  inRoom({ others: OTHERS }, { forcedColors: "active", viewport: { width: 320, height: 640 } }, async (page) => {
    await page.getByTestId("hand").click();
    await page.getByTestId("raised").waitFor();
    const style = await page.getByTestId("hand").evaluate((button) => getComputedStyle(button).outlineStyle);
    assert.equal(style, "solid");
  }));

test("the microphone stays in the middle of a narrow page and where it is, whatever the bar says above it", async () => {
  const middles = [];
  for (const scene of ["room-guest", "room-hands", "room-asking", "room-plea", "room-live"]) {
    await visit(SCENES[scene].script, { viewport: { width: 320, height: 640 } }, async (page, server) => {
      await SCENES[scene].act(page, server);
      middles.push(await page.locator(".microphone-disc").evaluate((disc) => {
        const { left, right, bottom } = disc.getBoundingClientRect();
        return `${Math.round((left + right) / 2)} ${Math.round(bottom)}`;
      }));
    });
  }
  assert.deepEqual([...new Set(middles.map((middle) => middle.split(" ")[0]))], ["160"], middles.join(", "));
  assert.equal(new Set(middles.slice(0, -1)).size, 1, middles.join(", "));
});

test("a locked conference says so instead of letting in, and can be tried again", () =>
  visit(SCENES.locked.script, {}, async (page, server) => {
    await SCENES.locked.act(page, server);
    assert.equal(await page.locator("h1").innerText(), "Die Konferenz ist geschlossen");
    assert.match(await page.locator("main").innerText(), /Bitten Sie die Leitung/);
    await page.getByTestId("again").click();
    await page.getByTestId("join").waitFor();
  }));

test("who speaks goes to the top of the list, but not while somebody points at it or works in it", () =>
  inRoom({ welcome: { role: "moderator" }, others: CALM }, {}, async (page, server) => {
    const names = () => [...document.querySelectorAll("[data-testid=roster] .name-text")].map((name) => name.textContent).join(", ");
    const speaks = (id) => server.send({ type: "speaking", began: [id], ceased: [] });
    await settles(page, names, "Ada, Ben, Cem, Dora", "by name");
    await page.mouse.move(2, 2);
    await tabTo(page, "ask");
    await page.locator("[data-participant=cem] [data-testid=rename]").focus();
    speaks("dora");
    await page.locator("[data-participant=dora][data-speaking=true]").waitFor();
    await page.waitForTimeout(2_500);
    assert.equal(await page.evaluate(names), "Ada, Ben, Cem, Dora", "the list is worked in by keyboard");
    await page.getByTestId("hand").focus();
    await settles(page, names, "Dora, Ada, Ben, Cem", "who speaks is first");

    await page.locator("[data-participant=ben]").hover();
    speaks("cem");
    await page.locator("[data-participant=cem][data-speaking=true]").waitFor();
    await page.waitForTimeout(2_500);
    assert.equal(await page.evaluate(names), "Dora, Ada, Ben, Cem", "somebody points at the list");
    await page.mouse.move(2, 2);
    await settles(page, names, "Dora, Cem, Ada, Ben", "among each other speakers stand as they did");
  }));

function inRoom(options, context, check) {
  return visit(joinScript(options), context, async (page, server) => {
    await page.getByTestId("name").fill("Ada");
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    await check(page, server);
  });
}

async function visit(script, options, check) {
  const server = await serve({ script });
  const context = await browser.newContext({ locale: "de-DE", permissions: ["microphone"], reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  try {
    await page.goto(`${server.url}#secret`);
    await page.getByTestId("join").waitFor();
    await check(page, server);
  } finally {
    await context.close();
    await server.close();
  }
}
