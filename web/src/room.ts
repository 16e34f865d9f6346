//! The room's part of the reducer: who is here, the own microphone, what a moderator asks for, and how good the sound is.
//!
//! The microphone has two truths: `wish` is what the person wants and what the local track obeys at once; the own roster
//! entry is what the server knows. `asked` is the request on its way; there is never more than one, so an answer can
//! not be mistaken for another. Where people ask to speak, a guest without the floor has no wish: their microphone asks.

import type { Done } from "./acts";
import { byTelephone, codeAsked, heeded, type Pairing, pairEvent, soundHere, soundMoved } from "./pair";
import { followed, type Line, UNJUDGED, warned } from "./quality";
import * as roster from "./roster";
import type { Event, Lead, Obstacle, Sentence, State, Welcome } from "./state";
import { act, linkClosed, open, over, say, send, toast } from "./step";
import type { ConferenceState, Entry, Quality, ServerMessage } from "./wire";
import { paneToggled, peopleChanged, rejoined, writingEvent } from "./writing";

export type Microphone = {
  device: "closed" | "opening" | "open" | Obstacle;
  wish: boolean;
  asked: boolean | null;
};

export type Dialog = { name: "end" } | { name: "remove" | "rename" | "promote" | "turn-away"; participant: string } | { name: "sound" | "protocol" | "telephone" };

export type Room = {
  name: "room";
  welcome: Welcome;
  own: string;
  version: number;
  state: ConferenceState;
  entries: readonly Entry[];
  audio: "connecting" | "connected" | "interrupted";
  /** The link is lost, and the page is on its way back: nothing can be asked of the server. */
  returning: boolean;
  /** The microphone was on when the link was lost. */
  spoke: boolean;
  blocked: boolean;
  /** The mix has been heard. */
  played: boolean;
  microphone: Microphone;
  /** The device is open and gives no sound: the system or another program keeps it back. */
  still: boolean;
  /** How well the own connection carries speech as the page judges it, and how many judgements since the last found no packet: the server sends all the time, in silence too. */
  quality: Quality | null;
  line: Line;
  missed: number;
  /** Judgements to come under which one without a packet says that the way is gone. */
  doubts: number;
  dialog: Dialog | null;
  /** The code by which a telephone becomes the sound of the page. */
  pairing: Pairing;
  /** The page plays nothing: a telephone is its sound, or was until the person wants the sound here again. */
  deaf: boolean;
  /** The key to talk is held, or was let go while the browser still asked for the device. */
  hold: "down" | "up" | null;
  /** What bids the person switch their microphone on, which is theirs to do. */
  plea: Sentence | null;
  /** What the person as moderator asked for whom, so that its coming about is said in these words. */
  acted: Readonly<Record<string, "muted" | "removed" | "lowered">>;
  /** What was done since the person came, the latest first. */
  acts: readonly Done[];
  /** The list of those inside is still coming, since the person was let in: the version it has so far, and whether its last piece was a full one, which others may follow. */
  entering: { version: number; full: boolean } | null;
};

/** Lines in one piece of a change, as the server tells them (ENTRIES_AT_ONCE_MAX). */
const PIECE = 10;

/** Judgements without a packet after which the sound counts as interrupted, and those after which the page returns anew. */
const MISSED_MAX = 2;
const MISSED_TOO_LONG = 5;
/** Judgements after a change of the network of which one without a packet is enough. */
const DOUBTED = 2;

/** What somebody can do while the page returns, because it needs no server, and what happens by itself. */
const RETURNING: readonly Event["type"][] = ["microphone-failed", "microphone-stilled", "playback-blocked", "playback-chosen", "playback-started", "page-shown", "leave-chosen", "dialog-closed", "pane-toggled", "message-typed", "recipient-chosen"];

/** Dialogues that need no server. */
const LOCAL: readonly Dialog["name"][] = ["sound", "protocol"];

