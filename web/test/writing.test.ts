//! Live text and chat: what the reducer sends, when, and what it makes of what others write.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Room } from "../src/room";
import { type Event, initial, reduce, type State } from "../src/state";
import { announcement } from "../src/text";
import type { ChatRule, Entry } from "../src/wire";
import { reaches, recipients } from "../src/writing";
import { conference, entry, greeting } from "./people.mjs";

const ANNA = entry("anna", { name: "Anna" });
const BEN = entry("ben", { name: "Ben" });
const PHONE = entry("tel", { door: "phone" });

test("the first letter leaves at once, what follows in the pause leaves together, and Enter ends the line at once", () => {
  const first = reduce(inRoom(), typed("G"));
  assert.deepEqual(first.outbox, [{ do: "send", message: { type: "typed-text", text: "G", ended: false } }, { do: "pause-typing" }]);
  const paused = [typed("Gu"), typed("Gut"), typed("Gu")].reduce(reduce, first);
  assert.deepEqual(messages(paused), []);
  const over = reduce(paused, { type: "pause-over" });
  assert.deepEqual(messages(over), [{ type: "typed-text", text: "Gu", ended: false }]);
  assert.deepEqual(over.outbox.at(-1), { do: "pause-typing" });
  const quiet = reduce(over, { type: "pause-over" });
  assert.deepEqual(quiet.outbox, [], "nothing new is nothing to send");
  const ended = [typed("Guten Tag"), { type: "line-ended" } as const].reduce(reduce, over);
  assert.deepEqual(messages(ended), [{ type: "typed-text", text: "Guten Tag", ended: true }]);
  assert.equal(ended.writing.draft, "");
  assert.deepEqual(messages(reduce(reduce(ended, { type: "pause-over" }), { type: "line-ended" })), [], "an empty line is none");
});

test("what was typed and taken back altogether is taken back for the others, too", () => {
  const typing = [typed("Hm"), { type: "pause-over" } as const].reduce(reduce, inRoom());
  const back = reduce(typing, typed(""));
  assert.deepEqual(messages(back), [{ type: "typed-text", text: "", ended: false }]);
  assert.deepEqual(messages(reduce(back, { type: "line-ended" })), []);
  const shown = [line("anna", 1, "Hm", false), line("anna", 1, "", true)].reduce(reduce, inRoom());
  assert.deepEqual(shown.writing.typed, []);
});

test("whoever types without a pause sends four messages a second at most", () => {
  let state = inRoom();
  let sent = 0;
  for (let ms = 0; ms < 10_000; ms += 50) {
    state = reduce(state, typed("a".repeat((ms / 50) % 400)));
    sent += messages(state).length;
    if (ms % 300 === 250) {
      state = reduce(state, { type: "pause-over" });
      sent += messages(state).length;
    }
  }
  assert.ok(sent > 20 && sent <= 40, String(sent));
});

test("without the floor nothing is typed, and whoever loses it has no line any more", () => {
  const asking = conference({ ask_to_speak: true });
  const typing = reduce(inRoom(), typed("Ich woll"));
  const lost = reduce(typing, delta(2, asking, []));
  assert.deepEqual([lost.writing.draft, lost.writing.sent], ["", ""]);
  assert.deepEqual(messages([typed("Ich"), { type: "pause-over" } as const].reduce(reduce, lost)), []);
  const given = reduce(lost, delta(3, asking, [{ ...entry("me", { name: "Ich" }), floor: true }]));
  const after = [{ type: "pause-over" } as const, typed("Danke")].reduce(reduce, given);
  assert.deepEqual(messages(after), [{ type: "typed-text", text: "Danke", ended: false }]);
});

test("half a character is never sent: the server takes no message with one", () => {
  const cut = `${"a".repeat(499)}😀`;
  const [message] = messages(reduce(inRoom(), typed(cut))) as { text: string }[];
  assert.equal(message?.text, "a".repeat(499));
  const pasted = [{ type: "message-typed", words: "x\ud83d" } as const, { type: "message-sent" } as const].reduce(reduce, inRoom());
  assert.deepEqual(messages(pasted), [{ type: "chat", to: null, text: "x" }]);
});

