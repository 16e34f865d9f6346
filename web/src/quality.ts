//! How well connections carry speech: everybody's as the server tells it, and the own one as the page judges it beside, in words
//! that do not swing.

import type { Room } from "./room";
import { find } from "./roster";
import { say } from "./step";
import type { State } from "./state";
import type { Entry, Quality, ServerMessage } from "./wire";

/** The own connection as the page judges it. */
export type Line = {
  /** The last judgements, the latest first. */
  recent: readonly Quality[];
  /** What the person was told last, and for how many judgements it has been good since. */
  warned: Quality;
  calm: number;
};

/** From the best on. */
const RANKS: readonly Quality[] = ["good", "fair", "poor"];

/** Judgements in a row that make it worse, and better: four seconds and ten, as the server has it. */
const WORSE = 2;
const BETTER = 5;

export const UNJUDGED: Line = { recent: Array<Quality>(BETTER).fill("good"), warned: "good", calm: 0 };

/** Judgements for which it has to be good before its getting worse is said again: a minute. */
const CALM = 30;

/** Notes what the server says of lines. */
export function judge(entries: readonly Entry[], message: Extract<ServerMessage, { type: "quality" }>): readonly Entry[] {
  return entries.map((entry) => {
    const quality = RANKS.find((rank) => message[rank].includes(entry.id)) ?? entry.quality;
    return quality === entry.quality ? entry : { ...entry, quality };
  });
}

/** How well the own connection carries speech: the worse of what the page and the server say; `null` before anything is known. */
export function ownQuality(room: Room): Quality | null {
  const there = find(room.entries, room.own)?.quality ?? "good";
  return there === "good" ? room.quality : worse(there, room.quality ?? "good");
}

/** Takes a judgement of the page's: what is shown is no better than the best of the last few, and no worse than the worst of some more. */
export function followed(room: Room, judged: Quality): Pick<Room, "quality" | "line"> {
  const recent = [judged, ...room.line.recent].slice(0, BETTER);
  const best = recent.slice(0, WORSE).reduce(better);
  const shown = better(worse(room.quality ?? "good", best), recent.reduce(worse));
  const unknown = room.quality === null && judged !== "good" && shown === "good";
  return { quality: unknown ? null : shown, line: { ...room.line, recent } };
}

/** Says once that the own connection has become worse; not over the sentence of who holds a key, and anew only after a time of calm. */
export function warned(state: State): State {
  if (state.page.name !== "room") return state;
  const room = state.page;
  const quality = ownQuality(room) ?? "good";
  const calm = quality === "good" ? room.line.calm + 1 : 0;
  const known = calm >= CALM ? "good" : room.line.warned;
  const silent = quality === "good" || rank(quality) <= rank(known) || room.hold === "down" || room.audio !== "connected";
  const after = { ...state, page: { ...room, line: { ...room.line, calm, warned: silent ? known : quality } } };
  return silent ? after : say(after, [{ key: `quality-${quality}`, entry: null }]);
}

function rank(quality: Quality): number {
  return RANKS.indexOf(quality);
}

function worse(one: Quality, other: Quality): Quality {
  return rank(one) > rank(other) ? one : other;
}

function better(one: Quality, other: Quality): Quality {
  return rank(one) < rank(other) ? one : other;
}
