//! Coming back: a lost link, a page loaded again, and a seat that somebody else has.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RETRY_DELAYS_MS, RETURN_MS_MAX } from "../src/effect";
import type { Room } from "../src/room";
import { Seat, type Store } from "../src/seat";
import { type Event, initial, reduce, type State, type Welcome } from "../src/state";
import type { Entry } from "../src/wire";
import { conference, entry, greeting } from "./people.mjs";

const WELCOME = greeting({ title: "Elternabend" });
const KEPT: Welcome = { ...WELCOME, returns: true };
const OFFER: Event = { type: "offer-made", sdp: "v=0" };
const LOST: Event = { type: "link-closed" };

test("a lost link leaves the room on screen and silences at once", () => {
  const state = run(live(), LOST);
  assert.equal(room(state).returning, true);
  assert.deepEqual(room(state).entries, room(live()).entries);
  assert.deepEqual(room(state).microphone, { device: "open", wish: false, asked: null });
  assert.deepEqual(state.outbox, [
    { do: "set-microphone", on: false },
    { do: "break-off" },
    { do: "limit-return" },
    { do: "connect", after_ms: 0, wait_ms: 5000 },
  ]);
});

test("the page comes back by itself, muted, and offers to be heard again with one tap", () => {
  const back = run(live(), LOST, receive(KEPT), OFFER, joined());
  assert.deepEqual([room(back).returning, room(back).microphone.wish], [false, false]);
  assert.deepEqual(room(back).plea, { key: "microphone-was-on", entry: null });
  const on = run(back, { type: "microphone-toggled" });
  assert.deepEqual(on.outbox, [
    { do: "set-microphone", on: true },
    { do: "send", message: { type: "microphone", on: true } },
  ]);
  assert.equal(room(on).plea, null);
});

test("who was muted is asked for nothing", () => {
  const back = run(inRoom(), LOST, receive(KEPT), OFFER, joined());
  assert.equal(room(back).plea, null);
  assert.deepEqual(done(back), ["keep-seat", "answer", "stay-awake"]);
});

test("a return opens no device, and one that opens too late is no microphone", () => {
  const asking = run(inRoom(), { type: "microphone-toggled" }, LOST);
  assert.equal(room(asking).microphone.device, "closed");
  const late = run(asking, { type: "microphone-opened" });
  assert.deepEqual([room(late).microphone.device, done(late)], ["closed", []]);
});

test("attempts are many at first, bounded in number and in time, and end with a button", () => {
  let state = live();
  for (const [index, after_ms] of RETRY_DELAYS_MS.entries()) {
    state = run(state, LOST);
    assert.equal(room(state).returning, true);
    const connect = state.outbox.at(-1);
    assert.deepEqual(connect, index < 5 ? { do: "connect", after_ms, wait_ms: 5000 } : { do: "connect", after_ms });
  }
  assert.equal(state.outbox.some((effect) => effect.do === "limit-return"), false, "the limit counts from the first");
  assert.equal(why(run(state, LOST)), "lost");
  assert.equal(why(run(live(), LOST, { type: "return-over" })), "lost");
  assert.equal(run(live(), { type: "return-over" }).page.name, "room", "who is back has no limit");
  const sum = (delays: readonly number[]) => delays.reduce((total, delay) => total + delay, 0);
  assert.ok(sum(RETRY_DELAYS_MS.slice(0, 4)) <= 5000);
  assert.ok(sum(RETRY_DELAYS_MS) <= RETURN_MS_MAX && sum(RETRY_DELAYS_MS) > RETURN_MS_MAX - 30_000);
  assert.ok(RETRY_DELAYS_MS.every((delay, i) => delay <= 15_000 && delay >= (RETRY_DELAYS_MS[i - 1] ?? 0)));
});

test("the count begins anew only where sound has come", () => {
  const back = run(live(), LOST, LOST, receive(KEPT), OFFER, joined());
  assert.equal(back.retries, 2);
  assert.equal(run(back, { type: "call-changed", state: "connected" }).retries, 0);
});

test("an attempt that hangs gives way to the next", () => {
  const next = run(live(), LOST, { type: "waited-too-long" });
  assert.deepEqual(next.outbox.at(-1), { do: "connect", after_ms: 500, wait_ms: 5000 });
  assert.equal(next.retries, 2);
});

test("a server that is busy after its start is tried again, a closed door is the end", () => {
  for (const type of ["unwelcome", "failed"] as const) {
    assert.equal(room(run(live(), LOST, receive({ type, reason: "busy" }))).returning, true);
    assert.equal(why(run(live(), LOST, receive({ type, reason: "banned" }))), "removed");
  }
});

