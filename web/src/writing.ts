//! The written part of the reducer: live text, which the others read while it is typed, and chat.
//!
//! What is shown is what the server gave back, one's own lines included: nobody sees more of themselves than the others do.
//! It is kept here alone, until the call is over. A line of live text goes out as a whole, at once and then after each pause.

import { cut } from "./cut";
import type { Room } from "./room";
import * as roster from "./roster";
import type { Event, Sentence, State } from "./state";
import { act, say, send, toast } from "./step";
import type { Entry, ServerMessage } from "./wire";

export type Pane = "typed" | "chat";

/** A line of live text. `by` is how their row was, for when they are gone or have come back as somebody else; `said` is what of it was read aloud. */
export type TypedLine = { id: number; by: Entry; own: boolean; line: number; words: string; ended: boolean; said: string };

/** A line of chat, to one alone or to all. */
export type ChatLine = { id: number; by: Entry; own: boolean; to: Entry | null; words: string };

export type Writing = {
  open: Readonly<Record<Pane, boolean>>;
  /** Lines of others that were written while the pane was closed. */
  unread: Readonly<Record<Pane, number>>;
  /** Those that are ended in the order in which they were, and then those that are not, in the order in which they began. */
  typed: readonly TypedLine[];
  chat: readonly ChatLine[];
  /** What stands in the field of live text, and what of it the server knows. */
  draft: string;
  sent: string;
  /** Something was sent a moment ago; what is typed meanwhile goes out together. */
  paused: boolean;
  /** What stands in the field of the chat, and for whom; `null` is everybody. */
  message: string;
  to: string | null;
};

export type WritingEvent =
  | { type: "pane-toggled"; pane: Pane }
  | { type: "line-typed"; words: string }
  | { type: "line-ended" }
  | { type: "pause-over" }
  | { type: "line-rested"; line: number; words: string }
  | { type: "message-typed"; words: string }
  | { type: "recipient-chosen"; to: string | null }
  | { type: "message-sent" };

/** Longest line of live text and of chat, in UTF-16 units: within what the server takes, so that it never cuts one of the page's. */
export const TYPED_MAX = 500;
export const CHAT_MAX = 1000;

/** Lines of each kind that are kept; older ones give way. */
const LINES_MAX = 300;

export const UNWRITTEN: Writing = {
  open: { typed: false, chat: false },
  unread: { typed: 0, chat: 0 },
  typed: [],
  chat: [],
  draft: "",
  sent: "",
  paused: false,
  message: "",
  to: null,
};

export function writingEvent(state: State, room: Room, event: Event): State {
  const { writing } = state;
  switch (event.type) {
    case "pane-toggled":
      return paneToggled(state, event.pane);
    case "line-typed":
      return mayType(room) ? lineTyped(next(state, { draft: cut(event.words, TYPED_MAX) })) : state;
    case "line-ended":
      return lineEnded(state);
    case "pause-over":
      return lineTyped(next(state, { paused: false }));
    case "line-rested":
      return lineRested(state, event.line, event.words);
    case "message-typed":
      return next(state, { message: cut(event.words, CHAT_MAX) });
    case "recipient-chosen":
      return next(state, { to: event.to });
    case "message-sent":
      if (!writing.message.trim() || !reaches(room, writing.to)) return state;
      return send(next(state, { message: "" }), { type: "chat", to: writing.to, text: writing.message.trim() });
    default:
      return state;
  }
}

/** Opens a pane, whereby it is read, or closes it. */
export function paneToggled(state: State, pane: Pane): State {
  const { open, unread } = state.writing;
  return next(state, { open: { ...open, [pane]: !open[pane] }, unread: { ...unread, [pane]: 0 } });
}

/** Takes a line of live text as the server gives it to all; lines that lack their end got lost and are ended by the next. */
export function typedRead(state: State, room: Room, { from, line, text: words, ended }: Extract<ServerMessage, { type: "typed-text" }>): State {
  const { typed } = state.writing;
  // Only among those that are not ended: a server that has begun anew counts anew.
  const known = typed.find((one) => !one.ended && one.by.id === from && one.line === line);
  const by = roster.find(room.entries, from) ?? known?.by;
  if (!by) return state;
  const id = known?.id ?? Math.max(0, ...typed.map((one) => one.id)) + 1;
  const fresh: TypedLine = { id, by, own: from === room.own, line, words, ended, said: known?.said ?? "" };
  const before = known ? typed.filter((one) => one !== known) : typed.map((one) => (one.by.id === from && !one.ended ? { ...one, ended: true } : one));
  const inPlace = known && !ended ? typed.map((one) => (one === known ? fresh : one)) : [...before, fresh];
  // A line of which all was taken back is none.
  const lines = inOrder(inPlace.filter((one) => one.words || !one.ended)).slice(-LINES_MAX);
  const after = next(state, { typed: lines });
  if (fresh.own) return after;
  if (!state.writing.open.typed) return known ? after : unread(after, "typed", { key: "types", entry: by });
  if (!ended) return words ? act(after, { do: "await-rest", line: id, words }) : after;
  return readAloud(after, fresh);
}

