//! The languages of the page: the room's is taken over, a person's choice holds, and the choice is made by keyboard and fits the header.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../drivers/chromium.mjs";
import { joinScript, serve } from "../fake-server.mjs";
import { cutOff, LANGUAGES, OTHERS } from "../scenes.mjs";
import { settles, tabTo } from "./keyboard.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** What the button to come in says in each language, and the tag of the page. */
const JOIN = { de: "Beitreten", "de-du": "Beitreten", "de-einfach": "Mitmachen", en: "Join" };
const MUTED = { de: /^Ihr Mikrofon bleibt aus/, "de-du": /^Dein Mikrofon bleibt aus/, "de-einfach": /^Ihr Mikrofon ist aus/, en: /^Your microphone stays off/ };
const TAGS = { de: "de", "de-du": "de", "de-einfach": "de-simple", en: "en" };

const tag = () => document.documentElement.lang;
const chosen = (page) => page.getByTestId("language").inputValue();

for (const language of LANGUAGES) {
  test(`a room in ${language} is shown so, whatever the browser's language is`, () =>
    inPage({ welcome: { language } }, { locale: language === "en" ? "de-DE" : "en-GB" }, async (page) => {
      assert.equal(await page.getByTestId("join").innerText(), JOIN[language]);
      assert.match(await page.locator("main").innerText(), new RegExp(MUTED[language].source, "m"));
      assert.equal(await page.evaluate(tag), TAGS[language]);
      assert.equal(await chosen(page), language);
    }));
}

test("a link that leads nowhere is answered in the browser's language", async () => {
  const unknown = (connection, message) => message.type === "hello" && connection.send({ type: "unwelcome", reason: "unknown-link" });
  for (const [locale, words] of [["de-AT", "Dieser Link führt zu keinem Gespräch"], ["fr-FR", "This link does not lead to a call"]]) {
    await inPage(unknown, { locale }, async (page) => {
      assert.equal(await page.locator("h1").innerText(), words);
      assert.equal(await page.evaluate(tag), locale.startsWith("de") ? "de" : "en");
    }, "[data-page=over]");
  }
});

test("the language is chosen by keyboard, each named in itself, and the focus stays", () =>
  inPage({ welcome: { language: "de" } }, {}, async (page) => {
    const options = await page.getByTestId("language").locator("option").evaluateAll((all) => all.map((one) => [one.textContent, one.lang]));
    assert.deepEqual(options, [["Deutsch", "de"], ["Deutsch (du)", "de"], ["Einfaches Deutsch", "de-simple"], ["English", "en"]]);
    await page.getByRole("combobox", { name: "Sprache (Language)", exact: true }).waitFor();
    await tabTo(page, "language");
    for (const language of ["de-du", "de-einfach", "en"]) {
      await page.keyboard.press("ArrowDown");
      await settles(page, () => document.querySelector("[data-testid=language]").value, language, "the next language");
      assert.match(await page.locator("main").innerText(), new RegExp(MUTED[language].source, "m"));
      assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "language", "the focus stays");
    }
    assert.equal(await page.evaluate(tag), "en");
    await page.getByRole("combobox", { name: "Language (Sprache)", exact: true }).waitFor();
    await page.keyboard.press("E");
    assert.equal(await chosen(page), "de-einfach", "a letter chooses as well, and does nothing else");
  }));

test("what a person chose holds over the room's language, in the call and over coming back, and is stored nowhere", () =>
  inPage({ welcome: { language: "de-du" }, others: OTHERS }, {}, async (page, server) => {
    await page.getByTestId("language").selectOption("de-einfach");
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    const leave = page.getByTestId("leave");
    assert.match(await leave.innerText(), /Gehen/);
    const before = server.connections.length;
    server.drop();
    await settles(page, () => Boolean(document.querySelector("[data-testid=audio]")), true, "the link is lost");
    await page.waitForFunction(() => !/wir verbinden/i.test(document.querySelector("[data-testid=audio]")?.textContent ?? ""));
    assert.ok(server.connections.length > before, "the page has come back");
    assert.equal(await chosen(page), "de-einfach");
    assert.match(await leave.innerText(), /Gehen/);
    const stored = await page.evaluate(() => [localStorage.length, document.cookie, JSON.stringify({ ...sessionStorage })]);
    assert.deepEqual(stored.slice(0, 2), [0, ""]);
    assert.doesNotMatch(stored[2], /einfach/);
    await page.getByTestId("leave").click();
    await page.getByTestId("again").click();
    await page.getByTestId("join").waitFor();
    assert.equal(await chosen(page), "de-einfach", "also when the person comes again");
  }));

test("a sentence of the server is read in the language of the page, also after another is chosen", () =>
  inPage({ welcome: { language: "de-du", role: "moderator" }, others: OTHERS }, {}, async (page) => {
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    await page.getByTestId("hand").click();
    await settles(page, () => document.querySelector("[data-testid=announcement]").innerText, "Dir gesagt: hand-up", "with du");
    await page.getByTestId("language").selectOption("de-einfach");
    await settles(page, () => document.querySelector("[data-testid=announcement]").innerText, "Wir sagen: hand-up", "in easy words");
  }));

for (const language of LANGUAGES) {
  test(`the header is one line at 320 pixels in ${language}`, () =>
    inPage({ welcome: { language } }, { viewport: { width: 320, height: 640 } }, async (page) => {
      const boxes = await Promise.all(["language", "privacy"].map((id) => page.getByTestId(id).boundingBox()));
      const [choice, privacy] = boxes;
      assert.ok(Math.abs(choice.y + choice.height / 2 - privacy.y - privacy.height / 2) < 2, JSON.stringify(boxes));
      assert.ok(privacy.height < 50 && choice.height < 50, "no word breaks");
      assert.ok(privacy.x + privacy.width <= choice.x + 1 && choice.x + choice.width <= 320, JSON.stringify(boxes));
      assert.ok(choice.height >= 44 && privacy.height >= 44);
      assert.deepEqual(await page.evaluate(cutOff), []);
    }));
}

async function inPage(script, options, check, appears = "[data-testid=join]") {
  const server = await serve({ script: typeof script === "function" ? script : joinScript(script) });
  const context = await browser.newContext({ locale: "de-DE", permissions: ["microphone"], reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  try {
    await page.goto(`${server.url}#secret`);
    await page.locator(appears).waitFor();
    await check(page, server);
  } finally {
    await context.close();
    await server.close();
  }
}
