//! The client's core: a pure reducer (State, Event) → State. It knows no network, no device, no DOM and no clock.
//!
//! What the world must do because of an event stands in `outbox`, which each event empties and refills:
//!
//! ```text
//!  connecting ─welcome─▶ join ─join─▶ joining ─joined─▶ room ─leave, dismissed, failed─▶ over
//!      ▲                  │              │               │                                │
//!      └───── lost ◀──────┴─ link closed ┴───────────────┘              ◀─ join again ────┘
//! ```
//!
//! The microphone has two truths: `wish` is what the person wants and what the local track obeys at once; the own roster
//! entry is what the server knows. `asked` is the request on its way; there is never more than one, so an answer can
//! not be mistaken for another.

import { type Effect, RETRY_DELAYS_MS } from "./effect";
import type { Quality } from "./call";
import * as roster from "./roster";
import type { Entry, ServerMessage } from "./wire";

export type Welcome = Extract<ServerMessage, { type: "welcome" }>;
export type Language = Welcome["language"];
export type DialIn = NonNullable<Welcome["dial_in"]>;
export type Device = { id: string; label: string };

/** What stands between the person and a microphone. */
export type Obstacle = "denied" | "missing" | "busy";

export type Test = { state: "idle" } | { state: "opening" } | { state: "running"; heard: boolean } | { state: "failed"; obstacle: Obstacle };

export type Microphone = {
  device: "closed" | "opening" | "open" | Obstacle;
  wish: boolean;
  asked: boolean | null;
};

export type Dialog = { name: "end" } | { name: "remove"; participant: string } | { name: "sound" };

export type Room = {
  name: "room";
  welcome: Welcome;
  own: string;
  version: number;
  entries: readonly Entry[];
  audio: "connecting" | "connected" | "interrupted";
  blocked: boolean;
  microphone: Microphone;
  /** The last judgement, and how many since then found no packet: the server sends all the time, in silence too. */
  quality: Quality | null;
  missed: number;
  dialog: Dialog | null;
  /** What the person as moderator asked for whom, so that its coming about is said in these words. */
  acted: Readonly<Record<string, "muted" | "removed">>;
};

export type Why = "left" | "ended" | "removed" | "stopping" | "unknown-link" | "busy" | "full" | "lost" | "no-audio" | "unsupported" | "failed";

export type Page =
  | { name: "connecting" }
  | { name: "join"; welcome: Welcome; test: Test }
  | { name: "joining"; welcome: Welcome }
  | Room
  | { name: "lost"; welcome: Welcome | null; attempt: number }
  | { name: "over"; welcome: Welcome | null; why: Why };

/** A sentence for the person: from the server in both languages, or from the own catalogue. */
export type Sentence = { de: string; en: string } | { key: "joined" | "left" | "muted" | "removed" | "microphone-on" | "microphone-waiting" | "microphone-music" | "microphone-off" | "refused"; entry: Entry | null };

export type State = {
  language: Language;
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
  /** The own sound goes out as it is, for music: neither browser nor server treats it. */
  original: boolean;
  /** Key M toggles the microphone; WCAG 2.1.4 asks that a single key can be switched off. */
  shortcut: boolean;
  toasts: readonly { id: number; sentence: Sentence }[];
  spoken: { id: number; sentences: readonly Sentence[] };
  outbox: readonly Effect[];
};

export type Event =
  | { type: "started" }
  | { type: "link-opened" }
  | { type: "link-closed" }
  | { type: "waited-too-long" }
  | { type: "received"; message: ServerMessage }
  | { type: "offer-made"; sdp: string }
  | { type: "call-unsupported" }
  | { type: "call-changed"; state: RTCPeerConnectionState }
  | { type: "quality-judged"; quality: Quality | null }
  | { type: "playback-blocked" }
  | { type: "playback-chosen" }
  | { type: "playback-started" }
  | { type: "language-chosen"; language: Language }
  | { type: "name-typed"; name: string }
  | { type: "pseudonym-chosen"; pseudonym: number }
  | { type: "test-chosen" }
  | { type: "tone-chosen" }
  | { type: "voice-heard" }
  | { type: "device-chosen"; device: string }
  | { type: "devices-listed"; devices: readonly Device[] }
  | { type: "microphone-opened" }
  | { type: "microphone-failed"; obstacle: Obstacle }
  | { type: "microphone-toggled" }
  | { type: "original-toggled" }
  | { type: "shortcut-toggled" }
  | { type: "shortcut-pressed" }
  | { type: "join-chosen"; name: string }
  | { type: "join-again-chosen" }
  | { type: "leave-chosen" }
  | { type: "dialog-opened"; dialog: Dialog }
  | { type: "dialog-closed" }
  | { type: "mute-chosen"; participant: string }
  | { type: "remove-confirmed"; participant: string }
  | { type: "end-confirmed" }
  | { type: "toast-expired"; id: number };

