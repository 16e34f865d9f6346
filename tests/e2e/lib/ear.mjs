// `ear` for scripts: makes speech-like signals and measures recordings with the same code as the simulated tests.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './server.mjs';

const binary = process.env.RUNDRUF_EAR ?? join(root, 'target/release/examples/ear');

/** Writes a voice as a WAV file. */
export function makeVoice(voice, rate, seconds, file) {
  execFileSync(binary, ['make', voice, rate, seconds, file].map(String));
}

/** Measures how a voice is heard: `{seconds, level, rest, over, total}`, all levels in dB relative to full scale. */
export function hear(voice, file, ...times) {
  return JSON.parse(execFileSync(binary, ['hear', voice, file, ...times].map(String), { encoding: 'utf8' }));
}

/** Measures a single tone of `hertz` as `hear` measures a voice. */
export function hearTone(hertz, file, ...times) {
  return JSON.parse(execFileSync(binary, ['tone', hertz, file, ...times].map(String), { encoding: 'utf8' }));
}
