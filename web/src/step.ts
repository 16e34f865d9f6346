//! The small steps that both parts of the reducer are made of: effects, sentences, and the ways out of a page.

import { type Effect, HASTY, HASTY_MS_MAX, RETRY_DELAYS_MS } from "./effect";
import type { Room } from "./room";
import type { Page, Sentence, State, Why } from "./state";
import { UNWRITTEN } from "./writing";

/** Toasts shown at once; older ones give way. */
const TOASTS_MAX = 3;

export function linkClosed(state: State): State {
  if (state.page.name === "over") return state;
  const welcome = "welcome" in state.page ? state.page.welcome : null;
  const delay = RETRY_DELAYS_MS[state.retries];
  if (delay === undefined) return over(state, "lost");
  const retries = state.retries + 1;
  if (state.page.name === "room") return breakOff({ ...state, retries }, state.page, delay);
  const page: Page = { name: "lost", welcome, attempt: retries };
  return act({ ...state, retries, page }, { do: "hang-up" }, { do: "connect", after_ms: delay });
}

/** Keeps the room on screen while the page returns. The microphone is off at once, and its device stays open for the way back. */
function breakOff(state: State, room: Room, after_ms: number): State {
  const { device, wish: on } = room.microphone;
  const microphone = { device: device === "opening" ? ("closed" as const) : device, wish: false, asked: null };
  const spoke = room.spoke || on;
  const page: Room = { ...room, microphone, spoke, returning: true, audio: "interrupted", quality: null, missed: 0, doubts: 0, dialog: null, hold: null, plea: null, acted: {} };
  const silenced = act({ ...state, page }, ...(on ? [{ do: "set-microphone" as const, on: false }] : []), { do: "break-off" });
  const limited = room.returning ? silenced : act(silenced, { do: "limit-return" });
  return reconnect(limited, after_ms);
}

/** Tries to return; the first attempts are not waited for long. */
export function reconnect(state: State, after_ms: number): State {
  const connect = { do: "connect" as const, after_ms };
  return act(state, state.retries <= HASTY ? { ...connect, wait_ms: HASTY_MS_MAX } : connect);
}

export function over(state: State, why: Why): State {
  const welcome = "welcome" in state.page ? state.page.welcome : null;
  const ended = say({ ...state, page: { name: "over", welcome, why }, toasts: [], writing: UNWRITTEN }, []);
  return act(ended, { do: "hang-up" }, { do: "forget-seat" });
}

export function say(state: State, sentences: readonly Sentence[]): State {
  return { ...state, spoken: { id: state.spoken.id + 1, sentences } };
}

/** Shows a sentence; the same one again takes the place of the one shown. */
export function toast(state: State, sentence: Sentence): State {
  const id = state.spoken.id;
  const others = state.toasts.filter((shown) => JSON.stringify(shown.sentence) !== JSON.stringify(sentence));
  return act({ ...state, toasts: [...others, { id, sentence }].slice(-TOASTS_MAX) }, { do: "expire-toast", id });
}

export function open({ device, original }: State) {
  return { do: "open-microphone" as const, device, original };
}

export function act(state: State, ...effects: Effect[]): State {
  return { ...state, outbox: [...state.outbox, ...effects] };
}

export function send(state: State, message: Extract<Effect, { do: "send" }>["message"]): State {
  return act(state, { do: "send", message });
}
