//! A telephone as the sound of the page, as the reducer sees it: the code for it, the question whose it is, and the way back.
//!
//! While a telephone speaks the page neither listens nor plays. The own roster entry tells whether one does; `deaf` stays after it
//! has hung up until the person wants the sound here again. The microphone's button then switches that of the telephone, which the
//! roster tells and keys of the telephone switch, too, so the wish follows the roster.

import type { Microphone, Room } from "./room";
import { find } from "./roster";
import type { Event, State } from "./state";
import { act, say, send } from "./step";
import type { Entry } from "./wire";

/** The code that the page shows; "asked" until it comes, and "expired" when it can be typed no more. */
export type Pairing = { code: string; seconds: number } | "asked" | "expired" | null;

/** Tells whether a telephone is the sound of the page. */
export function byTelephone(room: Room): boolean {
  return (find(room.entries, room.own)?.telephone ?? null) !== null;
}

/** Asks for a code, in place of the one that is shown. */
export function codeAsked(state: State, room: Room): State {
  return send({ ...state, page: { ...room, dialog: { name: "telephone" }, pairing: "asked" } }, { type: "pairing-code" });
}

export function codeCame(state: State, room: Room, code: string, seconds: number): State {
  return { ...state, page: { ...room, pairing: { code, seconds } } };
}

/** What the person does about it; `null` for any other event. */
export function pairEvent(state: State, room: Room, event: Event): State | null {
  switch (event.type) {
    case "pairing-asked":
      return codeAsked(state, room);
    case "pairing-expired":
      return say({ ...state, page: { ...room, pairing: "expired" } }, [{ key: "code-expired", entry: null }]);
    case "telephone-answered":
      return send(state, { type: "own-telephone", own: event.own });
    case "sound-here-chosen":
      return byTelephone(room) ? state : soundHere(state, room);
    default:
      return null;
  }
}

/** Has the sound here again; the microphone stays off. */
export function soundHere(state: State, room: Room): State {
  return act({ ...state, page: { ...room, deaf: false } }, { do: "set-playback", on: true });
}

/** The microphone after a change of the roster: while a telephone speaks it is as the server knows it, unless the person was asking for something else. */
export function heeded(microphone: Microphone, own: Entry | undefined, asking: boolean): Microphone {
  if (!own?.telephone) return microphone;
  return { ...microphone, device: "closed", wish: asking ? microphone.wish : own.microphone };
}

/** Stops listening and playing when a telephone takes over, and asks for the sound when it has hung up. */
export function soundMoved(state: State, before: Room, room: Room): State {
  const [had, has] = [byTelephone(before), byTelephone(room)];
  if (had === has) return state;
  if (!has) return say({ ...state, page: { ...room, microphone: { device: "closed", wish: false, asked: null } } }, [{ key: "telephone-gone", entry: null }]);
  const dialog = room.dialog?.name === "telephone" ? null : room.dialog;
  const microphone: Microphone = { ...room.microphone, wish: find(room.entries, room.own)?.microphone ?? false, asked: null };
  const page: Room = { ...room, microphone, deaf: true, pairing: null, plea: null, hold: null, quality: null, missed: 0, doubts: 0, blocked: false, dialog };
  return act(say({ ...state, page }, [{ key: "telephone-came", entry: null }]), { do: "close-microphone" }, { do: "set-playback", on: false });
}
