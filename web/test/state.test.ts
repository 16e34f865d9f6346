//! The reducer: what each event changes, and what it asks the world to do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { heard, mayTalk, type Room } from "../src/room";
import { type Event, initial, reduce, type State } from "../src/state";
import { announcement, titleOf } from "../src/text";
import type { Entry } from "../src/wire";
import { conference, entry, greeting, shown } from "./people.mjs";

const WELCOME = greeting({ title: "Elternabend" });
const OPEN = conference();
const ASKING = { locked: false, ask_to_speak: true, lobby: "off", entry_signal: "off", quiet_above: 20, chat: "all", alarm: false, callers_wait: false } as const;

test("a change that is told in pieces of one version is read whole, and an older one not at all", () => {
  const pieces = after2(inRoom(), delta(2, [entry("b")]), delta(2, [entry("c")]));
  assert.deepEqual(ids(pieces), ["me", "b", "c"]);
  assert.equal(reduce(pieces, delta(1, [entry("d")])).page, pieces.page);
});

test("a welcome opens the join page and asks for no device", () => {
  const state = after({ type: "started" }, { type: "link-opened" }, receive(WELCOME));
  assert.equal(state.page.name, "join");
  assert.deepEqual(done(state), []);
});

test("a browser that cannot call ends at the welcome, which tells the other way in, and comes back to nothing", () => {
  const state = reduce(initial("de", 1, 100, { call: false, microphone: false }), receive(WELCOME));
  assert.deepEqual(state.page, { name: "over", welcome: WELCOME, why: "unsupported" });
  assert.deepEqual(done(state), ["hang-up", "forget-seat"]);
  assert.equal(reduce(state, { type: "link-closed" }).page, state.page);
});

test("joining closes a tested microphone, negotiates, and sends name and offer", () => {
  const joining = after({ type: "started" }, receive(WELCOME), { type: "join-chosen", name: "  Blauer Fuchs " });
  assert.deepEqual(done(joining), ["close-microphone", "negotiate"]);
  const sent = reduce(joining, { type: "offer-made", sdp: "v=0" });
  assert.deepEqual(sent.outbox, [{ do: "send", message: { type: "join", name: "Blauer Fuchs", offer: "v=0" } }]);
});

test("a joined room has the microphone off and opens no device", () => {
  const state = inRoom();
  assert.deepEqual(room(state).microphone, { device: "closed", wish: false, asked: null });
  assert.deepEqual(done(state), ["keep-seat", "answer", "stay-awake"]);
});

test("the way round firewalls is taken with the answer", () => {
  const relay = { urls: ["turns:conf.example.de:443"], username: "1700003600:00000000000000aa", credential: "secret" };
  const joining = after({ type: "started" }, receive(WELCOME), { type: "join-chosen", name: "Ich" });
  const inside = reduce(joining, receive({ type: "joined", participant: "me", answer: "v=0", roster: { version: 1, state: OPEN, entries: [me(false)] }, relay }));
  assert.deepEqual(inside.outbox.find((effect) => effect.do === "answer"), { do: "answer", sdp: "v=0", relay });
});

test("the first toggle opens the device, and only the open device is heard", () => {
  const opening = reduce(inRoom(), { type: "microphone-toggled" });
  assert.deepEqual(opening.outbox, [{ do: "open-microphone", device: null, original: false }]);
  assert.equal(room(opening).microphone.wish, false);
  const open = reduce(opening, { type: "microphone-opened" });
  assert.deepEqual(open.outbox, [
    { do: "set-microphone", on: true },
    { do: "send", message: { type: "microphone", on: true } },
    { do: "list-devices" },
  ]);
});

test("turning off silences the track at once, before the server answers", () => {
  const state = reduce(live(), { type: "microphone-toggled" });
  assert.deepEqual(state.outbox, [
    { do: "set-microphone", on: false },
    { do: "send", message: { type: "microphone", on: false } },
  ]);
});

