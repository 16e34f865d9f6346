//! The keys of the page: M, H, T and C alone, and space for as long as it is held. Where a key is a letter or works a control, it is that.

import type { Event, State } from "./state";
import { apart, isAsked, waits } from "./room";
import type { Pane } from "./writing";

/** Where letters are typed or chosen by. */
const TYPING = "input:not([type=checkbox]), select, textarea, [contenteditable]";
/** What space works by itself. */
const WORKED = "button, a, input, select, textarea, summary, dialog, [contenteditable]";

/** Listens to the keys of the window, and to what ends a held one. */
export function listen(state: () => State, dispatch: (event: Event) => void): void {
  addEventListener("keydown", (event) => {
    const what = shortcut(event);
    if (what) dispatch({ type: "shortcut-pressed", what });
    else if (isSpace(event) && talks(event, state())) {
      // Else the page would scroll on while somebody talks.
      event.preventDefault();
      if (!event.repeat) dispatch({ type: "talk-pressed" });
    }
  });
  addEventListener("keyup", (event) => {
    if (event.key !== " " || !isHeld(state())) return;
    // A button that has got the focus meanwhile is not pressed by this.
    event.preventDefault();
    dispatch({ type: "talk-released", by: "key" });
  });
  addEventListener("blur", away);
  document.addEventListener("visibilitychange", () => document.hidden && away());

  function away(): void {
    if (isHeld(state())) dispatch({ type: "talk-released", by: "page" });
  }
}

function isHeld({ page }: State): boolean {
  return page.name === "room" && page.hold === "down";
}

/** Tells whether space is for talking: in the call, while the microphone is off or open by this very key. */
function talks({ target, repeat }: KeyboardEvent, state: State): boolean {
  if (isHeld(state)) return true;
  const { page } = state;
  if (repeat || page.name !== "room" || !state.shortcut || isAsked(state, page) || (waits(page) && !apart(page)) || page.microphone.wish) return false;
  return !(target instanceof Element && target.closest(WORKED));
}

function isSpace({ key, ctrlKey, altKey, metaKey, shiftKey }: KeyboardEvent): boolean {
  return key === " " && !ctrlKey && !altKey && !metaKey && !shiftKey;
}

/** One of the keys alone, and not where it is a letter. */
function shortcut({ key, repeat, ctrlKey, altKey, metaKey, target }: KeyboardEvent): "microphone" | "hand" | Pane | null {
  const typing = target instanceof Element && target.closest(TYPING);
  if (repeat || ctrlKey || altKey || metaKey || typing) return null;
  return ({ m: "microphone", h: "hand", t: "typed", c: "chat" } as const)[key.toLowerCase()] ?? null;
}
