//! The client's core: a pure reducer (State, Event) → State. It knows no network, no device, no DOM and no clock.
//!
//! What the world must do because of an event stands in `outbox`, which each event empties and refills:
//!
//! ```text
//!  connecting ─welcome─▶ join ─join─▶ joining ─joined─▶ room ─leave, dismissed, failed─▶ over
//!      ▲  │               │              ▲ │             │  ▲                             │
//!      │  └─ its seat is kept ───────────┘ │  link closed│  │joined                       │
//!      └───── lost ◀──────┴─ link closed ──┘             ▼  │            ◀─ join again ───┘
//!                                                     room, returning
//! ```
//!
//! Who returns is muted, whatever was before, and is asked whether they want to be heard again.
//!
//! `room.ts` is the part of the room, `step.ts` has the steps that both take.

import { note } from "./acts";
import { cut } from "./cut";
import type { Effect } from "./effect";
import { nameFrom, NAME_MAX } from "./name";
import { codeCame } from "./pair";
import { judge } from "./quality";
import { callChanged, changed, doubted, type Dialog, joined, refused, type Room, roomEvent, told } from "./room";
import { hear } from "./roster";
import { act, linkClosed, open, over, reconnect, send } from "./step";
import type { ClientMessage, Entry, Quality, ServerMessage, Shown } from "./wire";
import { chatRead, type Pane, typedRead, UNWRITTEN, type Writing, type WritingEvent } from "./writing";

export type Welcome = Extract<ServerMessage, { type: "welcome" }>;
export type Language = Welcome["language"];
export type DialIn = NonNullable<Welcome["dial_in"]>;
export type Device = { id: string; label: string };

/** What stands between the person and a microphone; "gone" is one that was open, "unable" a browser that gives pages none. */
export type Obstacle = "denied" | "missing" | "busy" | "gone" | "unable";

export type Test = { state: "idle" } | { state: "opening" } | { state: "running"; heard: boolean } | { state: "failed"; obstacle: Obstacle };

export type Why = "left" | "ended" | "removed" | "taken-over" | "unknown-link" | "busy" | "full" | "locked" | "not-expected" | "no-place" | "come-later" | "lost" | "no-audio" | "unsupported" | "failed";

export type Page =
  | { name: "connecting" }
  | { name: "join"; welcome: Welcome; test: Test }
  | { name: "joining"; welcome: Welcome }
  | Room
  | { name: "lost"; welcome: Welcome | null; attempt: number }
  | { name: "over"; welcome: Welcome | null; why: Why };

/** A sentence for the person: from the server in every language, or from the own catalogue, about somebody and with what they wrote. */
export type Sentence = Shown | { key: Said; entry: Entry | null; words?: string };

type Said = "joined" | "leads" | "renamed" | "locked" | "unlocked" | "waits" | "gave-up" | "left" | "muted" | "removed" | "hand" | "lowered" | "asked" | "microphone-on" | "microphone-waiting" | "microphone-music" | "microphone-still" | "microphone-unheard" | "microphone-off" | "microphone-ready" | "microphone-still-off" | "microphone-was-on" | "returning" | "talk-needs-floor" | "quality-fair" | "quality-poor" | "refused" | "not-here" | "talked-to" | "too-many-talks" | "no-dial-out" | "no-number" | "emergency" | "not-listed" | "no-minutes" | "too-many-calls" | "no-line" | "called" | "uncalled" | "no-floor" | "chat-off" | "no-text" | "typed" | "types" | "chatted" | "chatted-alone" | "chats" | "no-code" | "code-expired" | "telephone-came" | "telephone-gone";

/** What only moderators ask for, beside what has an event of its own because it is said when it has come about or confirmed before. */
export type Lead = Extract<ClientMessage, { type: "mute-all" | "lower-hands" | "ask-to-unmute" | "ask-to-speak" | "give-floor" | "lock" | "hear-name" | "admit" | "admit-all" | "turn-away" | "talk-with" | "end-talk" | "lobby" | "chat-rule" | "entry-signal" | "lift-alarm" | "rename" | "invite" | "remove" | "make-moderator" }>;

/** What the browser has: views of other apps, and pages over plain http, lack one or both. */
export type Means = { call: boolean; microphone: boolean };