/** What changes nothing while the page returns and was not asked for by the person. */
const STRAY: readonly Event["type"][] = ["quality-judged", "line-rested", "microphone-opened", "speech-unheard", "talk-released", "plea-declined", "voice-heard", "line-typed", "pause-over", "pairing-expired"];

/** Events the page itself says, in better words or at the moment of the click; telephones need them from the server. */
const KNOWN: readonly string[] = ["microphone-on", "microphone-off", "somebody-waits", "new-moderator", "locked", "unlocked"];

/** Events that are said but not shown for a while, because the page shows what they tell for as long as it holds. */
const SAID_ONLY: readonly string[] = ["admitted", "let-in", "welcome-back", "waiting", "still-waiting", "talk-begun", "addressed", "addressed-no-more", "alarm", "hand-up", "hand-down", "hand-noted"];

/** Events that bid the person switch their microphone on. */
const PLEAS: readonly string[] = ["please-unmute", "floor-given"];

/** Refusals that have words of their own. */
const REFUSALS = ["not-here", "talked-to", "too-many-talks", "no-dial-out", "no-number", "emergency", "not-listed", "no-minutes", "too-many-calls", "no-line", "no-code", "no-floor", "chat-off", "no-text"] as const;

/** What somebody can do in the waiting room. */
const WAITING: readonly Event["type"][] = ["quality-judged", "playback-blocked", "playback-chosen", "playback-started", "page-shown", "leave-chosen"];

/** What somebody can do there beside while a moderator talks with them: speak. */
const ADDRESSED: readonly Event["type"][] = ["microphone-toggled", "shortcut-pressed", "talk-pressed", "talk-released", "microphone-opened", "microphone-failed", "microphone-stilled", "speech-unheard"];

const CLOSED: Microphone = { device: "closed", wish: false, asked: null };

export function roomEvent(state: State, room: Room, event: Event): State {
  const next = (change: Partial<Room>): State => ({ ...state, page: { ...room, ...change } });
  if (waits(room) && !WAITING.includes(event.type) && !(apart(room) && ADDRESSED.includes(event.type))) return state;
  if (room.returning && !isLocal(state, room, event)) return isStray(state, event) ? state : shown(state, "returning");
  switch (event.type) {
    case "microphone-toggled":
      return microphoneToggled(state, room);
    case "original-toggled":
      return originalToggled(state, room);
    case "hand-toggled":
      return handToggled(state, room);
    case "plea-declined":
      return next({ plea: null });
    case "shortcut-pressed":
      if (!state.shortcut || isAsked(state, room)) return state;
      if (waits(room) && event.what !== "microphone") return state;
      if (event.what === "typed" || event.what === "chat") return paneToggled(state, event.what);
      return event.what === "hand" ? handToggled(state, room) : microphoneToggled(state, room);
    case "talk-pressed":
      return talkPressed(state, room);
    case "talk-released":
      return talkReleased(state, room, event.by);
    case "microphone-opened":
      return act(opened(next({ microphone: { ...room.microphone, device: "open" } }), room), { do: "list-devices" });
    case "microphone-failed":
      return failed(wish(next({ hold: null, microphone: { ...room.microphone, device: event.obstacle } }), false), event.obstacle);
    case "microphone-stilled":
      return next({ still: event.still });
    case "speech-unheard":
      return room.microphone.wish ? state : shown(state, "microphone-still-off");
    case "quality-judged":
      return judged(state, room, event.quality);
    case "playback-blocked":
      return next({ blocked: true });
    case "playback-chosen":
      return act(state, { do: "play" }, { do: "resume-sound" });
    case "playback-started":
      return next({ blocked: false, played: true });
    case "page-shown":
      // What browsers stop while a page is not seen: playback, WebAudio, the lock on the screen.
      return act(state, { do: "play" }, { do: "resume-sound" }, { do: "stay-awake" });
    case "dialog-opened":
      if (event.dialog.name === "telephone") return codeAsked(state, room);
      return next({ dialog: event.dialog });
    case "dialog-closed":
      return next({ dialog: null });
    case "mute-chosen":
      return send(next({ acted: { ...room.acted, [event.participant]: "muted" } }), { type: "mute", participant: event.participant });
    case "lower-chosen":
      return send(next({ acted: { ...room.acted, [event.participant]: "lowered" } }), { type: "lower-hand", participant: event.participant });
    case "lead-chosen":
      return led(send(room.dialog ? next({ dialog: null }) : state, event.message), room, event.message);
    case "remove-confirmed":
      return send(next({ dialog: null, acted: { ...room.acted, [event.participant]: "removed" } }), {
        type: event.ban ? "ban" : "remove",
        participant: event.participant,
      });
    case "end-confirmed":
      return send(next({ dialog: null }), { type: "end" });
    case "leave-chosen":
      return over(send(state, { type: "leave" }), "left");
    default:
      return pairEvent(state, room, event) ?? writingEvent(state, room, event);
  }
}

