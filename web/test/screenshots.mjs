//! Takes a picture of every scene, light and dark, at 320 and 1280 pixels. Usage: node test/screenshots.mjs [folder] [scene …]

import { mkdir } from "node:fs/promises";
import { launch } from "./drivers/chromium.mjs";
import { serve } from "./fake-server.mjs";
import { SCENES } from "./scenes.mjs";

const [folder = "dist/../test/shots", ...wanted] = process.argv.slice(2);
const names = wanted.length > 0 ? wanted : Object.keys(SCENES);
await mkdir(folder, { recursive: true });
const browser = await launch();

for (const name of names) {
  const { script, act, permissions = ["microphone"], blockPlay = false } = SCENES[name];
  for (const colorScheme of ["light", "dark"]) {
    for (const [width, height] of [[320, 640], [1280, 800]]) {
      const server = await serve({ script });
      const context = await browser.newContext({ colorScheme, viewport: { width, height }, locale: "de-DE", permissions, reducedMotion: "reduce" });
      const page = await context.newPage();
      if (blockPlay) await page.addInitScript(blockPlayback);
      await page.goto(`${server.url}#secret`);
      await act(page, server);
      await page.waitForTimeout(120);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      if (overflow) console.log(`${name} at ${width}: wider than the window`);
      await page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png`, fullPage: width < 400 });
      await context.close();
      await server.close();
    }
  }
}
await browser.close();

function blockPlayback() {
  HTMLMediaElement.prototype.play = () => Promise.reject(new DOMException("blocked by the test", "NotAllowedError"));
}