export type State = {
  language: Language;
  /** The person has chosen the language: it holds over the room's. */
  languageChosen: boolean;
  means: Means;
  /** The name typed, and the pseudonym proposed, as numbers that each language words itself. */
  name: string;
  pseudonym: number;
  page: Page;
  /** The person has been in the room, so a returning link joins by itself. */
  inside: boolean;
  /** Others have been in the room with the person. */
  company: boolean;
  retries: number;
  devices: readonly Device[];
  device: string | null;
  /** How loud the whole mix is, in percent; `null` where the browser leaves that to the device's own keys. */
  volume: number | null;
  /** The own sound goes out as it is, for music: neither browser nor server treats it. */
  original: boolean;
  /** What people write. It outlasts a lost link, but not the call. */
  writing: Writing;
  /** Key M toggles the microphone, H the hand, T and C what is written; space lets talk while it is held; WCAG 2.1.4 asks that single keys can be switched off. */
  shortcut: boolean;
  /** The notice on privacy is open. */
  privacy: boolean;
  toasts: readonly { id: number; sentence: Sentence }[];
  spoken: { id: number; sentences: readonly Sentence[] };
  outbox: readonly Effect[];
};

export type Event =
  | { type: "started" }
  | { type: "link-opened" }
  | { type: "link-closed" }
  | { type: "network-back" }
  | { type: "return-over" }
  | { type: "waited-too-long" }
  | { type: "received"; message: ServerMessage }
  | { type: "offer-made"; sdp: string }
  | { type: "call-unsupported" }
  | { type: "call-changed"; state: RTCPeerConnectionState }
  | { type: "quality-judged"; quality: Quality | null }
  | { type: "playback-blocked" }
  | { type: "playback-chosen" }
  | { type: "playback-started" }
  | { type: "page-shown" }
  | { type: "language-chosen"; language: Language }
  | { type: "name-typed"; name: string }
  | { type: "pseudonym-chosen"; pseudonym: number }
  | { type: "test-chosen" }
  | { type: "tone-chosen" }
  | { type: "volume-chosen"; volume: number }
  | { type: "voice-heard" }
  | { type: "speech-unheard" }
  | { type: "device-chosen"; device: string }
  | { type: "devices-changed" }
  | { type: "devices-listed"; devices: readonly Device[] }
  | { type: "microphone-opened" }
  | { type: "microphone-failed"; obstacle: Obstacle }
  | { type: "microphone-stilled"; still: boolean }
  | { type: "microphone-toggled" }
  | { type: "hand-toggled" }
  | { type: "plea-declined" }
  | { type: "original-toggled" }
  | { type: "shortcut-toggled" }
  | { type: "shortcut-pressed"; what: "microphone" | "hand" | Pane }
  | { type: "talk-pressed" }
  | { type: "talk-released"; by: "key" | "page" }
  | { type: "join-chosen"; name: string }
  | { type: "join-again-chosen" }
  | { type: "leave-chosen" }
  | { type: "dialog-opened"; dialog: Dialog }
  | { type: "privacy-opened" }
  | { type: "privacy-closed" }
  | { type: "dialog-closed" }
  | { type: "mute-chosen"; participant: string }
  | { type: "lower-chosen"; participant: string }
  | { type: "lead-chosen"; message: Lead }
  | { type: "remove-confirmed"; participant: string; ban: boolean }
  | { type: "end-confirmed" }
  | { type: "pairing-asked" }
  | { type: "pairing-expired" }
  | { type: "telephone-answered"; own: boolean }
  | { type: "sound-here-chosen" }
  | { type: "toast-expired"; id: number }
  | WritingEvent;

/** Loudest, in percent: as the server sends it. An audio element knows no more. */
export const VOLUME_MAX = 100;

export function initial(language: Language, pseudonym: number, volume: number | null = VOLUME_MAX, means: Means = { call: true, microphone: true }): State {
  return {
    language,
    languageChosen: false,
    means,
    name: "",
    pseudonym,
    page: { name: "connecting" },
    inside: false,
    company: false,
    retries: 0,
    devices: [],
    device: null,
    volume,
    original: false,
    writing: UNWRITTEN,
    shortcut: true,
    privacy: false,
    toasts: [],
    spoken: { id: 0, sentences: [] },
    outbox: [],
  };
}