/** Tells whether something can be done without the server. */
function isLocal(state: State, room: Room, event: Event): boolean {
  if (event.type === "dialog-opened") return LOCAL.includes(event.dialog.name);
  if (event.type === "shortcut-pressed") return !state.shortcut || isAsked(state, room) || event.what === "typed" || event.what === "chat";
  return RETURNING.includes(event.type);
}

/** Tells whether something changes nothing while the page returns, and there is no need to say why: live text cannot be typed then, and what is empty is not sent. */
function isStray({ writing }: State, event: Event): boolean {
  if (event.type === "message-sent") return !writing.message.trim();
  if (event.type === "line-ended") return !writing.draft.trim();
  return STRAY.includes(event.type);
}

export function joined(state: State, welcome: Welcome, message: Extract<ServerMessage, { type: "joined" }>, before: Room | null = null): State {
  const own = roster.find(message.roster.entries, message.participant);
  const room: Room = {
    name: "room",
    welcome,
    own: message.participant,
    version: message.roster.version,
    state: message.roster.state,
    entries: message.roster.entries,
    audio: "connecting",
    returning: false,
    spoke: false,
    blocked: before?.blocked ?? false,
    played: before?.played ?? false,
    // Who waits has nothing to say, so nothing listens.
    microphone: (own?.status !== "pending" && before?.microphone) || CLOSED,
    still: (own?.status !== "pending" && before?.still) || false,
    quality: null,
    line: UNJUDGED,
    missed: 0,
    doubts: 0,
    // Only what needs no server is open while the page returns.
    dialog: own?.status === "pending" ? null : (before?.dialog ?? null),
    pairing: null,
    deaf: (own?.telephone ?? null) !== null || (before?.deaf ?? false),
    hold: null,
    plea: null,
    acted: {},
    acts: [],
    entering: null,
  };
  room.microphone = heeded(room.microphone, own, false);
  const known = { ...state, page: room, writing: rejoined(state.writing), company: state.company || room.entries.filter(roster.isInside).length > 1, name: own?.name ?? state.name };
  const silenced = waits(room) && before ? act(known, { do: "close-microphone" }) : known;
  const quiet = room.deaf ? act(silenced, { do: "close-microphone" }, { do: "set-playback", on: false }) : silenced;
  const after = act(quiet, { do: "keep-seat", seat: message.seat }, { do: "answer", sdp: message.answer, relay: message.relay }, { do: "stay-awake" });
  const asked = state.original && !waits(room) && !byTelephone(room) ? send(after, { type: "original-sound", on: true }) : after;
  return (before?.spoke || message.spoke) && !waits(room) && !byTelephone(room) && mayTalk(room) ? pleaded(asked, room) : asked;
}

/** A return is never louder than it was: the person switches the microphone on again, or does not. */
function pleaded(state: State, room: Room): State {
  const plea: Sentence = { key: "microphone-was-on", entry: null };
  return say({ ...state, page: { ...room, plea } }, [plea]);
}

