//! The call: what is asked of a microphone, and what kept it from opening.

import assert from "node:assert/strict";
import { test } from "node:test";
import { capture, obstacleOf } from "../src/call";

test("a microphone that another program holds is neither refused nor missing", () => {
  const obstacles = { NotReadableError: "busy", AbortError: "busy", NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "missing" };
  for (const [name, obstacle] of Object.entries(obstacles)) assert.equal(obstacleOf(new DOMException("", name)), obstacle);
  assert.equal(obstacleOf(new Error("other")), "missing");
});

test("speech is treated by the browser, original sound in nothing", () => {
  const treatments = (original: boolean) => {
    const { echoCancellation, noiseSuppression, autoGainControl } = capture(null, original);
    return [echoCancellation, noiseSuppression, autoGainControl];
  };
  assert.deepEqual([treatments(false), treatments(true)], [[true, true, true], [false, false, false]]);
  assert.deepEqual(capture("m1", true).deviceId, { ideal: "m1" });
});
