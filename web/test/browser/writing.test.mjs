//! Live text and chat as a person meets them: by keyboard, told apart by eye and by program, and quiet for a screen reader.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../drivers/chromium.mjs";
import { entry, OPEN } from "../fake-server.mjs";
import { cutOff, OTHERS } from "../scenes.mjs";
import { focused, settles, tabTo } from "./keyboard.mjs";
import * as room from "./room.mjs";

let browser;
const inRoom = (options, check, context) => room.inRoom(browser, { others: OTHERS, ...options }, check, context);
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const said = () => document.querySelector("[data-testid=announcement]").innerText;
const typed = (from, line, text, ended) => ({ type: "typed-text", from, line, text, ended });

test("what is typed leaves within half a second, letter by letter with what is taken back, and Enter ends the line", () =>
  inRoom({}, async (page, server) => {
    await page.keyboard.press("t");
    await settles(page, () => document.activeElement.dataset.testid, "typed-field", "the field has the focus");
    assert.equal(await page.getByTestId("pane-typed").getAttribute("aria-expanded"), "true");
    const pressed = Date.now();
    await page.keyboard.type("Na");
    await heard(server, { type: "typed-text", text: "Na", ended: false });
    assert.ok(Date.now() - pressed < 500, `${Date.now() - pressed} ms`);
    await page.keyboard.insertText("jjaa");
    await heard(server, { type: "typed-text", text: "Najjaa", ended: false });
    await page.keyboard.press("Backspace");
    await heard(server, { type: "typed-text", text: "Najja", ended: false });
    await page.keyboard.type(" mit m und h");
    await page.keyboard.press("Enter");
    await heard(server, { type: "typed-text", text: "Najja mit m und h", ended: true });
    const own = page.locator("[data-testid=log-typed] [data-own=true]");
    assert.equal(await own.locator(".written-by").innerText(), "Sie");
    assert.equal(await own.getByTestId("words").innerText(), "Najja mit m und h");
    assert.equal(await page.getByTestId("typed-field").inputValue(), "");
    assert.deepEqual(server.received.filter(({ type }) => ["microphone", "hand"].includes(type)), [], "letters in a field are letters");
    await page.keyboard.press("Escape");
    await page.getByTestId("opened-typed").waitFor({ state: "detached" });
    assert.equal(await focused(page), "pane-typed", "the focus goes back to the button");
  }));

test("a line that nobody ends is announced once it rests, and its end only what is new", () =>
  inRoom({}, async (page, server) => {
    await page.keyboard.press("t");
    await page.getByTestId("opened-typed").waitFor();
    server.send(typed("anna", 1, "Guten Tag", false));
    await page.getByTestId("live-lines").getByText("Guten Tag").waitFor();
    await page.waitForTimeout(2000);
    assert.doesNotMatch(await page.evaluate(said), /Guten/, "not between two words");
    await settles(page, said, "Anna Becker schreibt: Guten Tag", "what rests");
    server.send(typed("anna", 1, "Guten Tag, Ada.", true));
    await settles(page, said, "Anna Becker schreibt: Tag, Ada.", "what is new, from the beginning of its word on");
  }));

test("who types is named, lives in a list of its own, and is announced once the line is ended", () =>
  inRoom({}, async (page, server) => {
    await page.keyboard.press("t");
    await page.getByTestId("opened-typed").waitFor();
    const before = await page.evaluate(said);
    server.send(typed("anna", 1, "Gu", false));
    const live = page.getByTestId("live-lines").getByTestId("written");
    await live.waitFor();
    assert.match(await live.innerText(), /^Anna Becker\s+schreibt\s+Gu$/);
    server.send(typed("anna", 1, "Guten Tag", false));
    await live.getByText("Guten Tag").waitFor();
    assert.equal(await page.evaluate(said), before, "no letter is announced");
    server.send(typed("anna", 1, "Guten Tag.", true));
    await settles(page, said, "Anna Becker schreibt: Guten Tag.", "the announcement");
    assert.equal(await page.getByTestId("live-lines").count(), 0);
    const line = page.locator("[data-testid=log-typed] [data-own=false]");
    assert.match(await line.innerText(), /^Anna Becker\s+Guten Tag\.$/);
    assert.equal(await page.getByTestId("log-typed").getAttribute("aria-live"), "off", "one live region speaks");
    server.send({ type: "delta", version: 80, state: OPEN, entries: [], gone: ["anna"] });
    await page.locator("[data-participant=anna]").waitFor({ state: "detached" });
    assert.match(await line.innerText(), /^Anna Becker/, "a name stays with what was written");
  }));

test("a closed pane has a mark of what is unread, said once", () =>
  inRoom({}, async (page, server) => {
    server.send(typed("lena", 1, "Hallo", false));
    server.send(typed("lena", 1, "Hallo!", true));
    server.send(typed("lena", 2, "Hört man mich?", true));
    await settles(page, () => document.querySelector("[data-testid=unread-typed]")?.innerText, "2 neu", "the mark");
    await settles(page, said, "Lena schreibt im Live-Text.", "the announcement");
    assert.equal(await page.getByTestId("toast").count(), 1);
    await tabTo(page, "pane-typed");
    await page.keyboard.press("Enter");
    await page.getByTestId("unread-typed").waitFor({ state: "detached" });
    assert.equal(await page.locator("[data-testid=log-typed] [data-testid=written]").count(), 2);
  }));

