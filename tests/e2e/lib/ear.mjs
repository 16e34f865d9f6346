// `ear` for scripts: makes speech-like signals and measures recordings with the same code as the simulated tests.

import { writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { built } from './server.mjs';

const binary = join(built, 'examples/ear');

/** Writes a voice as a WAV file. */
export function makeVoice(voice, rate, seconds, file) {
  execFileSync(binary, ['make', voice, rate, seconds, file].map(String));
}

/** Writes a WAV file of silence: 16 bits, one channel. */
export function makeSilence(rate, seconds, file) {
  const bytes = 2 * rate * seconds;
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + bytes, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(2 * rate, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(bytes, 40);
  writeFileSync(file, Buffer.concat([head, Buffer.alloc(bytes)]));
}

/** Measures how a voice is heard: `{seconds, level, rest, over, total}`, all levels in dB relative to full scale. */
export function hear(voice, file, ...times) {
  return JSON.parse(execFileSync(binary, ['hear', voice, file, ...times].map(String), { encoding: 'utf8' }));
}

/** Measures a single tone of `hertz` as `hear` measures a voice. */
export function hearTone(hertz, file, ...times) {
  return JSON.parse(execFileSync(binary, ['tone', hertz, file, ...times].map(String), { encoding: 'utf8' }));
}