test("sound that breaks off is mended by coming back, be it noticed here or there, and a server that starts anew is waited for", () => {
  const heard = run(live(), { type: "playback-started" });
  for (const event of [receive({ type: "dismissed", reason: "lost" }), receive({ type: "dismissed", reason: "stopping" }), { type: "call-changed", state: "failed" }] as const) {
    assert.equal(room(run(heard, event)).returning, true);
  }
  const missing = Array<Event>(5).fill({ type: "quality-judged", quality: null });
  const frozen = run(heard, { type: "quality-judged", quality: "good" }, ...missing.slice(1));
  assert.deepEqual([room(frozen).returning, room(frozen).audio], [false, "interrupted"], "a short gap heals by itself");
  assert.equal(room(run(frozen, ...missing.slice(4))).returning, true);
});

test("a network that is back is used at once", () => {
  const online: Event = { type: "network-back" };
  assert.deepEqual(run(live(), LOST, LOST, LOST, online).outbox, [{ do: "connect", after_ms: 0, wait_ms: 5000 }]);
  assert.equal(room(run(live(), { type: "call-changed", state: "disconnected" }, online)).returning, true);
  assert.deepEqual(run(live(), online).outbox, [], "nothing is broken, so nothing is mended");
  // Whether the old way still leads to the server shows by the next judgement.
  const heard = run(live(), { type: "quality-judged", quality: "good" }, online);
  assert.equal(room(heard).returning, false);
  assert.equal(room(run(heard, { type: "quality-judged", quality: null })).returning, true);
  const lost = { type: "quality-judged", quality: null } as const;
  const good = { type: "quality-judged", quality: "good" } as const;
  assert.equal(room(run(heard, good, lost)).returning, true, "the first may know of packets that came before");
  assert.equal(room(run(heard, good, good, lost, lost)).returning, false, "the way stands");
});

test("while the page returns nothing is asked of the server, and a click says why", () => {
  const lost = run(live(), LOST);
  for (const event of [{ type: "microphone-toggled" }, { type: "hand-toggled" }, { type: "mute-chosen", participant: "b" }] as const) {
    const state = run(lost, event);
    assert.deepEqual(done(state), ["expire-toast"]);
    assert.deepEqual(state.spoken.sentences, [{ key: "returning", entry: null }]);
    assert.deepEqual(room(state), room(lost));
  }
  assert.equal(why(run(lost, { type: "leave-chosen" })), "left");
});

test("what needs no server goes on while the page returns, and nothing is said of it", () => {
  const lost = run(live(), { type: "pane-toggled", pane: "chat" }, { type: "pane-toggled", pane: "typed" }, LOST);
  const quiet = (state: State) => assert.deepEqual([done(state), state.spoken, state.toasts], [[], lost.spoken, lost.toasts]);
  const typed = run(lost, { type: "message-typed", words: "Bin gleich" }, { type: "message-typed", words: "Bin gleich da" });
  quiet(typed);
  assert.equal(typed.writing.message, "Bin gleich da");
  quiet(run(lost, { type: "recipient-chosen", to: "b" }));
  assert.equal(run(lost, { type: "recipient-chosen", to: "b" }).writing.to, "b");
  for (const event of [{ type: "pane-toggled", pane: "chat" }, { type: "shortcut-pressed", what: "chat" }] as const) {
    quiet(run(lost, event));
    assert.equal(run(lost, event).writing.open.chat, false, event.type);
  }
  for (const name of ["sound", "protocol"] as const) {
    const open = run(lost, { type: "dialog-opened", dialog: { name } });
    quiet(open);
    quiet(run(open, { type: "shortcut-pressed", what: "hand" }));
    assert.equal(room(open).dialog?.name, name);
    assert.equal(room(run(open, { type: "dialog-closed" })).dialog, null);
    assert.equal(room(run(open, receive(KEPT), OFFER, joined())).dialog?.name, name, "it stays open");
  }
  for (const event of [{ type: "line-typed", words: "a" }, { type: "pause-over" }, { type: "message-sent" }, { type: "line-ended" }, { type: "pairing-expired" }] as const) {
    quiet(run(lost, event));
    assert.deepEqual([run(lost, event).writing, room(run(lost, event))], [lost.writing, room(lost)], event.type);
  }
});

test("a message that is sent while the page returns stays in its field, and it is said why", () => {
  const sent = run(live(), LOST, { type: "message-typed", words: "Hallo" }, { type: "message-sent" });
  assert.deepEqual([done(sent), sent.spoken.sentences], [["expire-toast"], [{ key: "returning", entry: null }]]);
  const back = run(sent, receive(KEPT), OFFER, joined());
  assert.equal(back.writing.message, "Hallo");
  const asked = run(live(), LOST, { type: "dialog-opened", dialog: { name: "end" } });
  assert.deepEqual([room(asked).dialog, asked.spoken.sentences], [null, [{ key: "returning", entry: null }]]);
});

