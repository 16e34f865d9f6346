//! Drives the page in Debian's Chromium, for tests here and elsewhere. Environment: CHROMIUM (default /usr/bin/chromium).
//!
//! `open(url, options)` → a page with join, setMicrophone, roster, recordRemote, screenshot, close (see `page.mjs`).

import { chromium } from "playwright-core";
import { helper, keepAnnouncements, rawMicrophone, throughRelay, withoutMicrophone } from "./page.mjs";

const FLAGS = [
  "--no-sandbox",
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
  "--allow-loopback-in-peer-connection",
  "--disable-background-networking",
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
  "--disable-dev-shm-usage",
];

export function launch({ fakeAudioWav, flags = [], headless = true } = {}) {
  const device = fakeAudioWav ? [`--use-file-for-fake-audio-capture=${fakeAudioWav}`] : [];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless, args: [...FLAGS, ...device, ...flags] });
}

/**
 * Options: fakeAudioWav (48 kHz, 16 bit; played in a loop as the microphone), raw (switches echo, noise and gain processing off so that tones
 * pass; default true), obstacle (NotAllowedError, NotFoundError or NotReadableError: there is no microphone), relay (the port on loopback that media goes through), locale, viewport, colorScheme, flags, browser (share one; then close() closes only
 * the context).
 */
export async function open(url, { fakeAudioWav, raw = true, obstacle, relay, locale = "de-DE", viewport, colorScheme, flags, headless, browser } = {}) {
  const own = browser ?? (await launch({ fakeAudioWav, flags, headless }));
  const context = await own.newContext({ permissions: ["microphone"], locale, ignoreHTTPSErrors: true, ...(viewport && { viewport }), ...(colorScheme && { colorScheme }) });
  const page = await context.newPage();
  const log = [];
  page.on("console", (line) => log.push(`${line.type()}: ${line.text()}`));
  page.on("pageerror", (error) => log.push(`error: ${error.message}`));
  await page.addInitScript(keepAnnouncements);
  if (raw) await page.addInitScript(rawMicrophone);
  if (obstacle) await page.addInitScript(withoutMicrophone, obstacle);
  if (relay) await page.addInitScript(throughRelay, relay);
  await page.goto(url);
  return helper({
    name: "chromium",
    page,
    log,
    evaluate: (action, argument) => page.evaluate(action, argument),
    wait: (selector, timeout) => page.locator(selector).first().waitFor({ timeout }),
    click: (selector) => page.locator(selector).first().click(),
    fill: (selector, value) => page.locator(selector).fill(value),
    press: (key) => page.keyboard.press(key),
    tab: (backwards) => page.keyboard.press(backwards ? "Shift+Tab" : "Tab"),
    type: (words) => page.keyboard.type(words),
    statuses: () => statuses(context, page),
    screenshot: (path) => page.screenshot({ path }),
    close: async () => {
      await context.close();
      if (!browser) await own.close();
    },
  });
}

/** What the regions hold that the browser tells assistive technology of as politely live status: from its own accessibility tree. */
async function statuses(context, page) {
  const session = await context.newCDPSession(page);
  try {
    const { nodes } = await session.send("Accessibility.getFullAXTree");
    const byId = new Map(nodes.map((node) => [node.nodeId, node]));
    const words = ({ role, name, childIds = [] }) =>
      role?.value === "StaticText" ? (name?.value ?? "") : childIds.map((id) => byId.get(id)).filter(Boolean).map(words).join(" ");
    const polite = ({ role, properties = [] }) => role?.value === "status" && properties.some(({ name, value }) => name === "live" && value.value === "polite");
    return nodes.filter(polite).map((node) => words(node).replace(/\s+/g, " ").trim());
  } finally {
    await session.detach();
  }
}