/** A line that was not gone on with for a while is read aloud as far as it is: whoever ends none is understood all the same. */
function lineRested(state: State, id: number, words: string): State {
  const line = state.writing.typed.find((one) => one.id === id && !one.ended && one.words === words);
  if (!line || !state.writing.open.typed) return state;
  const typed = state.writing.typed.map((one) => (one === line ? { ...one, said: words } : one));
  return next(readAloud(state, line), { typed });
}

/** Reads aloud what of a line was not yet. */
function readAloud(state: State, { by, words, said }: TypedLine): State {
  const rest = unsaid(words, said);
  return rest ? say(state, [{ key: "typed", entry: by, words: rest }]) : state;
}

/** What is to be said of a line of which a part was: what follows it, from the beginning of the word on; all of a line that was changed before. */
function unsaid(words: string, said: string): string {
  if (!words.startsWith(said)) return words;
  if (words === said) return "";
  const within = /\S$/.test(said) && /^\S/.test(words.slice(said.length));
  return words.slice(within ? said.search(/\S+$/) : said.length).trim();
}

/** Takes a line of chat. */
export function chatRead(state: State, room: Room, message: Extract<ServerMessage, { type: "chat" }>): State {
  const by = roster.find(room.entries, message.from);
  const to = message.to === null ? null : roster.find(room.entries, message.to);
  if (!by || to === undefined) return state;
  const { chat } = state.writing;
  const words = message.text;
  const line: ChatLine = { id: (chat.at(-1)?.id ?? 0) + 1, by, own: message.from === room.own, to, words };
  const after = next(state, { chat: [...chat, line].slice(-LINES_MAX) });
  if (line.own) return after;
  if (!state.writing.open.chat) return unread(after, "chat", { key: "chats", entry: by });
  return say(after, [{ key: to ? "chatted-alone" : "chatted", entry: by, words }]);
}

/** What a change of the roster means for it: who may not type has no line, and who is gone ends theirs. */
export function peopleChanged(writing: Writing, may: boolean, gone: readonly string[]): Writing {
  const ends = ({ by, ended }: TypedLine) => !ended && gone.includes(by.id);
  const typed = writing.typed.some(ends) ? inOrder(writing.typed.map((one) => (ends(one) ? { ...one, ended: true } : one))) : writing.typed;
  const kept = may || !writing.draft ? writing : { ...writing, draft: "", sent: "" };
  return typed === writing.typed ? kept : { ...kept, typed };
}

/** Back after a lost link everybody is somebody else to the server; what was read stays. What was meant for one alone goes with them, lest it is sent to all. */
export function rejoined(writing: Writing): Writing {
  const typed = writing.typed.map((one) => ({ ...one, ended: true }));
  const message = writing.to === null ? writing.message : "";
  return { ...writing, typed, draft: "", sent: "", paused: false, message, to: null };
}

/** Tells whether the person may type for all: what goes for the microphone goes for this. */
export function mayType(room: Room): boolean {
  return roster.maySpeak(room.state, roster.find(room.entries, room.own));
}

/** Those whom the person can write to alone. */
export function recipients(room: Room): Entry[] {
  return allowsPrivate(room) ? room.entries.filter((entry) => entry.id !== room.own && entry.text && roster.isInside(entry)) : [];
}

export function allowsPublic({ state: { chat } }: Room): boolean {
  return chat === "all" || chat === "public";
}

export function allowsPrivate({ state: { chat } }: Room): boolean {
  return chat === "all" || chat === "private";
}

/** Tells whether a message for one person, or for everybody, can be sent. One that was meant for one alone never goes to all. */
export function reaches(room: Room, to: string | null): boolean {
  return to === null ? allowsPublic(room) : recipients(room).some(({ id }) => id === to);
}

function lineTyped(state: State): State {
  const { draft, sent, paused } = state.writing;
  if (paused || draft === sent) return state;
  const after = send(next(state, { sent: draft, paused: true }), { type: "typed-text", text: draft, ended: false });
  return act(after, { do: "pause-typing" });
}

function lineEnded(state: State): State {
  const { draft, sent } = state.writing;
  if (!draft.trim() && !sent) return state;
  return send(next(state, { draft: "", sent: "" }), { type: "typed-text", text: draft, ended: true });
}

/** Counts what the person has not seen; the first of it is said and shown, so that whoever only writes is noticed. */
function unread(state: State, pane: Pane, sentence: Sentence): State {
  const { unread } = state.writing;
  const after = next(state, { unread: { ...unread, [pane]: unread[pane] + 1 } });
  return unread[pane] === 0 ? toast(say(after, [sentence]), sentence) : after;
}

function inOrder(lines: readonly TypedLine[]): TypedLine[] {
  return [...lines.filter(({ ended }) => ended), ...lines.filter(({ ended }) => !ended)];
}

function next(state: State, change: Partial<Writing>): State {
  return { ...state, writing: { ...state.writing, ...change } };
}