test("lines grow, end and stand in the order in which they ended; those that lack their end come last", () => {
  const state = [line("anna", 1, "Gu", false), line("ben", 1, "Ja", false), line("me", 1, "Nein", true), line("ben", 1, "Ja!", true), line("anna", 1, "Gut", false)].reduce(reduce, inRoom());
  assert.deepEqual(
    state.writing.typed.map(({ by, own, words, ended }) => [by.name, own, words, ended]),
    [["Ich", true, "Nein", true], ["Ben", false, "Ja!", true], ["Anna", false, "Gut", false]],
  );
});

test("a line whose end got lost is ended by the next, by its person's leaving, and by a link that was lost", () => {
  const open = reduce(inRoom(), line("anna", 1, "Gu", false));
  const both = reduce(open, line("anna", 2, "Tag", false));
  assert.deepEqual(both.writing.typed.map(({ words, ended }) => [words, ended]), [["Gu", true], ["Tag", false]]);
  const gone = reduce(open, delta(2, conference(), [], ["anna"]));
  assert.deepEqual(gone.writing.typed.map(({ by, words, ended }) => [by.name, words, ended]), [["Anna", "Gu", true]], "with the name that they had");
  assert.deepEqual(reduce(gone, line("anna", 1, "Gu", true)).writing.typed.length, 1, "the server says so, too");
  const again = rejoins(open);
  assert.deepEqual(again.writing.typed.map(({ words, ended }) => [words, ended]), [["Gu", true]]);
  const anew = [line("anna", 1, "Neu", true)].reduce(reduce, again);
  assert.deepEqual(anew.writing.typed.map(({ words }) => words), ["Gu", "Neu"], "a server that counts anew is read on");
});

test("after a link that was lost a message for one alone is not left for all, and one for all is kept", () => {
  const writes = (to: string | null) => {
    const events: Event[] = [{ type: "recipient-chosen", to }, { type: "message-typed", words: "unter uns" }];
    return rejoins(events.reduce(reduce, inRoom()));
  };
  const alone = writes("anna");
  assert.deepEqual([alone.writing.message, alone.writing.to], ["", null]);
  assert.deepEqual(reduce(alone, { type: "message-sent" }).outbox, [], "nothing goes to all");
  assert.equal(writes(null).writing.message, "unter uns");
});

test("an open pane says what is ended, not each letter, and not one's own; a closed one says the first and counts the rest", () => {
  const opened = reduce(inRoom(), { type: "pane-toggled", pane: "typed" });
  const growing = [line("anna", 1, "G", false), line("anna", 1, "Gut", false)].reduce(reduce, opened);
  assert.equal(growing.spoken.id, opened.spoken.id);
  const ended = reduce(growing, line("anna", 1, "Gut.", true));
  assert.equal(announcement("de", ended.spoken.sentences), "Anna schreibt: Gut.");
  assert.equal(reduce(ended, line("me", 1, "Ja", true)).spoken.id, ended.spoken.id);
  assert.deepEqual(ended.toasts, []);

  const closed = reduce(inRoom(), line("anna", 1, "G", false));
  assert.equal(announcement("de", closed.spoken.sentences), "Anna schreibt im Live-Text.");
  assert.equal(closed.toasts.length, 1);
  const more = [line("anna", 1, "Gut.", true), line("ben", 1, "Ja", false), line("me", 1, "Ja", false)].reduce(reduce, closed);
  assert.deepEqual([more.writing.unread.typed, more.spoken.id, more.toasts.length], [2, closed.spoken.id, 1]);
  assert.equal(reduce(more, { type: "pane-toggled", pane: "typed" }).writing.unread.typed, 0);
});