test("a page loaded again goes straight back in, and learns from the server what was on", () => {
  const reloaded = run(initial("de", 1), { type: "started" }, { type: "link-opened" }, receive(KEPT));
  assert.equal(reloaded.page.name, "joining");
  assert.deepEqual(done(reloaded), ["negotiate"]);
  const back = run(reloaded, OFFER, joined({ spoke: true }));
  assert.deepEqual(room(back).microphone, { device: "closed", wish: false, asked: null });
  assert.deepEqual(room(back).plea, { key: "microphone-was-on", entry: null });
  assert.equal(back.name, "Ich", "as the server calls them");
  assert.equal(run(initial("de", 1), receive(WELCOME)).page.name, "join", "without a seat one is asked for the name");
});

test("who comes back into the waiting room waits, and no device is open", () => {
  const waits = run(live(), LOST, receive(WELCOME), OFFER, joined({ spoke: true }, { status: "pending" }));
  assert.deepEqual([room(waits).microphone.device, room(waits).plea], ["closed", null]);
  assert.equal(done(waits).includes("close-microphone"), true);
});

test("without the floor nobody is asked to switch on", () => {
  const asking = { version: 1, state: conference({ ask_to_speak: true }), entries: [me()] };
  assert.equal(room(run(live(), LOST, receive(KEPT), OFFER, joined({ spoke: true, roster: asking }))).plea, null);
});

test("a seat is kept as long as one is inside, and forgotten with every end", () => {
  assert.deepEqual(run(live(), receive({ type: "seat", seat: "another" })).outbox, [{ do: "keep-seat", seat: "another" }]);
  for (const event of [{ type: "leave-chosen" }, receive({ type: "dismissed", reason: "removed" }), receive({ type: "dismissed", reason: "taken-over" })] as const) {
    assert.equal(done(run(live(), event)).includes("forget-seat"), true);
  }
});

test("another window that takes the seat is not fought", () => {
  const over = run(live(), receive({ type: "dismissed", reason: "taken-over" }), LOST);
  assert.deepEqual([why(over), over.outbox], ["taken-over", []]);
});

test("the token lies in the storage of the tab, and in memory alone where there is none", () => {
  const kept = new Map<string, string>();
  const store: Store = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value), removeItem: (key) => void kept.delete(key) };
  const seat = new Seat(() => store);
  assert.deepEqual([seat.token, seat.isStored], [null, false]);
  seat.keep("sealed");
  assert.deepEqual([...kept.values()], ["sealed"]);
  assert.deepEqual([new Seat(() => store).token, seat.isStored], ["sealed", true]);
  seat.forget();
  assert.deepEqual([kept.size, seat.token], [0, null]);
  const closed = new Seat(() => {
    throw new DOMException("", "SecurityError");
  });
  closed.keep("sealed");
  assert.deepEqual([closed.token, closed.isStored], ["sealed", false]);
  closed.forget();
  assert.equal(closed.token, null);
});

function me(changes: Partial<Entry> = {}): Entry {
  return entry("me", { name: "Ich", ...changes });
}

function joined(changes: Partial<Extract<import("../src/wire").ServerMessage, { type: "joined" }>> = {}, own: Partial<Entry> = {}): Event {
  const roster = { version: 1, state: conference(), entries: [me(own), entry("b")] };
  return receive({ type: "joined", participant: "me", answer: "v=0", roster, seat: "sealed", spoke: false, ...changes });
}

function receive(message: import("../src/wire").ServerMessage): Event {
  return { type: "received", message };
}

function inRoom(): State {
  return run(initial("de", 1), { type: "started" }, receive(WELCOME), { type: "join-chosen", name: "Ich" }, OFFER, joined(), { type: "call-changed", state: "connected" });
}

/** In the room with the microphone on, as the server knows. */
function live(): State {
  const on = run(inRoom(), { type: "microphone-toggled" }, { type: "microphone-opened" });
  return run(on, receive({ type: "delta", version: 2, state: conference(), entries: [me({ microphone: true })], gone: [] }));
}

function run(state: State, ...events: Event[]): State {
  return events.reduce(reduce, state);
}

function room(state: State): Room {
  assert.equal(state.page.name, "room");
  return state.page as Room;
}

function why(state: State): string | null {
  return state.page.name === "over" ? state.page.why : null;
}

function done(state: State): string[] {
  return state.outbox.map((effect) => effect.do);
}
