// What the benchmarks say beside each other: ratios within one run depend little on the machine.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../lib/server.mjs';

const results = join(root, 'target/criterion');

/** Nanoseconds of a benchmark of the last run. */
function nanoseconds(...name) {
  return JSON.parse(readFileSync(join(results, ...name, 'new/estimates.json'), 'utf8')).median.point_estimate;
}

const tick = 20e6;
const row = (name, text) => console.log(`  ${name.padEnd(34)} ${text}`);
const times = (value, base) => `${(value / base).toPrecision(3)}×`;
const microseconds = (value) => `${Number((value / 1000).toPrecision(3))} µs`.padStart(12);

/** A benchmark at several sizes: what one more costs, against the smallest. */
function growth(title, group, sizes) {
  console.log(title);
  const least = nanoseconds(...group, String(sizes[0])) / sizes[0];
  for (const size of sizes) {
    const value = nanoseconds(...group, String(size));
    row(`${size}`, `${microseconds(value)}   each ${times(value / size, least)}   ${(value / tick * 100).toPrecision(2)} % of a tick`);
  }
}

/** Several benchmarks against the first. */
function compare(title, names) {
  console.log(title);
  const base = nanoseconds(...names[0]);
  for (const name of names) row(name.join('/'), `${microseconds(nanoseconds(...name))}   ${times(nanoseconds(...name), base)}`);
}

const codecs = ['Pcma', 'Pcmu', 'G722', 'Opus'];
growth('A shard: one tick by telephones', ['shard_tick'], [10, 100, 500, 1000]);
growth('A shard: one tick by browsers', ['shard_tick_browsers'], [10, 100, 500, 1000]);
compare('A shard: one more joins, by legs that are in', [10, 1000].map((legs) => ['shard_join', String(legs)]));
growth('The mixer alone: one tick by participants', ['mixer_all_n_minus_one'], [10, 100, 500]);
compare('Encoding 20 ms', codecs.map((codec) => [`encode_${codec}`]));
compare('Decoding 20 ms', codecs.map((codec) => [`decode_${codec}`]));
compare('Playout of 20 ms, clean and with loss', codecs.flatMap((codec) => [[`playout_${codec}_clean`], [`playout_${codec}_loss_of_a_tenth`]]));
compare('SIP: an INVITE with its description, the description alone', [['sip_parse_invite'], ['sip_parse_sdp']]);
