// Five hundred pages in one room of the real server, while people come and go, switch microphones and raise hands: what each page has to
// read, what each costs the server, and that in the end all know the same list.
//
// The pages have a link and no sound, so the server lets them go 15 seconds after they came: all of it is over by then, or says that it
// was not. That little is read and the list stays right is held in simulated time, too (`browser/updates`).

import { readFileSync } from 'node:fs';
import { Server, pause, until } from '../lib/server.mjs';
import { SimulatedPage } from '../lib/simulated_page.mjs';

const PEOPLE = 500;
/** Who comes in at once. */
const AT_ONCE = 100;
const CHURN_SECONDS = 4;
/** In each second so many come, go, switch and raise hands. */
const PER_SECOND = { come: 5, go: 5, switch: 8, hand: 4 };
/** What a page may be told at most in a second. */
const CHANGES_MAX = 10;
const OCTETS_MAX = 20_000;

const server = await Server.start({ level: 'warn' });
const pages = [];
try {
  const join = (index) => SimulatedPage.join(index === 0 ? server.room.moderator_link : server.room.guest_link, `Person ${index}`);
  for (let first = 0; first < PEOPLE; first += AT_ONCE) {
    pages.push(...await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => join(first + i))));
  }
  const reader = pages[PEOPLE / 2];
  const most = { octets: 0, changes: 0 };
  const [before, began] = [cpu(), performance.now()];
  for (let second = 0; second < CHURN_SECONDS; second++) {
    const [start, { octets, changes }] = [performance.now(), { ...reader }];
    await churn(second, reader, join);
    await pause(Math.max(0, start + 1_000 - performance.now()));
    const seconds = (performance.now() - start) / 1_000;
    most.octets = Math.max(most.octets, (reader.octets - octets) / seconds);
    most.changes = Math.max(most.changes, (reader.changes - changes) / seconds);
  }
  const each = (cpu() - before) / ((performance.now() - began) / 1_000) / PEOPLE;
  await until('all to know the same list', 10_000, () =>
    pages.every(({ entries }) => entries.size === PEOPLE) && new Set(pages.slice(1).map(({ list }) => JSON.stringify(list))).size === 1);
  const newcomer = await join('newcomer');
  const same = JSON.stringify(newcomer.list.filter(({ id }) => id !== newcomer.id)) === JSON.stringify(reader.list.filter(({ id }) => id !== newcomer.id));
  const within = most.octets <= OCTETS_MAX && most.changes <= CHANGES_MAX;
  console.log(`Pages: ${PEOPLE} in one room, ${PER_SECOND.come} come and ${PER_SECOND.go} go in a second, ${PER_SECOND.switch} switch, ${PER_SECOND.hand} raise hands`);
  console.log(`  a page reads at most ${(most.octets / 1_000).toFixed(1)} kB (${OCTETS_MAX / 1_000}) and ${most.changes.toFixed(1)} changes (${CHANGES_MAX}) in a second: ${within ? 'met' : 'MISSED'}`);
  console.log(`  the server's CPU: ${each.toFixed(3)} ms/s for each page, its leg in the mixing core included`);
  console.log(`  what was told bit by bit is what a newcomer is told at once: ${same ? 'met' : 'MISSED'}`);
  if (!within || !same) process.exitCode = 1;
} catch (error) {
  console.error(`The pages were not measured: ${error.message}`);
  process.exitCode = 1;
} finally {
  for (const { socket } of pages) socket.terminate();
  await server.stop();
}

/** What happens in a second. */
async function churn(second, reader, join) {
  const people = pages.slice(1).filter((page) => page !== reader);
  const some = (count, by) => Array.from({ length: count }, (_, i) => people[(second * 53 + i * by) % people.length]);
  const gone = some(PER_SECOND.go, 97);
  for (const page of some(PER_SECOND.switch, 7).filter((page) => !gone.includes(page))) page.send({ type: 'microphone', on: second % 2 === 0 });
  for (const page of some(PER_SECOND.hand, 11).filter((page) => !gone.includes(page))) page.send({ type: 'hand', up: second % 2 === 0 });
  await Promise.all(gone.map((page) => page.leave()));
  for (const page of gone) pages.splice(pages.indexOf(page), 1);
  pages.push(...await Promise.all(Array.from({ length: PER_SECOND.come }, (_, i) => join(PEOPLE + second * PER_SECOND.come + i))));
}

/** Milliseconds of processor time that the server has used (`utime` and `stime`, in hundredths of a second). */
function cpu() {
  const fields = readFileSync(`/proc/${server.ready.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