test("a second toggle waits for the answer to the first", () => {
  const off = reduce(live(), { type: "microphone-toggled" });
  const on = reduce(off, { type: "microphone-toggled" });
  assert.deepEqual(on.outbox, [{ do: "set-microphone", on: true }]);
  const answered = reduce(on, delta(3, [me(false)]));
  assert.deepEqual(answered.outbox, [{ do: "send", message: { type: "microphone", on: true } }]);
  assert.equal(room(answered).microphone.wish, true);
  const settled = reduce(answered, delta(4, [me(true)]));
  assert.deepEqual(room(settled).microphone, { device: "open", wish: true, asked: null });
  assert.deepEqual(settled.outbox, []);
});

test("music mutes without touching the microphone, and its end brings the person back", () => {
  const before = live();
  const muted = reduce(reduce(before, delta(3, [{ ...me(true), disturbs: "music" }])), told("music-muted"));
  assert.equal(heard(room(reduce(before, receive({ type: "connected" })))), true);
  assert.equal(heard(room(muted)), false);
  assert.deepEqual(room(muted).microphone, room(before).microphone);
  assert.equal(muted.toasts.length, 1);
  const back = reduce(muted, delta(4, [me(true)]));
  assert.deepEqual([room(back).microphone, back.outbox], [room(before).microphone, []]);
});

test("who switches the microphone on during music is not told to be heard", () => {
  const off = reduce(reduce(live(), { type: "call-changed", state: "connected" }), { type: "microphone-toggled" });
  const on = reduce(reduce(off, delta(3, [{ ...me(false), disturbs: "music" }])), { type: "microphone-toggled" });
  assert.deepEqual(on.spoken.sentences, [{ key: "microphone-music", entry: null }]);
});

test("original sound is asked of server and browser, and again by who comes back", () => {
  const on = reduce(live(), { type: "original-toggled" });
  assert.deepEqual(on.outbox, [
    { do: "send", message: { type: "original-sound", on: true } },
    { do: "switch-microphone", device: null, original: true },
  ]);
  const lost = reduce(on, { type: "link-closed" });
  const back = [receive(WELCOME), { type: "offer-made", sdp: "v=0" } as const, joined()].reduce(reduce, lost);
  assert.deepEqual(back.outbox.at(-1), { do: "send", message: { type: "original-sound", on: true } });
  const opening = reduce(back, { type: "microphone-toggled" });
  // The device stayed open on the way, so it goes on with the same one.
  assert.deepEqual(opening.outbox, [{ do: "set-microphone", on: true }, { do: "send", message: { type: "microphone", on: true } }]);
  const off = reduce(opening, { type: "original-toggled" });
  assert.deepEqual(off.outbox, [
    { do: "send", message: { type: "original-sound", on: false } },
    { do: "switch-microphone", device: null, original: false },
  ]);
});

test("original sound opens no microphone that is closed", () => {
  assert.deepEqual(done(reduce(inRoom(), { type: "original-toggled" })), ["send"]);
});

test("hum and echo do not keep the person from being heard", () => {
  for (const disturbs of ["steady-noise", "echo"] as const) {
    const state = reduce(reduce(live(), { type: "call-changed", state: "connected" }), delta(3, [{ ...me(true), disturbs }]));
    assert.equal(heard(room(state)), true, disturbs);
  }
});

test("a moderator's mute silences the track and is not contradicted", () => {
  for (const news of [
    [delta(3, [me(false)])],
    [told("microphone-off-by-moderator"), delta(3, [me(false)])],
    [delta(3, [me(false)]), told("microphone-off-by-moderator")],
  ]) {
    let state = live();
    const outbox = [];
    for (const event of news) {
      state = reduce(state, event);
      outbox.push(...state.outbox);
    }
    assert.equal(room(state).microphone.wish, false);
    assert.equal(room(state).microphone.asked, null);
    assert.deepEqual(outbox.filter((effect) => effect.do === "set-microphone"), [{ do: "set-microphone", on: false }]);
    assert.equal(outbox.some((effect) => effect.do === "send" && effect.message.type === "microphone" && effect.message.on), false);
  }
});

