//! What the reducer wants done in the world; `session.ts` does it.

import type { ClientMessage, Relay } from "./wire";

export type Effect =
  | { do: "connect"; after_ms: number; wait_ms?: number }
  | { do: "hello" }
  | { do: "send"; message: Exclude<ClientMessage, { type: "hello" }> }
  | { do: "hang-up" }
  | { do: "break-off" }
  | { do: "limit-return" }
  | { do: "keep-seat"; seat: string }
  | { do: "forget-seat" }
  | { do: "negotiate" }
  | { do: "answer"; sdp: string; relay: Relay | null }
  | { do: "play" }
  | { do: "resume-sound" }
  | { do: "stay-awake" }
  | { do: "set-playback"; on: boolean }
  | { do: "play-tone" }
  | { do: "set-volume"; volume: number }
  | { do: "open-microphone"; device: string | null; original: boolean }
  | { do: "switch-microphone"; device: string | null; original: boolean }
  | { do: "close-microphone" }
  | { do: "set-microphone"; on: boolean }
  | { do: "list-devices" }
  | { do: "pause-typing" }
  | { do: "await-rest"; line: number; words: string }
  | { do: "expire-toast"; id: number };

/** Waits before each of the attempts to return: the first at once, since most interruptions are over by then, and four within 5 s. */
export const RETRY_DELAYS_MS: readonly number[] = [0, 500, 1000, 2000, 4000, 8000, ...Array<number>(18).fill(15_000)];

/** Longest time in which the page returns by itself: as long as the server keeps the seat. Then the person decides. */
export const RETURN_MS_MAX = 5 * 60_000;

/** Attempts at first that are given up early: a network that has just changed may swallow them. */
export const HASTY = 5;
export const HASTY_MS_MAX = 5000;
