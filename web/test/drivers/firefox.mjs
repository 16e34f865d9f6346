//! Drives the page in Debian's firefox-esr over WebDriver BiDi. Environment: FIREFOX (default /usr/bin/firefox-esr).
//!
//! Firefox has no microphone from a file: `fakeAudioWav` is refused, its fake device gives a tone (`toneHz`, default 440).

import puppeteer from "puppeteer-core";
import { helper, keepAnnouncements, rawMicrophone, withoutMicrophone } from "./page.mjs";

const PREFERENCES = {
  "media.navigator.permission.disabled": true,
  "media.navigator.streams.fake": true,
  "media.autoplay.default": 0,
  "media.autoplay.blocking_policy": 0,
  "media.peerconnection.ice.loopback": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  // An AudioContext runs only with a sound card; Firefox brings a mock of one for its own tests.
  "media.cubeb.force_mock_context": true,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "app.normandy.enabled": false,
};

/** Options: prefs, toneHz, raw, obstacle, locale, viewport, headless. */
export async function open(url, { fakeAudioWav, prefs = {}, toneHz = 440, raw = true, obstacle, locale = "de-DE", viewport, headless = true } = {}) {
  if (fakeAudioWav) throw new Error("Firefox cannot take its microphone from a file; use toneHz");
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
    headless,
    acceptInsecureCerts: true,
    extraPrefsFirefox: { ...PREFERENCES, "media.navigator.audio.fake_frequency": toneHz, "intl.accept_languages": locale, ...prefs },
  });
  const page = await browser.newPage();
  if (viewport) await page.setViewport(viewport);
  const log = [];
  page.on("console", (line) => log.push(`${line.type()}: ${line.text()}`));
  page.on("pageerror", (error) => log.push(`error: ${error.message}`));
  await page.evaluateOnNewDocument(keepAnnouncements);
  if (raw) await page.evaluateOnNewDocument(rawMicrophone);
  if (obstacle) await page.evaluateOnNewDocument(withoutMicrophone, obstacle);
  await page.goto(url);
  return helper({
    name: "firefox",
    page,
    log,
    evaluate: (action, argument) => page.evaluate(action, argument),
    wait: (selector, timeout) => page.waitForSelector(selector, { timeout }),
    click: (selector) => page.locator(selector).click(),
    fill: (selector, value) => page.locator(selector).fill(value),
    press: (key) => page.keyboard.press(key),
    tab: async (backwards) => {
      if (backwards) await page.keyboard.down("Shift");
      await page.keyboard.press("Tab");
      if (backwards) await page.keyboard.up("Shift");
    },
    type: (words) => page.keyboard.type(words),
    statuses: () => statuses(page),
    screenshot: (path) => page.screenshot({ path }),
    close: () => browser.close(),
  });
}

/** What the regions hold that the browser tells assistive technology of as status: found by the role that it computes itself. */
async function statuses(page) {
  const regions = await page.$$('aria/[role="status"]');
  const held = await Promise.all(regions.map((region) => region.evaluate((element) => element.innerText ?? element.textContent)));
  await Promise.all(regions.map((region) => region.dispose()));
  return held.map((words) => words.replace(/\s+/g, " ").trim());
}