test("nothing the server sends turns the microphone on", () => {
  for (const state of [inRoom(), reduce(live(), { type: "microphone-toggled" })]) {
    for (const event of [delta(9, [me(true)]), told("microphone-on"), told("please-unmute"), told("floor-given"), receive({ type: "connected" }), receive({ type: "refused", reason: "x" })]) {
      const next = reduce(state, event);
      assert.equal(room(next).microphone.wish, false);
      assert.equal(next.outbox.some((effect) => effect.do === "open-microphone" || (effect.do === "set-microphone" && effect.on)), false);
    }
  }
});

test("a refused microphone is silent", () => {
  const asked = after2(inRoom(), { type: "microphone-toggled" }, { type: "microphone-opened" });
  const state = reduce(asked, receive({ type: "refused", reason: "not-now" }));
  assert.equal(room(state).microphone.wish, false);
  assert.equal(state.outbox.some((effect) => effect.do === "set-microphone" && !effect.on), true);
});

test("without permission one stays as a listener and may try again", () => {
  const state = after2(inRoom(), { type: "microphone-toggled" }, { type: "microphone-failed", obstacle: "denied" });
  assert.equal(room(state).microphone.device, "denied");
  assert.deepEqual(done(reduce(state, { type: "microphone-toggled" })), ["open-microphone"]);
});

test("an unplugged microphone tells the server", () => {
  const state = reduce(live(), { type: "microphone-failed", obstacle: "missing" });
  assert.equal(state.outbox.some((effect) => effect.do === "send" && effect.message.type === "microphone" && !effect.message.on), true);
});

test("a microphone that goes away leaves the person muted and asks which others there are; choosing one opens none", () => {
  const chosen = reduce({ ...live(), devices: [{ id: "a", label: "A" }, { id: "b", label: "B" }] }, { type: "device-chosen", device: "a" });
  const gone = reduce(chosen, { type: "microphone-failed", obstacle: "gone" });
  assert.deepEqual([room(gone).microphone.device, room(gone).microphone.wish, done(gone)], ["gone", false, ["set-microphone", "send", "list-devices"]]);
  const listed = reduce(gone, { type: "devices-listed", devices: [{ id: "b", label: "B" }] });
  assert.equal(listed.device, null, "the one that is gone is no choice any more");
  const next = reduce(listed, { type: "device-chosen", device: "b" });
  assert.deepEqual(done(next), []);
  assert.deepEqual(reduce(next, { type: "microphone-toggled" }).outbox, [{ do: "open-microphone", device: "b", original: false }]);
});

test("a device that comes or goes changes the list, but is not asked about before one was permitted", () => {
  assert.deepEqual(done(reduce(inRoom(), { type: "devices-changed" })), []);
  const known = reduce(inRoom(), { type: "devices-listed", devices: [{ id: "a", label: "A" }] });
  assert.deepEqual(done(reduce(known, { type: "devices-changed" })), ["list-devices"]);
});

test("roster changes keep the order, ignore what is old, and announce who comes and goes", () => {
  let state = reduce(inRoom(), delta(2, [person("b", "Bea"), person("c", "Cem")]));
  assert.deepEqual(ids(state), ["me", "b", "c"]);
  assert.equal(state.spoken.sentences.length, 2);
  state = reduce(state, delta(3, [{ ...person("b", "Bea"), speaking: true }], ["c"]));
  assert.deepEqual(ids(state), ["me", "b"]);
  assert.equal(room(state).entries[1]?.speaking, true);
  assert.equal(reduce(state, delta(2, [person("d", "Dora")])).page, state.page);
});

test("who was alone from the start is told from who was left alone", () => {
  assert.equal(inRoom().company, false);
  const alone = after2(inRoom(), delta(2, [person("b", "Bea")]), delta(3, [], ["b"]));
  assert.deepEqual(ids(alone), ["me"]);
  assert.equal(alone.company, true);
  assert.equal(after2(alone, { type: "link-closed" }, receive(WELCOME), { type: "offer-made", sdp: "v=0" }, joined()).company, true);
});

