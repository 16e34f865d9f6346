//! What the reducer wants done in the world; `session.ts` does it.

import type { ClientMessage, Relay } from "./wire";

export type Effect =
  | { do: "connect"; after_ms: number }
  | { do: "hello" }
  | { do: "send"; message: Exclude<ClientMessage, { type: "hello" }> }
  | { do: "hang-up" }
  | { do: "negotiate" }
  | { do: "answer"; sdp: string; relay: Relay | null }
  | { do: "play" }
  | { do: "resume-sound" }
  | { do: "stay-awake" }
  | { do: "play-tone" }
  | { do: "set-volume"; volume: number }
  | { do: "open-microphone"; device: string | null; original: boolean }
  | { do: "switch-microphone"; device: string | null; original: boolean }
  | { do: "close-microphone" }
  | { do: "set-microphone"; on: boolean }
  | { do: "list-devices" }
  | { do: "pause-typing" }
  | { do: "expire-toast"; id: number };

/** Waits before each of the attempts to return, about two minutes together: a server restarts in less. After the last the person decides. */
export const RETRY_DELAYS_MS: readonly number[] = [1000, 3000, 7000, ...Array<number>(7).fill(15_000)];
