//! What assistive technology is told, in a few live regions that take turns: a sentence that follows at once takes the next, so
//! that it does not displace the one before while that is still to be read.

import type { Language, Sentence, State } from "./state";
import { announcement } from "./text";

/** One announcement: where it stands, and since when. */
export type Said = { id: number; key: number; place: number; at: number; sentences: readonly Sentence[] };

/** Live regions, which is how many announcements are kept for a screen reader at most. */
export const PLACES = 3;
/** How long an announcement stays beside later ones, and how long the same one is not made again. */
export const STAYS_MS = 5000;

/** Takes what the page says now to what it said before; the latest stays until it is followed. */
export function aloud(before: readonly Said[], { spoken, language }: Pick<State, "spoken" | "language">, now: number): readonly Said[] {
  const latest = before.at(-1);
  const kept = before.filter((one) => one === latest || now - one.at < STAYS_MS);
  if (latest?.id === spoken.id) return kept;
  const { id, sentences } = spoken;
  const fresh: Said = { id, key: id, place: latest ? (latest.place + 1) % PLACES : 0, at: now, sentences };
  // Nothing more is to be read of what is over.
  if (!latest || sentences.length === 0) return [fresh];
  if (now - latest.at < STAYS_MS && isSame(language, latest, fresh)) return [...kept.slice(0, -1), { ...latest, id }];
  return [...kept, fresh].slice(-PLACES);
}

/** Returns after what time an announcement goes, if one does by itself. */
export function goesIn(said: readonly Said[], now: number): number | null {
  const [first] = said;
  return first && said.length > 1 ? Math.max(0, first.at + STAYS_MS - now) : null;
}

function isSame(language: Language, one: Said, other: Said): boolean {
  return announcement(language, one.sentences) === announcement(language, other.sentences);
}
