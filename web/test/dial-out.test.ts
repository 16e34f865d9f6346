//! Calls out: what the reducer makes of who is being called, and of what the server refuses.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isCalled, isInside } from "../src/roster";
import { type Event, initial, reduce, type State } from "../src/state";
import { announcement } from "../src/text";
import type { Entry, Status } from "../src/wire";
import { conference, entry, greeting } from "./people.mjs";

const OPEN = conference();

test("a moderator has somebody called by what was typed", () => {
  const state = reduce(inRoom(), { type: "lead-chosen", message: { type: "invite", number: "030 123456" } });
  assert.deepEqual(state.outbox, [{ do: "send", message: { type: "invite", number: "030 123456" } }]);
});

test("who is called is seen and not counted as inside, and every step is said once", () => {
  const dialing = reduce(inRoom(), delta(2, [callee("dialing-out")]));
  assert.equal(said(dialing), "Telefon 3 wird angerufen.");
  const alerting = reduce(dialing, delta(3, [callee("alerting")]));
  assert.deepEqual(alerting.spoken.id, dialing.spoken.id);
  const joined = reduce(alerting, delta(4, [callee("connected")]));
  assert.deepEqual(joined.spoken.sentences, [{ key: "joined", entry: callee("connected") }]);
  assert.notEqual(joined.spoken.id, alerting.spoken.id);
  const over = reduce(alerting, delta(4, [], ["c"]));
  assert.equal(said(over), "Der Anruf bei Telefon 3 ist vorbei.");
  for (const status of ["dialing-out", "alerting"] as const) {
    assert.deepEqual([isCalled(callee(status)), isInside(callee(status))], [true, false]);
  }
});

test("each refusal of a call has its words", () => {
  for (const reason of ["no-dial-out", "no-number", "emergency", "not-listed", "no-minutes", "too-many-calls", "no-line"]) {
    const state = reduce(inRoom(), { type: "received", message: { type: "refused", reason } });
    assert.deepEqual(state.spoken.sentences, [{ key: reason, entry: null }]);
    assert.equal(state.toasts.length, 1);
    assert.ok(said(state).length > 20, reason);
  }
});

function said(state: State): string {
  return announcement("de", state.spoken.sentences);
}

function inRoom(): State {
  const welcome = greeting({ role: "moderator", title: "Jour fixe", dial_out: ["+49"] });
  const roster = { version: 1, state: OPEN, entries: [entry("a", { name: "a", role: "moderator" })] };
  const before: State = { ...initial("de", 0), page: { name: "joining", welcome }, inside: true };
  return { ...reduce(before, { type: "received", message: { type: "joined", participant: "a", answer: "v=0", roster, seat: "sealed", spoke: false, relay: null } }), outbox: [] };
}

function delta(version: number, entries: Entry[], gone: string[] = []): Event {
  return { type: "received", message: { type: "delta", version, state: OPEN, entries, gone } };
}

function callee(status: Status): Entry {
  return { ...entry("c", { door: "phone" }), ordinal: 3, status, protection: "none" };
}
