//! Takes a picture of every scene, light and dark, at 320 and 1280 pixels, and fails when a page is wider than its window.
//! Usage: node test/screenshots.mjs [--language=de|de-du|de-einfach|en] [folder] [scene …]

import { mkdir } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { launch } from "./drivers/chromium.mjs";
import { serve } from "./fake-server.mjs";
import { choose, cutOff, LANGUAGES, prepare, SCENES } from "./scenes.mjs";

/** Takes the pictures; returns a sentence for each page that is wider than its window. */
export async function takePictures(folder, scenes, language = "de") {
  await mkdir(folder, { recursive: true });
  const browser = await launch();
  const findings = [];
  for (const [name, scene] of Object.entries(scenes)) {
    for (const colorScheme of ["light", "dark"]) {
      for (const [width, height] of [[320, 640], [1280, 800]]) {
        const server = await serve({ script: scene.script });
        const context = await browser.newContext({ colorScheme, viewport: { width, height }, locale: "de-DE", permissions: ["microphone"], reducedMotion: "reduce" });
        const page = await context.newPage();
        await prepare(page, scene);
        await page.goto(`${server.url}#secret`);
        await choose(page, language, scene);
        await scene.act(page, server);
        await page.waitForTimeout(120);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
        const beyond = await page.evaluate(cutOff);
        if (overflow || beyond.length > 0) findings.push(`${name} at ${width}, ${colorScheme}: wider than the window ${beyond.join(" | ")}`);
        await page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png`, fullPage: width < 400 && !/^(room|dialog)/.test(name) });
        await context.close();
        await server.close();
      }
    }
  }
  await browser.close();
  return findings;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [option] = process.argv.slice(2).filter((word) => word.startsWith("--language="));
  const language = option?.split("=")[1] ?? "de";
  if (!LANGUAGES.includes(language)) throw new Error(`no such language: ${language}`);
  const [folder = "test/shots", ...wanted] = process.argv.slice(2).filter((word) => word !== option);
  const unknown = wanted.filter((name) => !(name in SCENES));
  if (unknown.length > 0) throw new Error(`no such scene: ${unknown.join(", ")}`);
  const scenes = wanted.length > 0 ? Object.fromEntries(wanted.map((name) => [name, SCENES[name]])) : SCENES;
  const findings = await takePictures(folder, scenes, language);
  for (const finding of findings) console.error(finding);
  process.exitCode = findings.length > 0 ? 1 : 0;
}
