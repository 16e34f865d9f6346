//! The protocol and the making of moderators as a person meets them: by keyboard and in words.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../drivers/chromium.mjs";
import { entry, OPEN } from "../fake-server.mjs";
import { shown } from "../people.mjs";
import { ACTS, OTHERS } from "../scenes.mjs";
import { focused, settles, tabTo } from "./keyboard.mjs";
import * as room from "./room.mjs";

let browser;
const inRoom = (options, check, context) => room.inRoom(browser, options, check, context);
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const said = () => document.querySelector("[data-testid=announcement]").innerText;
const lines = () => [...document.querySelectorAll("[data-testid=protocol-list] span")].map((line) => line.innerText);

test("the protocol is read by who opens it, the latest first, and never announced", () =>
  inRoom({ others: OTHERS }, async (page, server) => {
    await tabTo(page, "protocol");
    await page.keyboard.press("Enter");
    await page.getByTestId("protocol-none").waitFor();
    const before = await page.evaluate(said);
    for (const act of ACTS.slice(0, 3)) server.send(act);
    await settles(
      page,
      () => [...document.querySelectorAll("[data-testid=protocol-list] span")].map((line) => line.innerText).join(" | "),
      "Leitung: ans Mikrofon gebeten (Sie) | Automatisch: stumm, solange Musik zu hören ist | Leitung: alle stumm geschaltet",
      "the lines",
    );
    assert.match(await page.locator("[data-testid=protocol-list] time").first().innerText(), /^\d\d:\d\d$/);
    assert.equal(await page.evaluate(said), before);
    await page.keyboard.press("Escape");
    await settles(page, () => document.activeElement.dataset.testid, "protocol", "the focus goes back");
  }));

test("a moderator makes somebody one after a question, and the focus stays in the row", () =>
  inRoom({ welcome: { role: "moderator" }, others: OTHERS }, async (page, server) => {
    await page.locator("[data-participant=lena] [data-testid=promote]").focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Lena zur Leitung machen?" }).waitFor();
    assert.equal(await focused(page), "cancel", "the harmless choice comes first");
    await page.keyboard.press("Enter");
    await page.getByTestId("dialog").waitFor({ state: "detached" });
    assert.deepEqual(room.sent(server), []);
    await page.keyboard.press("Enter");
    await tabTo(page, "confirm");
    await page.keyboard.press("Enter");
    await page.locator("[data-participant=lena][data-role=moderator]").waitFor();
    await settles(page, () => document.activeElement.closest("li")?.dataset.participant, "lena", "the focus stays in the row");
    assert.deepEqual(room.sent(server), ["make-moderator lena"]);
    await settles(page, said, "Lena hat jetzt auch die Leitung.", "the announcement");
    assert.equal(await page.locator("[data-participant=lena] [data-testid=promote]").count(), 0);
    await page.getByTestId("protocol").click();
    await page.getByTestId("protocol-list").waitFor();
    assert.deepEqual(await page.evaluate(lines), ["Leitung: zur Leitung gemacht (Lena)"]);
  }));

test("whoever is made a moderator has a moderator's buttons at once", () =>
  inRoom({ others: OTHERS }, async (page, server) => {
    assert.equal(await page.getByTestId("lead").count(), 0);
    const me = entry("me", { name: "Ada", role: "moderator" });
    server.send({ type: "delta", version: 50, state: OPEN, entries: [me], gone: [] });
    server.send({ type: "told", event: "made-moderator", shown: shown("Sie haben jetzt die Leitung.", "You are a moderator now.") });
    await page.getByTestId("lead").waitFor();
    await settles(page, said, "Sie haben jetzt die Leitung.", "the announcement");
    await page.locator("[data-participant=lena] [data-testid=remove]").waitFor();
  }));

test("all hands are lowered by one button, which stays", () =>
  inRoom({ welcome: { role: "moderator" }, others: OTHERS.map((one, i) => ({ ...one, hand: i < 2 ? i + 1 : null })) }, async (page, server) => {
    await tabTo(page, "lead");
    await page.keyboard.press("Enter");
    await tabTo(page, "lower-hands");
    await page.keyboard.press("Enter");
    await page.getByTestId("hand-of").first().waitFor({ state: "detached" });
    assert.equal(await focused(page), "lower-hands");
    assert.deepEqual(room.sent(server), ["lower-hands"]);
    await settles(page, said, "Wortmeldung von Anna Becker erledigt. Wortmeldung von Telefon 1 erledigt.", "the announcement");
  }));
