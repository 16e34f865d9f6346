//! The protocol of what is done in the call: the server tells each act once and keeps none, so what is here is only on this page.

import type { ServerMessage } from "./wire";

export type Done = Extract<ServerMessage, { type: "act" }>;

/** Acts that are kept; of more the oldest are forgotten. */
export const ACTS_MAX = 200;

/** Puts an act before those that were done earlier. */
export function note(acts: readonly Done[], act: Done): readonly Done[] {
  return [act, ...acts].slice(0, ACTS_MAX);
}