test("chat goes to all or to one alone, by keyboard, and what is private says so", () =>
  inRoom({}, async (page, server) => {
    await page.keyboard.press("c");
    await settles(page, () => document.activeElement.dataset.testid, "chat-field", "the field has the focus");
    assert.equal(await page.getByTestId("phones").innerText(), "Wer am Telefon ist, liest das nicht.");
    await page.keyboard.type("An alle");
    await page.keyboard.press("Enter");
    await heard(server, { type: "chat", to: null, text: "An alle" });
    const options = await page.locator("[data-testid=chat-to] option").allInnerTexts();
    assert.deepEqual(options, ["Alle", "Anna Becker", "Murat Yıldırım-Oberhausen", "Ruhiger Falke", "Lena"], "nobody on the telephone");
    await page.getByTestId("chat-to").selectOption("lena");
    await page.getByLabel("Nachricht nur an Lena").fill("unter uns");
    await page.getByTestId("chat-send").click();
    await heard(server, { type: "chat", to: "lena", text: "unter uns" });
    server.send({ type: "chat", from: "lena", to: "me", text: "<b>gut</b> &amp;" });
    await settles(page, said, "Chat, Lena, nur an Sie: <b>gut</b> &amp;", "the announcement");
    const lines = await page.locator("[data-testid=log-chat] [data-testid=written]").allInnerTexts();
    assert.deepEqual(lines.map((line) => line.replace(/\s+/g, " ")), ["Sie An alle", "Sie nur an Lena unter uns", "Lena nur an Sie <b>gut</b> &amp;"]);
  }));

test("a message for somebody who is gone is not sent to others, and a chat that is off says so", () =>
  inRoom({}, async (page, server) => {
    await page.getByTestId("pane-chat").click();
    await page.getByTestId("chat-to").selectOption("lena");
    await page.getByTestId("chat-field").fill("geheim");
    server.send({ type: "delta", version: 80, state: OPEN, entries: [], gone: ["lena"] });
    await settles(page, () => document.querySelector("[data-testid=chat-send]").disabled, true, "nothing can be sent");
    await page.getByTestId("chat-field").press("Enter");
    assert.match(await page.locator("#chat-hint").innerText(), /^Wählen Sie, an wen die Nachricht geht\./);
    assert.equal(await page.getByTestId("chat-field").inputValue(), "geheim");
    server.send({ type: "delta", version: 81, state: { ...OPEN, chat: "off" }, entries: [], gone: [] });
    await page.getByTestId("chat-off").waitFor();
    assert.equal(await page.getByTestId("chat-field").count(), 0);
    assert.deepEqual(server.received.filter(({ type }) => type === "chat"), []);
  }));

test("where people ask to speak the field waits for the floor and says how to ask", () =>
  inRoom({ state: { ask_to_speak: true } }, async (page, server) => {
    await page.getByTestId("pane-typed").click();
    const field = page.getByTestId("typed-field");
    assert.equal(await field.getAttribute("readonly"), "");
    assert.match(await page.locator("#typed-hint").innerText(), /^Es schreibt, wer das Wort hat\./);
    await field.press("x");
    const me = entry("me", { name: "Ada", floor: true });
    server.send({ type: "delta", version: 80, state: { ...OPEN, ask_to_speak: true }, entries: [me], gone: [] });
    await settles(page, () => document.querySelector("[data-testid=typed-field]").readOnly, false, "the field opens");
    await field.press("j");
    await heard(server, { type: "typed-text", text: "j", ended: false });
  }));

test("both panes fit 320 pixels, and own lines are told apart without colours", () =>
  inRoom({}, async (page, server) => {
    await page.getByTestId("pane-typed").click();
    await page.getByTestId("typed-field").fill("a".repeat(500));
    await page.getByTestId("typed-field").press("Enter");
    await page.getByTestId("pane-chat").click();
    server.send({ type: "chat", from: "murat", to: null, text: "Donaudampfschifffahrtsgesellschaftskapitän".repeat(9) });
    await page.locator("[data-testid=log-chat] [data-testid=written]").waitFor();
    assert.deepEqual(await page.evaluate(cutOff), []);
    const edges = await page.locator("[data-testid=written]").evaluateAll((lines) => lines.map((line) => getComputedStyle(line).borderInlineStartStyle === "none" || getComputedStyle(line).borderInlineStartWidth === "0px"));
    assert.deepEqual(edges, [true, false]);
  }, { viewport: { width: 320, height: 640 }, forcedColors: "active" }));

/** Waits until the page has sent the message. */
async function heard(server, message) {
  const end = Date.now() + 2_000;
  const wanted = JSON.stringify(message);
  while (!server.received.some((one) => JSON.stringify(one) === wanted)) {
    assert.ok(Date.now() < end, `${wanted} is not among ${JSON.stringify(server.received)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