test("a link lost before joining leads back to the join page", () => {
  const state = after({ type: "started" }, receive(WELCOME), { type: "name-typed", name: "Ada" }, { type: "link-closed" }, receive(WELCOME));
  assert.equal(state.page.name, "join");
  assert.equal(state.name, "Ada");
});

test("a silent server is not waited for without end", () => {
  const late: Event = { type: "waited-too-long" };
  assert.equal(after({ type: "started" }, late).page.name, "lost");
  const joining = after({ type: "started" }, receive(WELCOME), { type: "join-chosen", name: "" }, late);
  assert.equal(joining.page.name === "over" && joining.page.why, "failed");
  for (const state of [after({ type: "started" }, receive(WELCOME)), live()]) assert.equal(reduce(state, late).page, state.page);
});

test("sound that never comes ends with advice, sound that breaks is mended", () => {
  const never = reduce(inRoom(), { type: "call-changed", state: "failed" });
  assert.equal(never.page.name === "over" && never.page.why, "no-audio");
  const given = reduce(inRoom(), receive({ type: "dismissed", reason: "lost" }));
  assert.equal(given.page.name === "over" && given.page.why, "no-audio", "the server gives up before the browser does");
  const broken = after2(inRoom(), { type: "call-changed", state: "connected" }, { type: "call-changed", state: "failed" });
  assert.equal(room(broken).returning, true);
});

test("two judgements without a packet interrupt the sound, and nobody is told to be heard until packets come again", () => {
  const judge = (quality: "good" | null): Event => ({ type: "quality-judged", quality });
  const before = after2(live(), { type: "call-changed", state: "connected" });
  assert.equal(heard(room(before)), true);
  assert.equal(room(after2(before, judge(null), judge(null))).audio, "connected", "nothing has come yet, so nothing is missed");
  const once = after2(before, judge("good"), judge(null));
  assert.equal(room(once).audio, "connected");
  assert.equal(room(after2(once, judge("good"), judge(null))).audio, "connected", "only two in a row count");
  const frozen = reduce(once, judge(null));
  assert.equal(room(frozen).audio, "interrupted");
  assert.equal(heard(room(frozen)), false);
  assert.match(titleOf(frozen), /^Verbindung unterbrochen/);
  const off = reduce(frozen, { type: "microphone-toggled" });
  assert.deepEqual(reduce(off, { type: "microphone-toggled" }).spoken.sentences, [{ key: "microphone-waiting", entry: null }]);
  const back = reduce(frozen, judge("good"));
  assert.equal(room(back).audio, "connected");
  assert.match(titleOf(back), /^Mikrofon an/, "nobody is there to hear it");
  assert.match(titleOf(reduce(back, delta(3, [person("b", "Bea")]))), /^Man hört Sie/);
});

test("every dismissal and refusal has its end, and hangs up", () => {
  const ends = { removed: "removed", ended: "ended", "taken-over": "taken-over", failed: "failed", locked: "locked", "something else": "failed" };
  for (const [reason, why] of Object.entries(ends)) {
    const state = after2(live(), { type: "call-changed", state: "connected" }, receive({ type: "dismissed", reason }));
    assert.equal(state.page.name === "over" && state.page.why, why);
    assert.deepEqual(done(state), ["hang-up", "forget-seat"]);
  }
  const unknown = after({ type: "started" }, receive({ type: "unwelcome", reason: "unknown-link" }));
  assert.equal(unknown.page.name === "over" && unknown.page.why, "unknown-link");
  assert.equal(reduce(unknown, { type: "link-closed" }).page, unknown.page);
});

test("leaving says so before it hangs up, and joining again asks for the name again", () => {
  const left = reduce(live(), { type: "leave-chosen" });
  assert.deepEqual(left.outbox, [{ do: "send", message: { type: "leave" } }, { do: "hang-up" }, { do: "forget-seat" }]);
  const again = after2(left, { type: "join-again-chosen" }, receive(WELCOME));
  assert.equal(again.page.name, "join");
});

