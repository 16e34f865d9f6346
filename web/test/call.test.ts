//! The call: what kept a microphone from opening.

import assert from "node:assert/strict";
import { test } from "node:test";
import { obstacleOf } from "../src/call";

test("a microphone that another program holds is neither refused nor missing", () => {
  const obstacles = { NotReadableError: "busy", AbortError: "busy", NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "missing" };
  for (const [name, obstacle] of Object.entries(obstacles)) assert.equal(obstacleOf(new DOMException("", name)), obstacle);
  assert.equal(obstacleOf(new Error("other")), "missing");
});