export function changed(state: State, room: Room, delta: Extract<ServerMessage, { type: "delta" }>): State {
  const news = roster.apply(room, delta);
  if (!news) return state;
  const had = me(room)?.microphone ?? false;
  const own = roster.find(news.entries, room.own);
  const has = own?.microphone ?? false;
  const may = roster.maySpeak(delta.state, own);
  const alone = apart(room) && !(own?.apart ?? false);
  let microphone = { ...room.microphone };
  if (microphone.asked === has) microphone.asked = null;
  else if (microphone.asked === null && had && !has) microphone.wish = false;
  // What was to be heard by one alone is not to be heard by others, even if the server has been asked for it meanwhile.
  if (!may || alone) microphone.wish = false;
  microphone = heeded(microphone, own, room.microphone.asked !== null);
  // Who waits on has nothing to say.
  const closes = alone && own?.status === "pending";
  if (closes) microphone = { ...CLOSED, asked: microphone.asked };
  const removing = room.dialog && "participant" in room.dialog && delta.gone.includes(room.dialog.participant);
  const muted = news.entries.filter((entry) => room.acted[entry.id] === "muted" && !entry.microphone);
  const lowered = news.entries.filter((entry) => room.acted[entry.id] === "lowered" && entry.hand === null);
  const settled = [...muted, ...lowered, ...news.left].map((entry) => entry.id);
  const acted = Object.fromEntries(Object.entries(room.acted).filter(([id]) => !settled.includes(id)));
  const next: Room = {
    ...room,
    version: delta.version,
    state: delta.state,
    entries: news.entries,
    microphone,
    dialog: removing ? null : room.dialog,
    plea: may ? room.plea : null,
    acted,
    still: closes ? false : room.still,
    hold: alone ? null : room.hold,
  };
  const letIn = waits(room) && !waits(next);
  const isFirst = found(room, delta.version);
  next.entering = isFirst && !waits(next) ? { version: delta.version, full: delta.entries.length === PIECE } : null;
  const renamed: Sentence[] = own && me(room) && own.name !== me(room)?.name ? [{ key: "renamed", entry: own }] : [];
  const sentences: Sentence[] = [
    ...renamed,
    ...(isFirst ? [] : arrived(room, next).map((entry) => ({ key: arrival(entry), entry }))),
    ...(waits(room) ? [] : news.left.map((entry) => ({ key: parted(room, entry), entry }))),
    ...muted.map((entry) => ({ key: "muted" as const, entry })),
    ...lowered.map((entry) => ({ key: "lowered" as const, entry })),
    ...(isFirst ? [] : raised(room, next)).map((entry) => ({ key: "hand" as const, entry })),
    ...promoted(room, next).map((entry) => ({ key: "leads" as const, entry })),
    ...(waits(room) || next.state.locked === room.state.locked ? [] : [{ key: next.state.locked ? ("locked" as const) : ("unlocked" as const), entry: null }]),
  ];
  const greeted = letIn && state.original ? send(state, { type: "original-sound", on: true }) : state;
  const heardOf = { ...greeted, page: next, writing: peopleChanged(state.writing, may, delta.gone), company: state.company || next.entries.filter(roster.isInside).length > 1 };
  const moved = soundMoved(heardOf, room, next);
  const obeyed = obey(moved, room);
  const after = closes ? act(obeyed, { do: "close-microphone" }) : obeyed;
  const told = sentences.length > 0 ? say(after, [...(moved === heardOf ? [] : moved.spoken.sentences), ...sentences]) : after;
  // By which name they speak to the others concerns nobody more, and they may have no eye on the list.
  return renamed.reduce(toast, told);
}

/** Tells whether a change, or a piece of one, is of what somebody finds who comes in from the waiting room, which is no news. The person's own line may stand in any piece; changes meanwhile give the rest another version. */
function found(room: Room, version: number): boolean {
  return waits(room) || (room.entering !== null && (room.entering.full || room.entering.version === version));
}