test("a line that is not ended is said once it rests, and its end only what is new", () => {
  const opened = reduce(inRoom(), { type: "pane-toggled", pane: "typed" });
  const growing = [line("anna", 1, "Wir fangen", false), line("anna", 1, "Wir fangen in einer Min", false)].reduce(reduce, opened);
  const id = growing.writing.typed[0]?.id ?? -1;
  assert.deepEqual(growing.outbox, [{ do: "await-rest", line: id, words: "Wir fangen in einer Min" }]);
  const rests = (words: string): Event => ({ type: "line-rested", line: id, words });
  const early = reduce(growing, rests("Wir fangen"));
  assert.equal(early.spoken.id, opened.spoken.id, "it has been gone on with");
  const rested = reduce(early, rests("Wir fangen in einer Min"));
  assert.equal(announcement("de", rested.spoken.sentences), "Anna schreibt: Wir fangen in einer Min");
  assert.equal(reduce(rested, rests("Wir fangen in einer Min")).spoken.id, rested.spoken.id, "once");
  const same = reduce(rested, line("anna", 1, "Wir fangen in einer Min", true));
  assert.equal(same.spoken.id, rested.spoken.id, "the end says nothing anew");
  const ended = reduce(rested, line("anna", 1, "Wir fangen in einer Minute an.", true));
  assert.equal(announcement("de", ended.spoken.sentences), "Anna schreibt: Minute an.", "from the beginning of the word on");
  const on = [line("anna", 1, "Wir fangen in einer Min oder zwei", false), rests("Wir fangen in einer Min oder zwei")].reduce(reduce, rested);
  assert.equal(announcement("de", on.spoken.sentences), "Anna schreibt: oder zwei");
  const changed = reduce(rested, line("anna", 1, "Wir fangen jetzt an.", true));
  assert.equal(announcement("de", changed.spoken.sentences), "Anna schreibt: Wir fangen jetzt an.");
  const taken = reduce(rested, line("anna", 1, "", true));
  assert.equal(taken.spoken.id, rested.spoken.id);
});

test("what rests is not said where it is not read: of one's own, in a closed pane, ended, or after the call", () => {
  const opened = reduce(inRoom(), { type: "pane-toggled", pane: "typed" });
  assert.deepEqual(reduce(opened, line("me", 1, "Ich", false)).outbox, []);
  assert.deepEqual(reduce(inRoom(), line("anna", 1, "Gut", false)).outbox.filter(({ do: what }) => what === "await-rest"), []);
  const growing = reduce(opened, line("anna", 1, "Gut", false));
  const rested: Event = { type: "line-rested", line: growing.writing.typed[0]?.id ?? -1, words: "Gut" };
  const closed = reduce(growing, { type: "pane-toggled", pane: "typed" });
  const ended = reduce(growing, line("anna", 1, "Gut", true));
  const left = reduce(growing, { type: "leave-chosen" });
  for (const state of [closed, ended, left]) assert.equal(reduce(state, rested).spoken.id, state.spoken.id);
});

test("chat is said with its words where it is open, and as private where it is", () => {
  const opened = reduce(inRoom(), { type: "pane-toggled", pane: "chat" });
  assert.equal(announcement("de", reduce(opened, chat("anna", null, "Hallo {name}")).spoken.sentences), "Chat, Anna: Hallo {name}");
  assert.equal(announcement("en", reduce(opened, chat("anna", "me", "psst")).spoken.sentences), "Chat, Anna, to you only: psst");
  const closed = [chat("anna", null, "1"), chat("ben", "me", "2"), chat("me", "ben", "3")].reduce(reduce, inRoom());
  assert.equal(announcement("de", closed.spoken.sentences), "Neue Nachricht von Anna im Chat.");
  assert.equal(closed.writing.unread.chat, 2);
  assert.deepEqual(closed.writing.chat.map(({ by, to, own }) => [by.name, to?.name ?? null, own]), [["Anna", null, false], ["Ben", "Ich", false], ["Ich", "Ben", true]]);
});

test("a message goes to whom it was written for, or nowhere: never to all because that person is gone or it is switched off", () => {
  const secret = [{ type: "recipient-chosen", to: "anna" } as const, { type: "message-typed", words: " unter uns " } as const].reduce(reduce, inRoom());
  assert.deepEqual(messages(reduce(secret, { type: "message-sent" })), [{ type: "chat", to: "anna", text: "unter uns" }]);
  for (const change of [delta(2, conference(), [], ["anna"]), delta(2, conference({ chat: "public" }), []), delta(2, conference({ chat: "off" }), [])]) {
    const state = [change, { type: "message-sent" } as const].reduce(reduce, secret);
    assert.deepEqual([messages(state), state.writing.message, state.writing.to], [[], " unter uns ", "anna"]);
  }
  assert.deepEqual(messages([{ type: "message-typed", words: "  " } as const, { type: "message-sent" } as const].reduce(reduce, inRoom())), []);
});

