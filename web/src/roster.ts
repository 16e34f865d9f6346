//! The roster as the page keeps it: a full list first, then versioned changes (RFC 4575: partial, deleted).

import type { ConferenceState, Entry } from "./wire";

export type News = { entries: readonly Entry[]; joined: Entry[]; left: Entry[] };

/** Applies a change, or a piece of one, or returns `null` when it is older than what is known. Rows keep their place, newcomers go last. */
export function apply(
  known: { version: number; entries: readonly Entry[] },
  delta: { version: number; entries: readonly Entry[]; gone: readonly string[] },
): News | null {
  if (delta.version < known.version) return null;
  const fresh = new Map(delta.entries.map((entry) => [entry.id, entry]));
  const left = known.entries.filter((entry) => delta.gone.includes(entry.id) && !fresh.has(entry.id));
  const kept = known.entries.filter((entry) => !left.includes(entry)).map((entry) => fresh.get(entry.id) ?? entry);
  const joined = delta.entries.filter((entry) => !find(known.entries, entry.id));
  return { entries: [...kept, ...joined], joined, left };
}

/** Notes who began to speak and who ceased, as the server tells it between the changes. */
export function hear(entries: readonly Entry[], began: readonly string[], ceased: readonly string[]): readonly Entry[] {
  const change = (entry: Entry, speaking: boolean): Entry => (entry.speaking === speaking ? entry : { ...entry, speaking });
  return entries.map((entry) => (began.includes(entry.id) ? change(entry, true) : ceased.includes(entry.id) ? change(entry, false) : entry));
}

/** Tells whether somebody is in the call itself, not in its waiting room, nor being called. */
export function isInside(entry: Entry | undefined): boolean {
  return entry?.status === "connected" || entry?.status === "on-hold";
}

/** Those who are in the call beside somebody. */
export function others(entries: readonly Entry[], own: string): Entry[] {
  return entries.filter((entry) => entry.id !== own && isInside(entry));
}

/** Tells whether somebody hears the call at this moment. */
export function hears(entry: Entry): boolean {
  return entry.status === "connected" && !entry.away && !entry.apart;
}

/** Tells whether somebody is being called. */
export function isCalled(entry: Entry | undefined): boolean {
  return entry?.status === "dialing-out" || entry?.status === "alerting";
}

/** Those who ask to speak, who asked first before the others. */
export function asking(entries: readonly Entry[]): Entry[] {
  return entries.filter(({ hand }) => hand !== null).sort((a, b) => (a.hand ?? 0) - (b.hand ?? 0));
}

/** Tells whether somebody may switch their microphone on, as the server judges it. */
export function maySpeak(state: ConferenceState, entry: Entry | undefined): boolean {
  return !state.ask_to_speak || entry?.role === "moderator" || entry?.floor === true || entry?.apart === true;
}

export function find(entries: readonly Entry[], id: string): Entry | undefined {
  return entries.find((entry) => entry.id === id);
}
