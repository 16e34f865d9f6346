//! The messages between browser and server: JSON over one WebSocket, subprotocol "rundruf.1".
//! Generated from src/browser/wire.rs by `RUNDRUF_BLESS=1 cargo test wire`; never edited.

export type Wording = "de" | "de-du" | "de-einfach" | "en";

export type Role = "guest" | "moderator";

export type Door = "phone" | "browser";

export type Status = "pending" | "dialing-out" | "alerting" | "connected" | "on-hold";

export type Protection = "none" | "to-carrier" | "to-device";

export type Telephone = "unconfirmed" | "confirmed";

export type Lobby = "off" | "guests" | "all";

export type EntrySignal = "tones" | "names" | "off";

export type ChatRule = "all" | "public" | "private" | "off";

export type Reason = "not-expected" | "no-place" | "come-later";

export type Disturbance = "steady-noise" | "echo" | "music";

export type Quality = "good" | "fair" | "poor";

export type Act = "admitted" | "admitted-all" | "talked-apart" | "muted" | "muted-all" | "asked-to-unmute" | "hand-lowered" | "hands-lowered" | "ask-to-speak" | "all-may-speak" | "floor-given" | "locked" | "unlocked" | "lobby-off" | "lobby-guests" | "lobby-all" | "entry-tones" | "entry-names" | "entry-off" | "chat-all" | "chat-public" | "chat-private" | "chat-off" | "renamed" | "removed" | "banned" | "invited" | "made-moderator" | "alarm" | "alarm-lifted" | "callers-wait" | "callers-trusted" | "ended" | "music-muted";

export type Actor = "moderator" | "owner" | "server";

export type Affected = {
  id: string;
  name: string | null;
  door: Door;
  ordinal: number;
};

export type Entry = {
  id: string;
  name: string | null;
  door: Door;
  ordinal: number;
  ending: string | null;
  role: Role;
  status: Status;
  protection: Protection;
  microphone: boolean;
  speaking: boolean;
  original_sound: boolean;
  hand: number | null;
  floor: boolean;
  said_name: boolean;
  disturbs: Disturbance | null;
  quality: Quality;
  text: boolean;
  away: boolean;
  telephone: Telephone | null;
  apart: boolean;
  apart_with: string | null;
};

export type ConferenceState = {
  locked: boolean;
  ask_to_speak: boolean;
  lobby: Lobby;
  entry_signal: EntrySignal;
  quiet_above: number;
  chat: ChatRule;
  alarm: boolean;
  callers_wait: boolean;
};

export type Roster = {
  version: number;
  state: ConferenceState;
  entries: Entry[];
};

export type Privacy = {
  controller: string | null;
  contact: string | null;
  officer: string | null;
  basis: string | null;
  authority: string | null;
  seat_minutes: number;
  dials_days: number | null;
  shows_digits: boolean;
};

export type DialIn = {
  number: string;
  pin: string;
  sip: string;
  lines: DialInLine[];
};

export type DialInLine = {
  number: string;
  language: Wording;
  pin_only: boolean;
};

export type Relay = {
  urls: string[];
  username: string;
  credential: string;
};

export type Shown = {
  de: string;
  "de-du": string;
  "de-einfach": string;
  en: string;
};

export type ClientMessage =
  | { type: "hello"; token: string; seat: string | null }
  | { type: "join"; name: string | null; offer: string }
  | { type: "microphone"; on: boolean }
  | { type: "original-sound"; on: boolean }
  | { type: "hand"; up: boolean }
  | { type: "typed-text"; text: string; ended: boolean }
  | { type: "chat"; to: string | null; text: string }
  | { type: "chat-rule"; rule: ChatRule }
  | { type: "mute-all" }
  | { type: "ask-to-unmute"; participant: string }
  | { type: "lower-hand"; participant: string }
  | { type: "lower-hands" }
  | { type: "ask-to-speak"; on: boolean }
  | { type: "give-floor"; participant: string }
  | { type: "lock"; on: boolean }
  | { type: "hear-name"; participant: string }
  | { type: "admit"; participant: string }
  | { type: "admit-all" }
  | { type: "turn-away"; participant: string; reason: Reason }
  | { type: "talk-with"; participant: string }
  | { type: "end-talk" }
  | { type: "lobby"; who: Lobby }
  | { type: "entry-signal"; signal: EntrySignal }
  | { type: "lift-alarm" }
  | { type: "invite"; number: string }
  | { type: "rename"; participant: string; name: string | null }
  | { type: "ban"; participant: string }
  | { type: "mute"; participant: string }
  | { type: "remove"; participant: string }
  | { type: "make-moderator"; participant: string }
  | { type: "pairing-code" }
  | { type: "own-telephone"; own: boolean }
  | { type: "end" }
  | { type: "leave" };

export type ServerMessage =
  | { type: "welcome"; role: Role; title: string; language: Wording; dial_in: DialIn | null; dial_out: string[]; privacy: Privacy; returns: boolean }
  | { type: "unwelcome"; reason: string }
  | { type: "joined"; participant: string; answer: string; roster: Roster; seat: string; spoke: boolean; relay: Relay | null }
  | { type: "seat"; seat: string }
  | { type: "delta"; version: number; state: ConferenceState; entries: Entry[]; gone: string[] }
  | { type: "speaking"; began: string[]; ceased: string[] }
  | { type: "quality"; good: string[]; fair: string[]; poor: string[] }
  | { type: "act"; act: Act; actor: Actor; at: number; to: Affected | null }
  | { type: "told"; event: string; shown: Shown }
  | { type: "typed-text"; from: string; line: number; text: string; ended: boolean }
  | { type: "chat"; from: string; to: string | null; text: string }
  | { type: "pairing-code"; code: string; seconds: number }
  | { type: "refused"; reason: string }
  | { type: "connected" }
  | { type: "dismissed"; reason: string }
  | { type: "failed"; reason: string };