test("one can write to whom the rule of the chat allows, and to nobody on the telephone", () => {
  const reach = (chat: ChatRule) => {
    const room = roomOf(reduce(inRoom(), delta(2, conference({ chat }), [])));
    return [reaches(room, null), recipients(room).map(({ id }) => id).join(" "), reaches(room, "tel")];
  };
  assert.deepEqual(reach("all"), [true, "anna ben", false]);
  assert.deepEqual(reach("public"), [true, "", false]);
  assert.deepEqual(reach("private"), [false, "anna ben", false]);
  assert.deepEqual(reach("off"), [false, "", false]);
});

test("keys open and close the panes, unless keys are switched off; nothing of it is left when the call is over", () => {
  const open = (["typed", "chat"] as const).map((what) => ({ type: "shortcut-pressed", what }) as const).reduce<State>(reduce, inRoom());
  assert.deepEqual(open.writing.open, { typed: true, chat: true });
  assert.deepEqual(reduce(open, { type: "shortcut-pressed", what: "chat" }).writing.open, { typed: true, chat: false });
  const off = [{ type: "shortcut-toggled" } as const, { type: "shortcut-pressed", what: "chat" } as const].reduce(reduce, inRoom());
  assert.equal(off.writing.open.chat, false);
  const left = [chat("anna", null, "Geheim"), { type: "leave-chosen" } as const].reduce(reduce, open);
  assert.doesNotMatch(JSON.stringify(left), /Geheim/);
});

test("old lines give way, so that a long call does not fill the memory", () => {
  let state = inRoom();
  for (let i = 1; i <= 400; i++) state = [line("anna", i, `Zeile ${i}`, true), chat("ben", null, `Zeile ${i}`)].reduce(reduce, state);
  assert.deepEqual([state.writing.typed.length, state.writing.typed.at(-1)?.words], [300, "Zeile 400"]);
  assert.deepEqual([state.writing.chat.length, state.writing.chat.at(-1)?.words], [300, "Zeile 400"]);
});

test("who waits writes nothing", () => {
  const waiting = inRoom([entry("me", { name: "Ich", status: "pending" })]);
  const state = [typed("Hallo"), { type: "message-typed", words: "Hallo" } as const, { type: "message-sent" } as const].reduce(reduce, waiting);
  assert.deepEqual([messages(state), state.writing.message], [[], ""]);
});

function inRoom(entries: Entry[] = [entry("me", { name: "Ich" }), ANNA, BEN, PHONE]): State {
  return join(initial("de", 1), entries);
}

function join(state: State, entries: Entry[]): State {
  const welcome = greeting({ title: "Elternabend" });
  const events: Event[] = [{ type: "received", message: welcome }, { type: "join-chosen", name: "Ich" }, joined(entries), { type: "call-changed", state: "connected" }];
  return events.reduce(reduce, state);
}

/** Loses the link and comes back, where everybody has another identity. */
function rejoins(state: State): State {
  const lost = reduce(state, { type: "link-closed" });
  const welcome = greeting({ title: "Elternabend" });
  return [{ type: "received", message: welcome } as const, joined([entry("me", { name: "Ich" }), ANNA])].reduce<State>(reduce, lost);
}

function joined(entries: Entry[]): Event {
  return { type: "received", message: { type: "joined", participant: "me", answer: "v=0", roster: { version: 1, state: conference(), entries }, relay: null } };
}

function typed(words: string): Event {
  return { type: "line-typed", words };
}

function line(from: string, number: number, text: string, ended: boolean): Event {
  return { type: "received", message: { type: "typed-text", from, line: number, text, ended } };
}

function chat(from: string, to: string | null, text: string): Event {
  return { type: "received", message: { type: "chat", from, to, text } };
}

function delta(version: number, state: ReturnType<typeof conference>, entries: Entry[], gone: string[] = []): Event {
  return { type: "received", message: { type: "delta", version, state, entries, gone } };
}

function roomOf(state: State): Room {
  assert.equal(state.page.name, "room");
  return state.page as Room;
}

function messages(state: State): unknown[] {
  return state.outbox.flatMap((effect) => (effect.do === "send" ? [effect.message] : []));
}