/** Who has come since: into the call, or into its waiting room. */
function arrived(before: Room, { entries }: Room): Entry[] {
  return entries.filter((entry) => {
    const known = roster.find(before.entries, entry.id);
    return !known || (roster.isInside(entry) && !roster.isInside(known));
  });
}

function arrival(entry: Entry): "joined" | "called" | "waits" {
  if (roster.isCalled(entry)) return "called";
  return roster.isInside(entry) ? "joined" : "waits";
}

function parted(room: Room, entry: Entry): "removed" | "left" | "gave-up" | "uncalled" {
  if (roster.isCalled(entry)) return "uncalled";
  if (room.acted[entry.id] === "removed") return "removed";
  return roster.isInside(entry) ? "left" : "gave-up";
}

/** Hands raised since, for whom it concerns: the moderators, who see nothing of it while they listen to a screen reader. */
function raised(before: Room, next: Room): Entry[] {
  if (!leads(next)) return [];
  const { own, entries } = next;
  return roster.asking(entries).filter(({ id, hand }) => id !== own && (roster.find(before.entries, id)?.hand ?? null) !== hand);
}

/** Who was made a moderator since, for the moderators; whoever was made one is told by the server. */
function promoted(before: Room, { own, entries }: Room): Entry[] {
  if (!leads(before)) return [];
  return entries.filter(({ id, role }) => id !== own && role === "moderator" && roster.find(before.entries, id)?.role === "guest");
}

export function told(state: State, { event, shown }: Extract<ServerMessage, { type: "told" }>): State {
  if (KNOWN.includes(event)) return state;
  if (state.page.name !== "room") return SAID_ONLY.includes(event) ? say(state, [shown]) : toast(say(state, [shown]), shown);
  // Before anything is told, so is the rest of the list.
  const page: Room = { ...state.page, entering: null };
  const said = say({ ...state, page }, [shown]);
  if (PLEAS.includes(event) && !page.microphone.wish) return { ...said, page: { ...page, plea: shown } };
  const after = SAID_ONLY.includes(event) ? said : toast(said, shown);
  if (event === "microphone-off-by-moderator") return silence(after, page, page.microphone.asked);
  // A microphone that was asked for where people ask to speak raised the hand instead: the request is answered by that.
  return event === "hand-noted" && page.microphone.asked ? silence(after, page, null) : after;
}

function silence(state: State, room: Room, asked: boolean | null): State {
  return obey({ ...state, page: { ...room, microphone: { ...room.microphone, wish: false, asked } } }, room);
}

/** A refusal cannot be tied to a request, so an open request for the microphone counts as refused: silence is the safe side. */
export function refused(state: State, reason: string): State {
  const sentence: Sentence = { key: REFUSALS.find((known) => known === reason) ?? "refused", entry: null };
  const after = toast(say(state, [sentence]), sentence);
  if (after.page.name !== "room" || after.page.microphone.asked !== true) return after;
  return silence(after, after.page, null);
}

/** Raises the own hand or lowers it; it is as the roster says, so that nobody believes to be asking who is not. */
function handToggled(state: State, room: Room): State {
  return send(state, { type: "hand", up: (me(room)?.hand ?? null) === null });
}

/** Says what the server does not tell whoever asked for it. */
function led(state: State, room: Room, message: Lead): State {
  if (message.type === "lower-hands" && state.page.name === "room") {
    const others = roster.asking(room.entries).filter(({ id }) => id !== room.own);
    const lowered = Object.fromEntries(others.map(({ id }) => [id, "lowered" as const]));
    return { ...state, page: { ...state.page, acted: { ...room.acted, ...lowered } } };
  }
  if (message.type !== "ask-to-unmute") return state;
  const sentence: Sentence = { key: "asked", entry: roster.find(room.entries, message.participant) ?? null };
  return toast(say(state, [sentence]), sentence);
}