/** Judgements without a packet after which the sound counts as interrupted. */
const MISSED_MAX = 2;
/** Toasts shown at once; older ones give way. */
const TOASTS_MAX = 3;
/** Longest name the page sends, in characters. */
export const NAME_MAX = 60;

/** Events the page itself says at the moment of the click; telephones need them from the server. */
const KNOWN: readonly string[] = ["microphone-on", "microphone-off"];

const CLOSED: Microphone = { device: "closed", wish: false, asked: null };

export function initial(language: Language, pseudonym: number): State {
  return {
    language,
    name: "",
    pseudonym,
    page: { name: "connecting" },
    inside: false,
    company: false,
    retries: 0,
    devices: [],
    device: null,
    original: false,
    shortcut: true,
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
    case "offer-made":
      return state.page.name === "joining" ? send(state, { type: "join", name: state.name || null, offer: event.sdp }) : state;
    case "call-unsupported":
      return over(state, "unsupported");
    case "call-changed":
      return callChanged(state, event.state);
    case "language-chosen":
      return { ...state, language: event.language };
    case "name-typed":
      return { ...state, name: event.name.slice(0, NAME_MAX) };
    case "pseudonym-chosen":
      return { ...state, pseudonym: event.pseudonym, name: "" };
    case "tone-chosen":
      return act(state, { do: "play-tone" });
    case "devices-listed":
      return { ...state, devices: event.devices };
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

function roomEvent(state: State, room: Room, event: Event): State {
  const next = (change: Partial<Room>): State => ({ ...state, page: { ...room, ...change } });
  switch (event.type) {
    case "microphone-toggled":
      return microphoneToggled(state, room);
    case "original-toggled":
      return originalToggled(state, room);
    case "shortcut-pressed":
      return state.shortcut && !room.dialog ? microphoneToggled(state, room) : state;
    case "microphone-opened":
      return act(wish(next({ microphone: { ...room.microphone, device: "open" } }), true), { do: "list-devices" });
    case "microphone-failed":
      return wish(next({ microphone: { ...room.microphone, device: event.obstacle } }), false);
    case "quality-judged":
      return judged(state, room, event.quality);
    case "playback-blocked":
      return next({ blocked: true });
    case "playback-chosen":
      return act(state, { do: "play" });
    case "playback-started":
      return next({ blocked: false });
    case "dialog-opened":
      return next({ dialog: event.dialog });
    case "dialog-closed":
      return next({ dialog: null });
    case "mute-chosen":
      return send(next({ acted: { ...room.acted, [event.participant]: "muted" } }), { type: "mute", participant: event.participant });
    case "remove-confirmed":
      return send(next({ dialog: null, acted: { ...room.acted, [event.participant]: "removed" } }), { type: "remove", participant: event.participant });
    case "end-confirmed":
      return send(next({ dialog: null }), { type: "end" });
    case "leave-chosen":
      return over(send(state, { type: "leave" }), "left");
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
      return over(state, REASONS[message.reason] ?? "unknown-link");
    case "failed":
      return over(state, REASONS[message.reason] ?? "failed");
    case "joined":
      return page.name === "joining" ? joined(state, page.welcome, message) : state;
    case "delta":
      return page.name === "room" ? changed(state, page, message) : state;
    case "told":
      return told(state, message);
    case "refused":
      return refused(state);
    case "connected":
      return page.name === "room" ? callChanged(state, "connected") : state;
    case "dismissed":
      return over(state, REASONS[message.reason] ?? "failed");
    default:
      return state;
  }
}

/** The server's reasons that have a page of their own. */
const REASONS: Partial<Record<string, Why>> = {
  "unknown-link": "unknown-link",
  busy: "busy",
  full: "full",
  "no-common-codec": "unsupported",
  removed: "removed",
  ended: "ended",
  stopping: "stopping",
  lost: "lost",
};

function welcomed(state: State, welcome: Welcome): State {
  if (state.page.name !== "connecting" && state.page.name !== "lost") return state;
  if (state.inside) return act({ ...state, page: { name: "joining", welcome } }, { do: "negotiate" });
  return { ...state, retries: 0, page: { name: "join", welcome, test: { state: "idle" } } };
}

function joinChosen(state: State, name: string): State {
  if (state.page.name !== "join") return state;
  const page: Page = { name: "joining", welcome: state.page.welcome };
  const kept = name.trim().slice(0, NAME_MAX);
  return act({ ...state, name: kept, inside: true, page }, { do: "close-microphone" }, { do: "negotiate" });
}

function joined(state: State, welcome: Welcome, message: Extract<ServerMessage, { type: "joined" }>): State {
  const room: Room = {
    name: "room",
    welcome,
    own: message.participant,
    version: message.roster.version,
    entries: message.roster.entries,
    audio: "connecting",
    blocked: false,
    microphone: CLOSED,
    quality: null,
    missed: 0,
    dialog: null,
    acted: {},
  };
  const after = act({ ...state, page: room, company: state.company || room.entries.length > 1 }, { do: "answer", sdp: message.answer });
  return state.original ? send(after, { type: "original-sound", on: true }) : after;
}

function changed(state: State, room: Room, delta: Extract<ServerMessage, { type: "delta" }>): State {
  const news = roster.apply(room, delta);
  if (!news) return state;
  const had = roster.find(room.entries, room.own)?.microphone ?? false;
  const has = roster.find(news.entries, room.own)?.microphone ?? false;
  const microphone = { ...room.microphone };
  if (microphone.asked === has) microphone.asked = null;
  else if (microphone.asked === null && had && !has) microphone.wish = false;
  const removing = room.dialog?.name === "remove" && delta.gone.includes(room.dialog.participant);
  const muted = news.entries.filter((entry) => room.acted[entry.id] === "muted" && !entry.microphone);
  const settled = [...muted, ...news.left].map((entry) => entry.id);
  const acted = Object.fromEntries(Object.entries(room.acted).filter(([id]) => !settled.includes(id)));
  const next: Room = { ...room, version: delta.version, entries: news.entries, microphone, dialog: removing ? null : room.dialog, acted };
  const sentences: Sentence[] = [
    ...news.joined.map((entry) => ({ key: "joined" as const, entry })),
    ...news.left.map((entry) => ({ key: room.acted[entry.id] === "removed" ? ("removed" as const) : ("left" as const), entry })),
    ...muted.map((entry) => ({ key: "muted" as const, entry })),
  ];
  const after = obey({ ...state, page: next, company: state.company || next.entries.length > 1 }, room);
  return sentences.length > 0 ? say(after, sentences) : after;
}

function told(state: State, { event, shown }: Extract<ServerMessage, { type: "told" }>): State {
  if (KNOWN.includes(event)) return state;
  const said = say(state, [shown]);
  const after = event === "admitted" ? said : toast(said, shown);
  if (event !== "microphone-off-by-moderator" || after.page.name !== "room") return after;
  const room = after.page;
  return obey({ ...after, page: { ...room, microphone: { ...room.microphone, wish: false } } }, room);
}

/** A refusal cannot be tied to a request, so an open request for the microphone counts as refused: silence is the safe side. */
function refused(state: State): State {
  const sentence: Sentence = { key: "refused", entry: null };
  const after = toast(say(state, [sentence]), sentence);
  if (after.page.name !== "room" || after.page.microphone.asked !== true) return after;
  const room = after.page;
  return obey({ ...after, page: { ...room, microphone: { ...room.microphone, wish: false, asked: null } } }, room);
}

function microphoneToggled(state: State, room: Room): State {
  const { device, wish: on } = room.microphone;
  if (device === "opening") return state;
  if (device === "open") return wish(state, !on);
  const page: Room = { ...room, microphone: { ...room.microphone, device: "opening" } };
  return act({ ...state, page }, open(state));
}

/** Tells server and browser to leave the sound as it is, or to treat it again; the browser can only do so by opening the microphone anew. */
function originalToggled(before: State, room: Room): State {
  const state = send({ ...before, original: !before.original }, { type: "original-sound", on: !before.original });
  if (room.microphone.device === "opening") return act(state, open(state));
  return room.microphone.device === "open" ? act(state, { ...open(state), do: "switch-microphone" }) : state;
}

/** Sets the wish: the track obeys at once, the server is asked, the person hears which it is. */
function wish(state: State, on: boolean): State {
  if (state.page.name !== "room") return state;
  const room = state.page;
  if (room.microphone.wish === on) return state;
  const after = obey({ ...state, page: { ...room, microphone: { ...room.microphone, wish: on } } }, room);
  return say(after, [{ key: on ? turnedOn(room) : "microphone-off", entry: null }]);
}

function turnedOn(room: Room): "microphone-on" | "microphone-waiting" | "microphone-music" {
  if (room.audio !== "connected") return "microphone-waiting";
  return music(room) ? "microphone-music" : "microphone-on";
}

/** Brings track and server in line with the wish; a second request waits for the answer to the first. */
function obey(state: State, before: Room): State {
  if (state.page.name !== "room") return state;
  const room = state.page;
  const { wish: on, asked } = room.microphone;
  let after = on === before.microphone.wish ? state : act(state, { do: "set-microphone", on });
  if (asked !== null || (roster.find(room.entries, room.own)?.microphone ?? false) === on) return after;
  after = { ...after, page: { ...room, microphone: { ...room.microphone, asked: on } } };
  return send(after, { type: "microphone", on });
}

function deviceChosen(state: State): State {
  const { page } = state;
  const isOpen = (page.name === "join" && page.test.state === "running") || (page.name === "room" && page.microphone.device === "open");
  return isOpen ? act(state, { ...open(state), do: "switch-microphone" }) : state;
}

function callChanged(state: State, connection: RTCPeerConnectionState): State {
  if (state.page.name !== "room") return state;
  const room = state.page;
  if (connection === "connected") return { ...state, retries: 0, page: { ...room, audio: "connected" } };
  if (connection === "disconnected") return { ...state, page: { ...room, audio: "interrupted" } };
  if (connection !== "failed") return state;
  return room.audio === "connecting" ? over(state, "no-audio") : linkClosed(state);
}

/** The connection may stand in name while the network is frozen: what counts is whether packets come. */
function judged(state: State, room: Room, quality: Quality | null): State {
  const { audio } = room;
  if (quality) return { ...state, page: { ...room, quality, missed: 0, audio: audio === "interrupted" ? "connected" : audio } };
  if (!room.quality) return state;
  const missed = room.missed + 1;
  const silent = missed >= MISSED_MAX && audio === "connected";
  return { ...state, page: { ...room, missed, audio: silent ? "interrupted" : audio } };
}

/** Tells whether others can hear the person: the microphone is on, the sound gets through, and is no music. */
export function heard(room: Room): boolean {
  return room.microphone.wish && room.audio === "connected" && !music(room);
}

/** Tells whether the server mutes the person because music comes from them. */
export function music(room: Room): boolean {
  return roster.find(room.entries, room.own)?.disturbs === "music";
}

/** A server that says nothing is treated as gone; one that welcomes but lets nobody in has failed. */
function waitedTooLong(state: State): State {
  if (state.page.name === "joining") return over(state, "failed");
  return state.page.name === "connecting" || state.page.name === "lost" ? linkClosed(state) : state;
}

function linkClosed(state: State): State {
  if (state.page.name === "over") return state;
  const welcome = "welcome" in state.page ? state.page.welcome : null;
  const delay = RETRY_DELAYS_MS[state.retries];
  if (delay === undefined) return over(state, "lost");
  const retries = state.retries + 1;
  const page: Page = { name: "lost", welcome, attempt: retries };
  return act({ ...state, retries, page }, { do: "hang-up" }, { do: "connect", after_ms: delay });
}

function over(state: State, why: Why): State {
  const welcome = "welcome" in state.page ? state.page.welcome : null;
  return act({ ...state, page: { name: "over", welcome, why }, toasts: [] }, { do: "hang-up" });
}

function say(state: State, sentences: readonly Sentence[]): State {
  return { ...state, spoken: { id: state.spoken.id + 1, sentences } };
}

/** Shows a sentence; the same one again takes the place of the one shown. */
function toast(state: State, sentence: Sentence): State {
  const id = state.spoken.id;
  const others = state.toasts.filter((shown) => JSON.stringify(shown.sentence) !== JSON.stringify(sentence));
  return act({ ...state, toasts: [...others, { id, sentence }].slice(-TOASTS_MAX) }, { do: "expire-toast", id });
}

function open({ device, original }: State) {
  return { do: "open-microphone" as const, device, original };
}

function act(state: State, ...effects: Effect[]): State {
  return { ...state, outbox: [...state.outbox, ...effects] };
}

function send(state: State, message: Extract<Effect, { do: "send" }>["message"]): State {
  return act(state, { do: "send", message });
}
