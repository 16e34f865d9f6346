//! The sound of the whole call as a person meets it: its volume, and how it goes on after the page was away.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../drivers/chromium.mjs";
import { joinScript, serve } from "../fake-server.mjs";
import { OTHERS, prepare, refuseToPlay } from "../scenes.mjs";
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

test("a page that comes back plays on, and where the browser refuses one large button brings the sound back", () =>
  inRoom({}, async (page) => {
    const shown = () => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    const playing = () => page.waitForFunction(() => !document.querySelector("#mix").paused);
    const pause = () => page.evaluate(() => document.querySelector("#mix").pause());
    await playing();
    await pause();
    await shown();
    await playing();
    assert.equal(await page.getByTestId("unblock").count(), 0);

    await pause();
    const play = await page.evaluateHandle(() => HTMLMediaElement.prototype.play);
    await page.evaluate(refuseToPlay);
    await shown();
    const button = page.getByTestId("unblock");
    await button.waitFor();
    assert.equal(await button.innerText(), "Tippen Sie, um weiterzuhören");
    assert.ok((await button.boundingBox()).height >= 44);
    await page.evaluate((original) => void (HTMLMediaElement.prototype.play = original), play);
    await tabTo(page, "unblock");
    await page.keyboard.press("Enter");
    await button.waitFor({ state: "detached" });
    await playing();
  }));

test("the screen is kept on in the call, again after the page was away, and no longer than the call", () =>
  inRoom({ locked: true }, async (page) => {
    const held = (locks) => page.waitForFunction((wanted) => JSON.stringify(globalThis.locks.map(({ released }) => !released)) === wanted, JSON.stringify(locks));
    await held([true]);
    await page.evaluate(async () => {
      // As the browser does it by itself to a page that is not seen.
      await globalThis.locks[0].release();
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await held([false, true]);
    await page.getByTestId("leave").click();
    await page.getByTestId("again").waitFor();
    await held([false, false]);
  }));

test("who speaks while muted is told once, without another device or a sound that leaves the page", () =>
  inRoom({ counted: true }, async (page, server) => {
    const microphone = (is) => page.locator(`[data-testid=microphone][data-microphone=${is}]`).waitFor();
    await page.getByTestId("microphone").click();
    await microphone("on");
    await page.getByTestId("microphone").click();
    await microphone("off");
    await page.getByTestId("toast").getByText("Ihr Mikrofon ist aus. Man hört Sie nicht.").waitFor();
    assert.match(await page.getByTestId("announcement").innerText(), /^Ihr Mikrofon ist aus/);
    const { opened, sent } = await page.evaluate(() => ({ opened: globalThis.opened, sent: globalThis.sent.map(({ track }) => track?.enabled ?? false) }));
    assert.deepEqual([opened, sent], [1, [false]]);
    assert.deepEqual(server.received.filter(({ type }) => type === "microphone").map(({ on }) => on), [true, false]);
  }));

/** Runs in the page before its scripts: a microphone that hears somebody speak without a pause, counted, and the senders of calls. */
function speak() {
  globalThis.opened = 0;
  globalThis.sent = [];
  navigator.mediaDevices.getUserMedia = async () => {
    globalThis.opened++;
    const context = new AudioContext();
    const out = context.createMediaStreamDestination();
    const voice = new OscillatorNode(context, { frequency: 300 });
    voice.connect(out);
    voice.start();
    return out.stream;
  };
  const add = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (...what) {
    const made = add.apply(this, what);
    globalThis.sent.push(made.sender);
    return made;
  };
}

/** Runs in the page before its scripts: gives locks as a browser with a screen does; one without has none to give. */
function watchLocks() {
  globalThis.locks = [];
  navigator.wakeLock.request = async () => {
    const lock = { released: false, release: async () => void (lock.released = true) };
    globalThis.locks.push(lock);
    return lock;
  };
}

async function inRoom(scene, check) {
  const server = await serve({ script: joinScript({ others: OTHERS }) });
  const context = await browser.newContext({ locale: "de-DE", permissions: ["microphone"], reducedMotion: "reduce" });
  const page = await context.newPage();
  await prepare(page, scene);
  if (scene.counted) await page.addInitScript(speak);
  if (scene.locked) await page.addInitScript(watchLocks);
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
