//! Builds `dist/`: one script, one style sheet, one icon, each with a hash in its name, and the page that names them.
//!
//! The page holds no inline script and no inline style, so `default-src 'self'` suffices.

import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const root = new URL("./", import.meta.url);
const dist = new URL("dist/", root);

const built = await esbuild.build({
  absWorkingDir: root.pathname,
  entryPoints: ["src/main.ts", "src/style.css"],
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome109", "firefox115", "safari16.4"],
  legalComments: "none",
  outdir: "dist/assets",
  entryNames: "[name]-[hash]",
  write: false,
});

await rm(dist, { recursive: true, force: true });
await mkdir(new URL("assets/", dist), { recursive: true });

const names = new Map();
for (const file of built.outputFiles) {
  const name = file.path.split("/").at(-1);
  names.set(name.endsWith(".css") ? "%style%" : "%script%", `/assets/${name}`);
  await writeFile(new URL(`assets/${name}`, dist), file.contents);
  report(name, file.contents);
}

const icon = await readFile(new URL("src/icon.svg", root));
const iconName = `icon-${createHash("sha256").update(icon).digest("hex").slice(0, 8)}.svg`;
await writeFile(new URL(`assets/${iconName}`, dist), icon);
names.set("%icon%", `/assets/${iconName}`);

let page = await readFile(new URL("index.html", root), "utf8");
for (const [mark, name] of names) page = page.replaceAll(mark, name);
await writeFile(new URL("index.html", dist), page);
report("index.html", Buffer.from(page));

function report(name, contents) {
  console.log(`${name}: ${contents.length} bytes, ${gzipSync(contents, { level: 9 }).length} compressed`);
}
