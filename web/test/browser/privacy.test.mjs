//! The promises of the page, seen from outside: no device before a click, nothing stored but the token of the seat, no foreign request, no secret in a request line.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open } from "../drivers/chromium.mjs";
import { entry, joinScript, SEAT, serve, WELCOME } from "../fake-server.mjs";
import { shown } from "../people.mjs";
import { OTHERS } from "../scenes.mjs";
import { focused } from "./keyboard.mjs";
import { sent } from "./room.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Counts calls for a device from before the page's scripts run. */
function countDevices() {
  globalThis.asked = [];
  const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (constraints) => {
    globalThis.asked.push(JSON.stringify(constraints));
    return original(constraints);
  };
}

async function visit(script, run) {
  const server = await serve({ script });
  const context = await browser.newContext({ locale: "de-DE", permissions: ["microphone"] });
  const page = await context.newPage();
  const requests = [];
  const problems = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (line) => ["error", "warning"].includes(line.type()) && problems.push(line.text()));
  page.on("pageerror", (error) => problems.push(error.message));
  await page.addInitScript(countDevices);
  await page.goto(`${server.url}#canary-token`);
  await page.getByTestId("join").waitFor();
  await run(page, server, context);
  assert.deepEqual(problems, []);
  assert.deepEqual(requests.filter((url) => new URL(url).origin !== new URL(server.url).origin), []);
  assert.equal(server.requests.some((line) => line.includes("canary")), false);
  await context.close();
  await server.close();
}

const asked = (page) => page.evaluate(() => globalThis.asked);

test("no device is asked for until the person turns the microphone on, and never a camera", () =>
  visit(joinScript({ others: OTHERS }), async (page) => {
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    assert.deepEqual(await asked(page), []);
    await page.getByTestId("microphone").click();
    await page.locator("[data-testid=microphone][data-microphone=on]").waitFor();
    const constraints = await asked(page);
    assert.equal(constraints.length, 1);
    assert.match(constraints[0], /"video":false/);
  }));

test("the test of the microphone opens it only after the click and gives it back before the call", () =>
  visit(joinScript(), async (page) => {
    assert.deepEqual(await asked(page), []);
    await page.getByTestId("test-microphone").click();
    await page.getByTestId("device").waitFor();
    assert.equal((await asked(page)).length, 1);
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    assert.equal(await page.getByTestId("microphone").getAttribute("data-microphone"), "off");
  }));

/** All that pages can leave behind. */
const kept = (page) =>
  page.evaluate(async () => ({
    cookie: document.cookie,
    local: localStorage.length,
    session: { ...sessionStorage },
    databases: (await indexedDB.databases()).length,
    caches: (await caches.keys()).length,
    workers: (await navigator.serviceWorker.getRegistrations()).length,
  }));
const NOTHING = { cookie: "", local: 0, session: {}, databases: 0, caches: 0, workers: 0 };

