//! Takes a picture of every scene, light and dark, at 320 and 1280 pixels, and fails when a page is wider than its window.
//! Usage: node test/screenshots.mjs [--language=de|de-du|de-einfach|en] [--widths=320,768,…] [--looks=light,forced,…] [folder] [scene …]

import { mkdir } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { launch } from "./drivers/chromium.mjs";
import { serve } from "./fake-server.mjs";
import { choose, cutOff, LANGUAGES, prepare, SCENES } from "./scenes.mjs";

/** The widths a picture can be taken at, each with the height of a window that is usual for it. */
const HEIGHTS = { 320: 640, 768: 1024, 1280: 800, 1440: 900 };

/** What somebody may have asked their system for, as the browser says it to the page. */
const LOOKS = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  contrast: { colorScheme: "light", contrast: "more" },
  "contrast-dark": { colorScheme: "dark", contrast: "more" },
  forced: { colorScheme: "light", forcedColors: "active" },
  "forced-dark": { colorScheme: "dark", forcedColors: "active" },
  print: { colorScheme: "light" },
};

const USUAL = { language: "de", widths: ["320", "1280"], looks: ["light", "dark"] };

/** Takes the pictures; returns a sentence for each page that is wider than its window. */
export async function takePictures(folder, scenes, { language, widths, looks } = USUAL) {
  await mkdir(folder, { recursive: true });
  const browser = await launch();
  const findings = [];
  for (const [name, scene] of Object.entries(scenes)) {
    for (const look of looks) {
      for (const width of widths) findings.push(...(await takePicture(browser, folder, name, scene, { language, look, width: Number(width) })));
    }
  }
  await browser.close();
  return findings;
}

/** One picture of one scene; returns what is wider than the window there. */
async function takePicture(browser, folder, name, scene, { language, look, width }) {
  const server = await serve({ script: scene.script });
  const viewport = { width, height: HEIGHTS[width] };
  const context = await browser.newContext({ ...LOOKS[look], viewport, locale: "de-DE", permissions: ["microphone"], reducedMotion: "reduce" });
  const page = await context.newPage();
  await prepare(page, scene);
  await page.goto(`${server.url}#secret`);
  await choose(page, language, scene);
  await scene.act(page, server);
  if (look === "print") await page.emulateMedia({ media: "print" });
  await page.waitForTimeout(120);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  const beyond = await page.evaluate(cutOff);
  const whole = look === "print" || (width < 400 && !/^(room|dialog)/.test(name));
  await page.screenshot({ path: `${folder}/${name}-${width}-${look}.png`, fullPage: whole });
  await context.close();
  await server.close();
  return overflow || beyond.length > 0 ? [`${name} at ${width}, ${look}: wider than the window ${beyond.join(" | ")}`] : [];
}

/** What the words of the command ask for: the options, and the folder and scenes that remain. */
function asked(words) {
  const value = (name) => words.find((word) => word.startsWith(`--${name}=`))?.split("=")[1];
  const options = {
    language: value("language") ?? USUAL.language,
    widths: value("widths")?.split(",") ?? USUAL.widths,
    looks: value("looks")?.split(",") ?? USUAL.looks,
  };
  if (!LANGUAGES.includes(options.language)) throw new Error(`no such language: ${options.language}`);
  for (const width of options.widths) if (!(width in HEIGHTS)) throw new Error(`no such width: ${width}`);
  for (const look of options.looks) if (!(look in LOOKS)) throw new Error(`no such look: ${look}`);
  return { options, rest: words.filter((word) => !word.startsWith("--")) };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { options, rest } = asked(process.argv.slice(2));
  const [folder = "test/shots", ...wanted] = rest;
  const unknown = wanted.filter((name) => !(name in SCENES));
  if (unknown.length > 0) throw new Error(`no such scene: ${unknown.join(", ")}`);
  const scenes = wanted.length > 0 ? Object.fromEntries(wanted.map((name) => [name, SCENES[name]])) : SCENES;
  const findings = await takePictures(folder, scenes, options);
  for (const finding of findings) console.error(finding);
  process.exitCode = findings.length > 0 ? 1 : 0;
}