/** Answers one event with the state after it and, in the outbox, what is to be done. */
export function reduce(before: State, event: Event): State {
  const state: State = { ...before, outbox: [] };
  switch (event.type) {
    case "started":
      return act(state, { do: "connect", after_ms: 0 });
    case "link-opened":
      return act(state, { do: "hello" });
    case "link-closed":
      return linkClosed(state);
    case "waited-too-long":
      return waitedTooLong(state);
    case "received":
      return received(state, event.message);
    case "network-back":
      return networkBack(state);
    case "return-over":
      return isReturning(state) ? over(state, "lost") : state;
    case "offer-made":
      return state.page.name === "joining" || isReturning(state) ? send(state, { type: "join", name: state.name || null, offer: event.sdp }) : state;
    case "call-unsupported":
      return over(state, "unsupported");
    case "call-changed":
      return callChanged(state, event.state);
    case "language-chosen":
      return { ...state, language: event.language, languageChosen: true };
    case "name-typed":
      return { ...state, name: cut(event.name, NAME_MAX) };
    case "pseudonym-chosen":
      return { ...state, pseudonym: event.pseudonym, name: "" };
    case "privacy-opened":
      return { ...state, privacy: true };
    case "privacy-closed":
      return { ...state, privacy: false };
    case "tone-chosen":
      return act(state, { do: "play-tone" });
    case "volume-chosen":
      return volumeChosen(state, event.volume);
    case "devices-changed":
      // Before one was permitted their names are not to be had, and nobody has asked for them.
      return state.devices.length > 0 ? act(state, { do: "list-devices" }) : state;
    case "devices-listed":
      return { ...state, devices: event.devices, device: event.devices.find(({ id }) => id === state.device)?.id ?? null };
    case "device-chosen":
      return deviceChosen({ ...state, device: event.device });
    case "join-chosen":
      return joinChosen(state, event.name);
    case "join-again-chosen":
      return act({ ...state, page: { name: "connecting" }, retries: 0, inside: false }, { do: "hang-up" }, { do: "connect", after_ms: 0 });
    case "shortcut-toggled":
      return { ...state, shortcut: !state.shortcut };
    case "toast-expired":
      return { ...state, toasts: state.toasts.filter((toast) => toast.id !== event.id) };
    default:
      if (state.page.name === "join") return joinEvent(state, state.page, event);
      return state.page.name === "room" ? roomEvent(state, state.page, event) : state;
  }
}

export type JoinPage = Extract<Page, { name: "join" }>;
export type OverPage = Extract<Page, { name: "over" }>;

function joinEvent(state: State, page: JoinPage, event: Event): State {
  const test = (next: Test): State => ({ ...state, page: { ...page, test: next } });
  switch (event.type) {
    case "test-chosen":
      if (page.test.state === "running") return act(test({ state: "idle" }), { do: "close-microphone" });
      return page.test.state === "opening" ? state : act(test({ state: "opening" }), open(state));
    case "microphone-opened":
      return act(test({ state: "running", heard: false }), { do: "list-devices" });
    case "microphone-failed":
      return test({ state: "failed", obstacle: event.obstacle });
    case "voice-heard":
      return page.test.state === "running" ? test({ state: "running", heard: true }) : state;
    default:
      return state;
  }
}

function received(state: State, message: ServerMessage): State {
  const { page } = state;
  switch (message.type) {
    case "welcome":
      return welcomed(state, message);
    case "unwelcome":
      return refusedEntry(state, message.reason, "unknown-link");
    case "failed":
      return refusedEntry(state, message.reason, "failed");
    case "joined":
      if (page.name === "room" && page.returning) return joined(state, page.welcome, message, page);
      return page.name === "joining" ? joined(state, page.welcome, message) : state;
    case "seat":
      return act(state, { do: "keep-seat", seat: message.seat });
    case "delta":
      return page.name === "room" ? changed(state, page, message) : state;
    case "speaking":
      return page.name === "room" ? { ...state, page: { ...page, entries: hear(page.entries, message.began, message.ceased) } } : state;
    case "quality":
      return page.name === "room" ? { ...state, page: { ...page, entries: judge(page.entries, message) } } : state;
    case "act":
      return page.name === "room" ? { ...state, page: { ...page, acts: note(page.acts, message) } } : state;
    case "told":
      return told(state, message);
    case "typed-text":
      return page.name === "room" ? typedRead(state, page, message) : state;
    case "chat":
      return page.name === "room" ? chatRead(state, page, message) : state;
    case "pairing-code":
      return page.name === "room" ? codeCame(state, page, message.code, message.seconds) : state;
    case "refused":
      return refused(state, message.reason);
    case "connected":
      return page.name === "room" ? callChanged(state, "connected") : state;
    case "dismissed":
      if (message.reason === "lost" && isUnconnected(page)) return over(state, "no-audio");
      // The sound broke off before the page noticed, or the server starts anew.
      if (["lost", "stopping"].includes(message.reason) && page.name === "room") return linkClosed(state);
      return over(state, REASONS[message.reason] ?? "failed");
    default:
      return state;
  }
}