test("removing and ending are sent only after the confirmation", () => {
  const asked = reduce(inRoom(), { type: "dialog-opened", dialog: { name: "remove", participant: "b" } });
  assert.deepEqual(asked.outbox, []);
  const removed = reduce(asked, { type: "remove-confirmed", participant: "b", ban: false });
  assert.deepEqual(removed.outbox, [{ do: "send", message: { type: "remove", participant: "b" } }]);
  assert.equal(room(removed).dialog, null);
  assert.deepEqual(reduce(inRoom(), { type: "end-confirmed" }).outbox, [{ do: "send", message: { type: "end" } }]);
});

test("what a moderator did is said when it has come about, and others' doing in other words", () => {
  const bea = { ...person("b", "Bea"), microphone: true };
  const asked = after2(inRoom(), delta(2, [bea, person("c", "Cem")]), { type: "mute-chosen", participant: "b" });
  const words = (state: State) => state.spoken.sentences.map((one) => "key" in one && one.key);
  assert.deepEqual(words(reduce(asked, delta(3, [{ ...bea, speaking: true }]))), words(asked), "not yet");
  const muted = reduce(asked, delta(3, [person("b", "Bea")]));
  assert.deepEqual(words(muted), ["muted"]);
  assert.deepEqual(room(muted).acted, {});
  assert.deepEqual(words(after2(muted, { type: "remove-confirmed", participant: "b", ban: false }, delta(4, [], ["b", "c"]))), ["removed", "left"]);
});

test("who is renamed is told their new name, and nobody else is", () => {
  const renamed = after2(inRoom(), delta(2, [me(false), person("b", "Bea")]), delta(3, [{ ...me(false), name: "Ida Weber" }]));
  assert.equal(announcement("de", renamed.spoken.sentences), "Die Leitung hat Ihren Namen geändert. Sie heißen jetzt Ida Weber.");
  assert.deepEqual(renamed.toasts.map(({ sentence }) => sentence), renamed.spoken.sentences);
  assert.equal(announcement("en", after2(inRoom(), delta(2, [{ ...person("me", ""), name: null }])).spoken.sentences).startsWith("A moderator has changed your name. You are now called "), true);
  const other = after2(renamed, delta(4, [person("b", "Beate")]));
  assert.deepEqual([other.spoken, other.toasts], [renamed.spoken, renamed.toasts]);
  const same = after2(renamed, delta(4, [{ ...me(false), name: "Ida Weber", hand: 1 }]));
  assert.deepEqual(same.toasts, renamed.toasts);
});

test("the shortcut works only in the call, without a dialogue, and can be switched off", () => {
  const press: Event = { type: "shortcut-pressed", what: "microphone" };
  assert.deepEqual(done(reduce(inRoom(), press)), ["open-microphone"]);
  assert.deepEqual(done(reduce(reduce(inRoom(), { type: "shortcut-toggled" }), press)), []);
  assert.deepEqual(done(reduce(reduce(inRoom(), { type: "dialog-opened", dialog: { name: "sound" } }), press)), []);
  assert.deepEqual(done(after({ type: "started" }, receive(WELCOME), press)), []);
});

test("what the page says itself is not said twice, and the welcome is said but not shown", () => {
  for (const event of ["microphone-on", "microphone-off"]) assert.equal(reduce(inRoom(), told(event)).spoken.id, inRoom().spoken.id);
  const admitted = reduce(inRoom(), told("admitted"));
  assert.equal(admitted.spoken.sentences.length, 1);
  assert.equal(admitted.toasts.length, 0);
});

test("toasts are few, and each goes away", () => {
  let state = inRoom();
  for (let i = 0; i < 5; i++) state = reduce(state, told("x", `Satz ${i}`));
  assert.equal(state.toasts.length, 3);
  assert.deepEqual(done(state), ["expire-toast"]);
  const id = state.toasts[0]?.id ?? -1;
  assert.equal(reduce(state, { type: "toast-expired", id }).toasts.length, 2);
});

