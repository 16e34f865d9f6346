//! The sound of the whole call: how loud it is, and whether it goes on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isAdjustable, type Speaker } from "../src/session";
import { initial, reduce } from "../src/state";

test("the volume is what the person chose, within bounds, and kept in memory alone", () => {
  const softer = reduce(initial("de", 1), { type: "volume-chosen", volume: 35 });
  assert.deepEqual([softer.volume, softer.outbox], [35, [{ do: "set-volume", volume: 35 }]]);
  for (const [asked, kept] of [[-5, 0], [900, 100], [Number.NaN, 100]] as const) {
    assert.equal(reduce(initial("de", 1), { type: "volume-chosen", volume: asked }).volume, kept);
  }
});

test("where the device alone decides how loud it is, the page offers nothing", () => {
  const state = initial("de", 1, null);
  assert.deepEqual(reduce(state, { type: "volume-chosen", volume: 10 }), { ...state, outbox: [] });
  const speaker = (volume: number): Speaker => ({ srcObject: null, volume, play: () => Promise.resolve() });
  const fixed = Object.defineProperty(speaker(1), "volume", { get: () => 1, set: () => {} });
  assert.deepEqual([isAdjustable(fixed), isAdjustable(speaker(0.25))], [false, true]);
  const left = speaker(0.25);
  isAdjustable(left);
  assert.equal(left.volume, 0.25, "the question changes nothing");
});
