//! The order of the list: who speaks, then raised hands as they went up, then names. A row moves only when nobody is about to use the list,
//! and seldom: whoever has just spoken keeps their place for a while, and between two changes lies a pause.

import type { Entry } from "./wire";

/** For how long somebody counts as speaking after their last word, in milliseconds: pauses between sentences move no row. */
export const LINGER_MS = 10_000;
/** The least time between two changes of the order, in milliseconds. */
export const PAUSE_MS = 2_000;

/** How the list stands: the ids in order, since when, and when each was last heard speaking. */
export type Order = { ids: readonly string[]; at: number; spoke: ReadonlyMap<string, number> };

export const UNORDERED: Order = { ids: [], at: Number.NEGATIVE_INFINITY, spoke: new Map() };

/**
 * Returns how the list stands at `now` (milliseconds of a clock that only goes forward). `held` says that somebody points at it or works in it:
 * then newcomers go last, and no row moves. `compare` orders by name.
 */
export function arrange(before: Order, entries: readonly Entry[], compare: (a: Entry, b: Entry) => number, now: number, held: boolean): Order {
  const spoke = new Map(entries.flatMap(({ id, speaking }) => {
    const last = speaking ? now : before.spoke.get(id);
    return last !== undefined && now - last < LINGER_MS ? [[id, last] as const] : [];
  }));
  const place = new Map(before.ids.map((id, index) => [id, index]));
  const present = new Set(entries.map(({ id }) => id));
  const newcomers = entries.filter(({ id }) => !place.has(id)).map(({ id }) => id);
  const kept = [...before.ids.filter((id) => present.has(id)), ...newcomers];
  // Who comes or goes changes the list anyway.
  const still = kept.length === before.ids.length && newcomers.length === 0;
  if (held || (still && now - before.at < PAUSE_MS)) return { ids: kept, at: before.at, spoke };
  const byName = [...entries].sort(compare);
  const speakers = byName.filter(({ id }) => spoke.has(id));
  // Among themselves speakers stand as they did, and who begins stands after them.
  const spokeBefore = (id: string) => (before.spoke.has(id) ? (place.get(id) ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY);
  speakers.sort((a, b) => {
    const [one, other] = [spokeBefore(a.id), spokeBefore(b.id)];
    return one === other ? 0 : one - other;
  });
  const silent = byName.filter(({ id }) => !spoke.has(id));
  const hands = silent.filter(({ hand }) => hand !== null).sort((a, b) => (a.hand ?? 0) - (b.hand ?? 0));
  const ids = [...speakers, ...hands, ...silent.filter(({ hand }) => hand === null)].map(({ id }) => id);
  const same = ids.length === before.ids.length && ids.every((id, index) => id === before.ids[index]);
  return { ids, at: same ? before.at : now, spoke };
}

/** When the order may be another without news of anybody, in milliseconds from `now`; none where only news can change it. */
export function changesIn({ at, spoke }: Order, now: number): number | null {
  const ends = [...spoke.values()].map((last) => last + LINGER_MS);
  const next = Math.min(...ends, at + PAUSE_MS > now ? at + PAUSE_MS : Number.POSITIVE_INFINITY);
  return next === Number.POSITIVE_INFINITY ? null : Math.max(0, next - now);
}