/** Tells whether the sound has found no way yet: browsers look for one longer than the server waits. */
function isUnconnected(page: Page): boolean {
  return page.name === "room" && page.audio === "connecting";
}

/** The server's reasons that have a page of their own. */
const REASONS: Partial<Record<string, Why>> = {
  "unknown-link": "unknown-link",
  busy: "busy",
  full: "full",
  locked: "locked",
  banned: "removed",
  "not-expected": "not-expected",
  "no-place": "no-place",
  "come-later": "come-later",
  "no-common-codec": "unsupported",
  removed: "removed",
  ended: "ended",
  "taken-over": "taken-over",
  lost: "lost",
};

/** A server that has just come up again may be busy for a moment; whoever returns tries again. */
function refusedEntry(state: State, reason: string, otherwise: Why): State {
  if (reason === "busy" && isReturning(state)) return linkClosed(state);
  return over(state, REASONS[reason] ?? otherwise);
}

function isReturning({ page }: State): boolean {
  return page.name === "room" && page.returning;
}

/** The device has a network again: what was interrupted is mended now, and not when the next attempt is due. */
function networkBack(state: State): State {
  const { page } = state;
  if (page.name !== "room") return state;
  if (page.returning) return reconnect(state, 0);
  return page.audio === "interrupted" ? linkClosed(state) : { ...state, page: doubted(page) };
}

function welcomed(before: State, welcome: Welcome): State {
  const { page } = before;
  // Before a room has said how it speaks, the browser's language is the best guess.
  const state = before.languageChosen ? before : { ...before, language: welcome.language };
  if (page.name === "room" && page.returning) return act({ ...state, page: { ...page, welcome } }, { do: "negotiate" });
  if (page.name !== "connecting" && page.name !== "lost") return before;
  // Before anybody types a name: with the welcome, because it tells the way in by telephone.
  if (!state.means.call) return over({ ...state, page: { name: "joining", welcome } }, "unsupported");
  if (state.inside || welcome.returns) return act({ ...state, inside: true, page: { name: "joining", welcome } }, { do: "negotiate" });
  return { ...state, retries: 0, page: { name: "join", welcome, test: { state: "idle" } } };
}

function joinChosen(state: State, name: string): State {
  if (state.page.name !== "join") return state;
  const page: Page = { name: "joining", welcome: state.page.welcome };
  const kept = nameFrom(name);
  return act({ ...state, name: kept, inside: true, page }, { do: "close-microphone" }, { do: "negotiate" });
}

function deviceChosen(state: State): State {
  const { page } = state;
  const isOpen = (page.name === "join" && page.test.state === "running") || (page.name === "room" && page.microphone.device === "open");
  return isOpen ? act(state, { ...open(state), do: "switch-microphone" }) : state;
}

function volumeChosen(state: State, volume: number): State {
  if (state.volume === null || !Number.isFinite(volume)) return state;
  const kept = Math.min(VOLUME_MAX, Math.max(0, Math.round(volume)));
  return act({ ...state, volume: kept }, { do: "set-volume", volume: kept });
}

/** A server that says nothing is treated as gone; one that welcomes but lets nobody in has failed. */
function waitedTooLong(state: State): State {
  if (state.page.name === "joining") return over(state, "failed");
  return state.page.name === "connecting" || state.page.name === "lost" || isReturning(state) ? linkClosed(state) : state;
}
