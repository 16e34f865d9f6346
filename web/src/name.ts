//! The name by which somebody is called, as it is sent.

import { cut } from "./cut";

/** Longest name the page sends, in UTF-16 units. */
export const NAME_MAX = 60;

/** What is sent of a name that was typed; empty where nothing of it would be seen, as the server judges it, which takes such a name for none. */
export function nameFrom(typed: string): string {
  const name = cut(typed.trim(), NAME_MAX).trim();
  return name.replace(UNSEEN, "") ? name : "";
}

/** Spaces, control characters, what turns, hides or fakes text, tags without their flag, joiners and variation selectors: as in src/conference/participant.rs. */
const UNSEEN =
  /[\p{White_Space}\p{Cc}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u00ad\u180e\ufff9-\ufffb\u{e0000}-\u{e001f}\u{e0020}-\u{e007f}\u115f\u1160\u3164\uffa0\ufe00-\ufe0f]/gu;
