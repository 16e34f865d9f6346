//! Who hears the person right now: what the line beside the microphone says, as the roster and the own sound have it.

import { byTelephone } from "./pair";
import { apart, mayTalk, me, music, type Room, waits } from "./room";
import * as roster from "./roster";
import type { Entry } from "./wire";

/** Why nobody does. */
export type Unheard = "waiting" | "floor" | "opening" | "off" | "connecting" | "interrupted" | "music" | "still" | "asked" | "first" | "alone" | "away";

/** Who hears the person, of how many others in the call; of two who talk alone the one who waits does not know who the other is. */
export type Hearing = { by: "apart"; who: Entry | null } | { by: "nobody"; why: Unheard } | { by: "one"; who: Entry; others: number } | { by: "some" | "all"; count: number; others: number };

/** Tells who hears the person. What keeps the microphone silent comes before who is there, and what the person decides before what befalls them. */
export function hearing(room: Room, company: boolean): Hearing {
  const why = silenced(room);
  if (why) return { by: "nobody", why };
  if (apart(room)) return { by: "apart", who: talksWith(room) };
  const others = roster.others(room.entries, room.own);
  const ears = others.filter(roster.hears);
  const [who] = ears;
  if (!who) return { by: "nobody", why: others.length > 0 ? "away" : company ? "alone" : "first" };
  if (ears.length === 1) return { by: "one", who, others: others.length };
  return { by: ears.length < others.length ? "some" : "all", count: ears.length, others: others.length };
}

/** With whom the person talks alone, as far as they may know. */
export function talksWith(room: Room): Entry | null {
  const other = me(room)?.apart_with ?? null;
  return (other !== null && roster.find(room.entries, other)) || null;
}

function silenced(room: Room): Unheard | null {
  const { device, wish } = room.microphone;
  if (waits(room) && !apart(room)) return "waiting";
  if (!mayTalk(room)) return "floor";
  if (device === "opening") return "opening";
  if (!wish) return "off";
  const byPhone = byTelephone(room);
  if (room.audio !== "connected" && !byPhone) return room.audio;
  if (music(room)) return "music";
  if (room.still && !byPhone) return "still";
  // The mixer takes the sound only once the server has agreed.
  return me(room)?.microphone ? null : "asked";
}
