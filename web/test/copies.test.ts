//! Copies for a way up that loses packets: when they are wanted, and how an answer is changed for them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Copies, preferCopies } from "../src/copies";

test("copies are wanted at once where packets are lost, and until a minute of calm", () => {
  const copies = new Copies();
  assert.equal(copies.judge(0.011), false);
  assert.equal(copies.judge(0.02), true);
  for (let i = 1; i < 30; i += 1) assert.equal(copies.judge(0), true);
  assert.equal(copies.judge(0), false);
  assert.equal(copies.judge(0), false);
  assert.equal(copies.judge(1), true);
});

test("one loss begins the calm anew", () => {
  const copies = new Copies();
  copies.judge(0.02);
  for (let i = 1; i < 30; i += 1) copies.judge(0);
  copies.judge(0.02);
  for (let i = 1; i < 30; i += 1) assert.equal(copies.judge(0), true);
});

test("RED comes to the front of the formats, and nothing else changes", () => {
  const answer = "v=0\r\nm=audio 5000 UDP/TLS/RTP/SAVPF 111 63\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\n";
  assert.equal(preferCopies(answer), answer.replace("111 63", "63 111"));
  assert.equal(preferCopies(answer.replace("red/48000/2", "red/8000")), null);
  assert.equal(preferCopies(""), null);
});
