//! Takes a picture of every scene, light and dark, at 320 and 1280 pixels. Usage: node test/screenshots.mjs [folder] [scene …]

import { mkdir } from "node:fs/promises";
import { launch } from "./drivers/chromium.mjs";
import { serve } from "./fake-server.mjs";
import { prepare, SCENES } from "./scenes.mjs";

const [folder = "test/shots", ...wanted] = process.argv.slice(2);
const names = wanted.length > 0 ? wanted : Object.keys(SCENES);
await mkdir(folder, { recursive: true });
const browser = await launch();

for (const name of names) {
  const { script, act } = SCENES[name];
  for (const colorScheme of ["light", "dark"]) {
    for (const [width, height] of [[320, 640], [1280, 800]]) {
      const server = await serve({ script });
      const context = await browser.newContext({ colorScheme, viewport: { width, height }, locale: "de-DE", permissions: ["microphone"], reducedMotion: "reduce" });
      const page = await context.newPage();
      await prepare(page, SCENES[name]);
      await page.goto(`${server.url}#secret`);
      await act(page, server);
      await page.waitForTimeout(120);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      if (overflow) console.log(`${name} at ${width}: wider than the window`);
      await page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png`, fullPage: width < 400 && !/^(room|dialog)/.test(name) });
      await context.close();
      await server.close();
    }
  }
}
await browser.close();