test("nothing is stored but the token of the seat, and that only during the call; the link stays in the address", () =>
  visit(joinScript({ others: OTHERS }), async (page, server, context) => {
    assert.deepEqual(await kept(page), NOTHING);
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    assert.deepEqual(await kept(page), { ...NOTHING, session: { "rundruf.seat": SEAT } });
    await page.getByTestId("leave").click();
    await page.getByTestId("again").waitFor();
    assert.deepEqual(await kept(page), NOTHING);
    assert.deepEqual(await context.cookies(), []);
    assert.match(page.url(), /#canary-token$/);
  }));

test("whoever is sent away keeps nothing", () =>
  visit(joinScript(), async (page, server) => {
    for (const reason of ["removed", "ended", "taken-over"]) {
      await page.reload();
      await page.getByTestId("join").click();
      await page.getByTestId("roster").waitFor();
      server.send({ type: "dismissed", reason });
      await page.locator("[data-page=over]").waitFor();
      assert.deepEqual(await kept(page), NOTHING, reason);
    }
  }));

test("the offer has audio only, no ICE server, and the token goes nowhere but the hello", () =>
  visit(joinScript(), async (page, server) => {
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    const { offer } = server.received.find(({ type }) => type === "join");
    assert.deepEqual(offer.match(/^m=\w+/gm), ["m=audio"]);
    assert.match(offer, /a=sendrecv/);
    assert.doesNotMatch(offer, /typ (srflx|relay)/);
    assert.equal(server.received.filter((message) => JSON.stringify(message).includes("canary-token")).length, 1);
  }));

test("a page loaded again comes straight back in, muted, and is asked with one tap", () =>
  visit(joinScript({ others: OTHERS }), async (page, server) => {
    await page.getByTestId("name").fill("Ada");
    await page.getByTestId("join").click();
    await page.getByTestId("hand").click();
    await page.getByTestId("microphone").click();
    await page.locator("[data-own=true][data-microphone=on]").waitFor();
    await page.reload();
    await page.getByTestId("plea").waitFor();
    assert.equal(await page.getByTestId("microphone").getAttribute("data-microphone"), "off");
    assert.deepEqual(await asked(page), [], "no device is asked for");
    assert.equal(await page.locator("[data-own=true]").getAttribute("data-name"), "Ada");
    assert.equal(await page.getByTestId("raised").count(), 1);
    assert.equal(server.received.filter(({ type }) => type === "leave").length, 0);
    assert.deepEqual(server.received.filter(({ type }) => type === "hello").map(({ seat }) => seat), [null, SEAT]);
    await page.getByTestId("plea-yes").click();
    await page.locator("[data-own=true][data-microphone=on]").waitFor();
    assert.equal(await page.getByTestId("plea").count(), 0);
  }));

test("where the browser keeps nothing a reload says leave, and a lost link comes back all the same", () =>
  visit(joinScript(), async (page, server) => {
    await page.addInitScript(() => Object.defineProperty(globalThis, "sessionStorage", { get: () => { throw new DOMException("", "SecurityError"); } }));
    await page.reload();
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    server.drop();
    for (let i = 0; i < 200 && server.received.filter(({ type }) => type === "join").length < 2; i++) await page.waitForTimeout(25);
    assert.equal(server.received.findLast(({ type }) => type === "hello").seat, SEAT);
    await page.locator("[data-testid=audio]").filter({ hasText: "wir verbinden" }).waitFor({ state: "detached" });
    const left = () => server.received.filter(({ type }) => type === "leave").length;
    const before = left();
    await page.reload();
    await page.getByTestId("join").waitFor();
    assert.equal(left() - before, 1);
  }));

test("a lost link leaves the room on screen and comes back by itself, muted, with the same device", () =>
  visit(joinScript({ others: OTHERS }), async (page, server) => {
    await page.getByTestId("name").fill("Ada");
    await page.getByTestId("join").click();
    await page.getByTestId("microphone").click();
    await page.locator("[data-own=true][data-microphone=on]").waitFor();
    const { script } = server;
    server.script = () => {};
    server.drop();
    const strip = page.locator("[data-testid=audio]").filter({ hasText: "wir verbinden" });
    await strip.waitFor();
    assert.equal(await page.locator("[data-participant]").count(), OTHERS.length + 1, "the list stays");
    assert.equal(await page.getByTestId("microphone").getAttribute("data-microphone"), "off");
    await page.getByTestId("hand").click();
    await page.getByTestId("toast").waitFor();
    const cut = Date.now();
    server.script = script;
    server.drop();
    await strip.waitFor({ state: "detached" });
    assert.ok(Date.now() - cut < 5000, "within 5 s");
    await page.getByTestId("plea-yes").click();
    await page.locator("[data-own=true][data-microphone=on]").waitFor();
    assert.equal((await asked(page)).length, 1, "the device was open all the time");
    assert.deepEqual(server.received.filter(({ type }) => type === "join").map(({ name }) => name), ["Ada", "Ada"]);
  }));

test("another window that takes the seat ends this one, which does not fight", () =>
  visit(joinScript(), async (page, server) => {
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    server.send({ type: "dismissed", reason: "taken-over" });
    server.drop();
    await page.locator("[data-why=taken-over]").waitFor();
    await page.waitForTimeout(1500);
    assert.equal(server.connections.length, 1);
  }));

test("without permission one joins as a listener, with a sentence", async () => {
  const server = await serve({ script: joinScript() });
  const page = await open(`${server.url}#t`, { browser, obstacle: "NotAllowedError" });
  await page.join("Zuhörerin");
  await page.click("[data-testid=microphone]");
  await page.wait("[data-testid=obstacle]", 5000);
  assert.equal((await page.roster())[0].microphone, false);
  await page.close();
  await server.close();
});

test("whatever a name, a title or a notice holds is text, and no script of theirs runs", () => {
  const hostile = (mark) => `"><img src=x onerror="globalThis.ran='${mark}'"><script>globalThis.ran='${mark}'</script>`;
  const others = [entry("evil", { name: hostile("name"), role: "moderator", microphone: true })];
  return visit(joinScript({ welcome: { title: hostile("title") }, others }), async (page, server) => {
    await page.getByTestId("name").fill(hostile("own"));
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    server.send({ type: "told", event: "please-unmute", shown: shown(hostile("notice")) });
    await page.getByTestId("plea").waitFor();
    const text = await page.evaluate(() => document.body.innerText);
    for (const mark of ["name", "title", "notice"]) assert.ok(text.includes(hostile(mark)), mark);
    const made = await page.evaluate(() => ["ran" in globalThis, document.querySelectorAll("img[src=x]").length]);
    assert.deepEqual(made, [false, 0]);
  });
});

test("the notice on privacy is one click away before the call and in it, names who is responsible, and gives the focus back", () =>
  visit(joinScript({ welcome: { privacy: { ...WELCOME.privacy, dials_days: 7 } } }), async (page, server) => {
    for (const opener of ["privacy-more", "privacy"]) {
      await page.getByTestId(opener).click();
      const words = await page.getByTestId("privacy-text").innerText();
      const { controller, contact, officer, basis, authority } = WELCOME.privacy;
      for (const named of [controller, contact, officer, basis, authority, "7 Tage", "5 Minuten"]) assert.ok(words.includes(named), named);
      assert.ok(!words.includes("letzten drei Ziffern"), "what is not so is not said");
      await page.keyboard.press("Escape");
      await page.getByTestId("dialog").waitFor({ state: "detached" });
      assert.equal(await focused(page), opener);
      if (opener === "privacy-more") {
        await page.getByTestId("join").click();
        await page.getByTestId("roster").waitFor();
      }
    }
    // While it is open its keys are its own.
    await page.getByTestId("privacy").click();
    await page.keyboard.press("h");
    await page.keyboard.press("Escape");
    await page.getByTestId("dialog").waitFor({ state: "detached" });
    assert.deepEqual(sent(server), []);
  }));