/** Without the right to speak the microphone asks for it. */
function microphoneToggled(state: State, before: Room): State {
  // Who wants to be heard here wants to hear here.
  if (before.deaf && !byTelephone(before)) {
    const here = soundHere(state, before);
    return microphoneToggled(here, { ...before, deaf: false });
  }
  const room = before;
  const { device, wish: on } = room.microphone;
  if (!mayTalk(room)) return handToggled(state, room);
  // Whoever switches it decides for good, whatever key is held.
  const decided: State = { ...state, page: { ...room, hold: null } };
  if (device === "opening") return decided;
  return device === "open" || byTelephone(room) ? wish(decided, !on) : opening(decided, { ...room, hold: null });
}

function opening(state: State, room: Room): State {
  const page: Room = { ...room, microphone: { ...room.microphone, device: "opening" } };
  return act({ ...state, page }, open(state));
}

/** The key to talk goes down. It asks for nothing: where somebody must ask to speak it says so. */
function talkPressed(state: State, room: Room): State {
  const { device, wish: on } = room.microphone;
  if (!state.shortcut || isAsked(state, room) || on || room.hold === "down") return state;
  if (!mayTalk(room)) return shown(state, "talk-needs-floor");
  const held: Room = { ...room, hold: "down" };
  if (device === "open" || byTelephone(room)) return wish({ ...state, page: held }, true);
  return device === "opening" ? { ...state, page: held } : opening(state, held);
}

/** The key to talk comes up, or the page can no longer tell whether it is held. */
function talkReleased(state: State, room: Room, by: "key" | "page"): State {
  if (room.hold !== "down") return state;
  if (room.microphone.device === "opening") return { ...state, page: { ...room, hold: "up" } };
  const silent = wish(state, false);
  return by === "page" ? say(silent, [{ key: "microphone-off", entry: null }]) : silent;
}

/** The device has opened: it is on, unless the key that asked for it is up again or the floor has passed on. */
function opened(state: State, before: Room): State {
  if (before.hold !== "up") return wish(state, true);
  return shown({ ...state, page: { ...(state.page as Room), hold: null } }, "microphone-ready");
}

/** A microphone that went away during the call: which others there are is to be known, and none is opened. */
function failed(state: State, obstacle: Obstacle): State {
  return obstacle === "gone" ? act(state, { do: "list-devices" }) : state;
}

/** Says a sentence and shows it. */
function shown(state: State, key: "microphone-ready" | "microphone-still-off" | "talk-needs-floor" | "returning"): State {
  const sentence: Sentence = { key, entry: null };
  return toast(say(state, [sentence]), sentence);
}

/** Tells server and browser to leave the sound as it is, or to treat it again; the browser can only do so by opening the microphone anew. */
function originalToggled(before: State, room: Room): State {
  const state = send({ ...before, original: !before.original }, { type: "original-sound", on: !before.original });
  if (room.microphone.device === "opening") return act(state, open(state));
  return room.microphone.device === "open" ? act(state, { ...open(state), do: "switch-microphone" }) : state;
}

/** Sets the wish: the track obeys at once, the server is asked, the person hears which it is. */
function wish(state: State, wanted: boolean): State {
  if (state.page.name !== "room") return state;
  const room = state.page;
  // The floor may have passed on while the browser asked for the device.
  const on = wanted && mayTalk(room);
  const hold = on ? room.hold : null;
  if (room.microphone.wish === on) return { ...state, page: { ...room, hold } };
  const after = obey({ ...state, page: { ...room, hold, plea: on ? null : room.plea, microphone: { ...room.microphone, wish: on } } }, room);
  const key = on ? turnedOn(room) : "microphone-off";
  // Who holds a key knows that they do; the screen reader would talk into their sentence.
  const known = room.hold === "down" && ["microphone-on", "microphone-unheard", "microphone-off"].includes(key);
  return known ? after : say(after, [{ key, entry: null }]);
}

