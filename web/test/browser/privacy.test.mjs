//! The promises of the page, seen from outside: no device before a click, no storage, no foreign request, no secret in a request line.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open } from "../drivers/chromium.mjs";
import { entry, joinScript, serve } from "../fake-server.mjs";
import { OTHERS } from "../scenes.mjs";

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

test("nothing is stored, no worker is registered, the link stays in the address", () =>
  visit(joinScript({ others: OTHERS }), async (page, server, context) => {
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    await page.getByTestId("leave").click();
    await page.getByTestId("again").waitFor();
    const kept = await page.evaluate(async () => ({
      cookie: document.cookie,
      local: localStorage.length,
      session: sessionStorage.length,
      databases: (await indexedDB.databases()).length,
      caches: (await caches.keys()).length,
      workers: (await navigator.serviceWorker.getRegistrations()).length,
    }));
    assert.deepEqual(kept, { cookie: "", local: 0, session: 0, databases: 0, caches: 0, workers: 0 });
    assert.deepEqual(await context.cookies(), []);
    assert.match(page.url(), /#canary-token$/);
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

test("a reload or a closed page says leave", () =>
  visit(joinScript(), async (page, server) => {
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    await page.reload();
    await page.getByTestId("join").waitFor();
    assert.deepEqual(server.received.map(({ type }) => type), ["hello", "join", "leave", "hello"]);
  }));

test("a lost link comes back into the call by itself, with the microphone off", () =>
  visit(joinScript({ others: OTHERS }), async (page, server) => {
    await page.getByTestId("name").fill("Ada");
    await page.getByTestId("join").click();
    await page.getByTestId("microphone").click();
    await page.locator("[data-testid=microphone][data-microphone=on]").waitFor();
    server.drop();
    await page.locator("[data-page=lost]").waitFor();
    await page.getByTestId("roster").waitFor();
    assert.equal(await page.getByTestId("microphone").getAttribute("data-microphone"), "off");
    assert.deepEqual(server.received.filter(({ type }) => type === "join").map(({ name }) => name), ["Ada", "Ada"]);
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
    const shown = hostile("notice");
    server.send({ type: "told", event: "please-unmute", shown: { de: shown, en: shown } });
    await page.getByTestId("plea").waitFor();
    const text = await page.evaluate(() => document.body.innerText);
    for (const mark of ["name", "title", "notice"]) assert.ok(text.includes(hostile(mark)), mark);
    const made = await page.evaluate(() => ["ran" in globalThis, document.querySelectorAll("img[src=x]").length]);
    assert.deepEqual(made, [false, 0]);
  });
});