test("the same sentence again replaces the toast that shows it", () => {
  const state = after2(inRoom(), told("x"), told("y", "Anderer Satz"), told("x"));
  assert.deepEqual(state.toasts.map(({ sentence }) => "de" in sentence && sentence.de), ["Anderer Satz", "Satz"]);
  const refused = after2(inRoom(), receive({ type: "refused", reason: "a" }), receive({ type: "refused", reason: "b" }));
  assert.equal(refused.toasts.length, 1);
});

test("any order of events keeps the promises: no throw, no sound without a wish, one request at a time", () => {
  let seed = 7;
  const random = (bound: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * bound);
  };
  const events: Event[] = [
    { type: "link-closed" }, { type: "link-opened" }, receive(WELCOME), joined(), { type: "offer-made", sdp: "v=0" }, { type: "join-chosen", name: "A" },
    { type: "microphone-toggled" }, { type: "microphone-opened" }, { type: "microphone-failed", obstacle: "denied" }, { type: "test-chosen" },
    { type: "leave-chosen" }, { type: "join-again-chosen" }, { type: "call-changed", state: "connected" }, { type: "shortcut-pressed", what: "microphone" },
    receive({ type: "refused", reason: "x" }), told("microphone-off-by-moderator"), { type: "started" },
    { type: "network-back" }, { type: "return-over" }, receive({ ...WELCOME, returns: true }), receive({ type: "seat", seat: "another" }),
    { type: "hand-toggled" }, told("hand-noted"), told("please-unmute"), told("floor-given"), { type: "plea-declined" },
  ];
  let state = initial("de", 1);
  for (let step = 0; step < 50_000; step++) {
    const pick = random(events.length + 4);
    const own = { ...me(pick === events.length), floor: pick === events.length + 2 };
    const event = events[pick] ?? delta(step, [own], [], pick > events.length + 1 ? ASKING : OPEN);
    const before = state;
    state = reduce(state, event);
    if (state.page.name === "room" && state.page.microphone.wish) assert.ok(state.page.microphone.device === "open" && mayTalk(state.page));
    const asked = state.outbox.filter((effect) => effect.do === "send" && effect.message.type === "microphone");
    assert.ok(asked.length <= 1);
    if (asked.length === 1 && before.page.name === "room" && before.page.microphone.asked !== null && event.type !== "received") assert.fail("two requests at once");
    assert.ok(state.toasts.length <= 3);
  }
});

function after(...events: Event[]): State {
  return after2(initial("de", 1), ...events);
}

function after2(state: State, ...events: Event[]): State {
  return events.reduce(reduce, state);
}

function inRoom(): State {
  return after({ type: "started" }, receive(WELCOME), { type: "join-chosen", name: "Ich" }, { type: "offer-made", sdp: "v=0" }, joined());
}

function live(): State {
  return after2(inRoom(), { type: "microphone-toggled" }, { type: "microphone-opened" }, delta(2, [me(true)]));
}

function joined(): Event {
  return receive({ type: "joined", participant: "me", answer: "v=0", roster: { version: 1, state: OPEN, entries: [me(false)] }, seat: "sealed", spoke: false, relay: null });
}

function delta(version: number, entries: Entry[], gone: string[] = [], state = OPEN): Event {
  return receive({ type: "delta", version, state, entries, gone });
}

function told(event: string, de = "Satz"): Event {
  return receive({ type: "told", event, shown: shown(de, "Sentence") });
}

function receive(message: Extract<Event, { type: "received" }>["message"]): Event {
  return { type: "received", message };
}

function person(id: string, name: string): Entry {
  return entry(id, { name });
}

function me(microphone: boolean): Entry {
  return { ...person("me", "Ich"), microphone };
}

function room(state: State): Room {
  assert.equal(state.page.name, "room");
  return state.page as Room;
}

function ids(state: State): string[] {
  return room(state).entries.map((entry) => entry.id);
}

function done(state: State): string[] {
  return state.outbox.map((effect) => effect.do);
}
