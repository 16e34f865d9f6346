//! Runs the tests that need no browser: bundles `*.test.ts` with esbuild and hands them to node's test runner.

import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

const here = new URL("./", import.meta.url).pathname;
const files = (await readdir(here)).filter((name) => name.endsWith(".test.ts")).map((name) => join(here, name));
const folder = await mkdtemp(join(tmpdir(), "rundruf-web-"));
await build({ entryPoints: files, bundle: true, platform: "node", format: "esm", outdir: folder, outExtension: { ".js": ".mjs" }, sourcemap: "inline" });
const runner = spawn(process.execPath, ["--enable-source-maps", "--test", ...(await readdir(folder)).map((name) => join(folder, name))], { stdio: "inherit" });
process.exitCode = await new Promise((resolve) => runner.on("exit", (code) => resolve(code ?? 1)));
await rm(folder, { recursive: true });
