//! The name by which somebody is called, as it is sent.

import { cut } from "./cut";

/** Longest name the page sends, in UTF-16 units. */
export const NAME_MAX = 60;

/** What is sent of a name that was typed; empty where nothing was. */
export function nameFrom(typed: string): string {
  return cut(typed.trim(), NAME_MAX).trim();
}