function turnedOn(room: Room): "microphone-on" | "microphone-waiting" | "microphone-music" | "microphone-still" | "microphone-unheard" {
  if (room.audio !== "connected" && !byTelephone(room)) return "microphone-waiting";
  if (music(room)) return "microphone-music";
  if (room.still && !byTelephone(room)) return "microphone-still";
  return apart(room) || roster.others(room.entries, room.own).some(roster.hears) ? "microphone-on" : "microphone-unheard";
}

/** Brings track and server in line with the wish; a second request waits for the answer to the first. */
function obey(state: State, before: Room): State {
  if (state.page.name !== "room") return state;
  const room = state.page;
  const { wish: on, asked } = room.microphone;
  // A microphone that others switched off stays off, however long the key is held.
  const hold = before.microphone.wish && !on ? null : room.hold;
  const page: Room = { ...room, hold };
  const after = on === before.microphone.wish ? { ...state, page } : act({ ...state, page }, { do: "set-microphone", on });
  if (asked !== null || (me(room)?.microphone ?? false) === on) return after;
  return send({ ...after, page: { ...page, microphone: { ...room.microphone, asked: on } } }, { type: "microphone", on });
}

export function callChanged(state: State, connection: RTCPeerConnectionState): State {
  if (state.page.name !== "room" || state.page.returning) return state;
  const room = state.page;
  if (connection === "connected") return { ...state, retries: 0, page: { ...room, audio: "connected" } };
  if (connection === "disconnected") return { ...state, page: { ...room, audio: "interrupted" } };
  if (connection !== "failed") return state;
  return room.audio === "connecting" && !room.played ? over(state, "no-audio") : linkClosed(state);
}

/** The connection may stand in name while the network is frozen: what counts is whether packets come. */
function judged(state: State, room: Room, quality: Quality | null): State {
  // Nothing is played, so nothing is missed.
  if (room.deaf) return state;
  const { audio } = room;
  const doubts = Math.max(0, room.doubts - 1);
  if (quality) return warned({ ...state, page: { ...room, ...followed(room, quality), missed: 0, doubts, audio: audio === "interrupted" ? "connected" : audio } });
  if (!room.quality) return state;
  const missed = room.missed + 1;
  if (missed >= MISSED_TOO_LONG || room.doubts > 0) return linkClosed(state);
  const silent = missed >= MISSED_MAX && audio === "connected";
  return { ...state, page: { ...room, missed, audio: silent ? "interrupted" : audio } };
}

/** The network is another one, or the same again: whether packets still come shows at the next judgements, of which the first may know of old ones. */
export function doubted(room: Room): Room {
  return { ...room, doubts: DOUBTED };
}

/** Tells whether the person's sound reaches the call: the microphone is on and gives sound, which gets through and is no music. */
export function heard(room: Room): boolean {
  const through = byTelephone(room) || (room.audio === "connected" && !room.still);
  return room.microphone.wish && through && !music(room);
}

/** Tells whether the server mutes the person because music comes from them. */
export function music(room: Room): boolean {
  return me(room)?.disturbs === "music";
}

/** Tells whether the person may switch their microphone on. */
export function mayTalk(room: Room): boolean {
  return roster.maySpeak(room.state, me(room));
}

/** Tells whether the person moderates: by their link, or because a moderator has made them one. */
export function leads(room: Room): boolean {
  return me(room)?.role === "moderator";
}

/** Tells whether a dialogue is open, which has the keys. */
export function isAsked(state: State, room: Room): boolean {
  return room.dialog !== null || state.privacy;
}

/** Tells whether the person talks with one other alone: a moderator with somebody who waits. */
export function apart(room: Room): boolean {
  return me(room)?.apart ?? false;
}

/** Tells whether the person is in the waiting room. */
export function waits(room: Room): boolean {
  return me(room)?.status === "pending";
}

/** The person's own entry. */
export function me(room: Room): Entry | undefined {
  return roster.find(room.entries, room.own);
}
