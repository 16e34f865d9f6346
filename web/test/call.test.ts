//! The call: what is asked of a microphone, and what kept it from opening.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Call, capture, obstacleOf, openMicrophone } from "../src/call";

test("a microphone that another program holds is neither refused nor missing", () => {
  const obstacles = { NotReadableError: "busy", AbortError: "busy", NotAllowedError: "denied", SecurityError: "denied", NotSupportedError: "unable", NotFoundError: "missing" };
  for (const [name, obstacle] of Object.entries(obstacles)) assert.equal(obstacleOf(new DOMException("", name)), obstacle);
  assert.equal(obstacleOf(new Error("other")), "missing");
});

test("speech is treated by the browser, original sound in nothing", () => {
  const treatments = (original: boolean) => {
    const { echoCancellation, noiseSuppression, autoGainControl } = capture(null, original);
    return [echoCancellation, noiseSuppression, autoGainControl];
  };
  assert.deepEqual([treatments(false), treatments(true)], [[true, true, true], [false, false, false]]);
  assert.deepEqual(capture("m1", true).deviceId, { exact: "m1" });
});

test("a chosen microphone is opened, one that is gone gives way to the browser's choice, and a refusal is asked no second time", async () => {
  for (const [failure, asked] of [
    [null, ["m1"]],
    ["OverconstrainedError", ["m1", undefined]],
    ["NotFoundError", ["m1", undefined]],
    ["NotAllowedError", ["m1"]],
  ] as const) {
    const seen: unknown[] = [];
    const getUserMedia = async ({ audio }: { audio: MediaTrackConstraints }) => {
      const wanted = audio.deviceId as { exact: string } | undefined;
      seen.push(wanted?.exact);
      if (failure && wanted) throw Object.assign(new Error(), { name: failure });
      return { getAudioTracks: () => ["track"] };
    };
    Object.defineProperty(globalThis, "navigator", { configurable: true, value: { mediaDevices: { getUserMedia } } });
    const opened = await openMicrophone("m1", false).catch(() => "failed");
    assert.deepEqual([opened, seen], [failure === "NotAllowedError" ? "failed" : "track", [...asked]], String(failure));
  }
});

/** A peer connection that keeps the rules of offer and answer, and fails where it is told to. */
class Peer {
  signalingState = "stable";
  answers: string[] = [];
  failures: string[] = [];
  steps: unknown[] = [];
  getConfiguration() {
    return { bundlePolicy: "max-bundle", iceServers: [] };
  }
  setConfiguration(configuration: RTCConfiguration) {
    this.steps.push(configuration);
  }
  addTransceiver() {
    return { sender: {} };
  }
  async createOffer() {
    return { type: "offer", sdp: "offer" };
  }
  async getStats() {
    return new Map([["way up", { type: "remote-inbound-rtp", fractionLost: 0.05 }]]);
  }
  async setLocalDescription({ type }: { type: string }) {
    this.#failAt(type);
    this.steps.push(type);
    assert.equal(this.signalingState, type === "offer" ? "stable" : "have-local-offer");
    this.signalingState = type === "offer" ? "have-local-offer" : "stable";
  }
  async setRemoteDescription({ sdp }: { sdp: string }) {
    this.#failAt("answer");
    assert.equal(this.signalingState, "have-local-offer");
    this.signalingState = "stable";
    this.answers.push(sdp);
  }
  #failAt(step: string) {
    if (this.failures[0] === step) throw new Error(this.failures.shift());
  }
}

test("a call that could not be protected is as it was, and is protected by the next attempt", async () => {
  const answer = "m=audio 5000 UDP/TLS/RTP/SAVPF 111 63\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\n";
  const copied = answer.replace("111 63", "63 111");
  const withdrawn = [["offer"], ["answer"]];
  const answeredAsItWas = [["answer", "rollback"]];
  const leftOpen = [["answer", "rollback", "answer"]];
  for (const [failures, afterwards] of [
    [withdrawn, []],
    [answeredAsItWas, [answer]],
    [leftOpen, []],
  ] as const) {
    for (const failing of failures) {
      const peer = new Peer();
      Object.assign(globalThis, { RTCPeerConnection: function () { return peer; } });
      const call = new Call(() => {});
      await call.offer();
      await call.answer(answer, null);
      peer.answers = [];
      peer.failures = [...failing];
      await call.quality();
      assert.deepEqual([peer.failures, peer.answers], [[], afterwards], failing.join());
      await call.quality();
      assert.deepEqual(peer.answers, [...afterwards, copied], failing.join());
      assert.equal(peer.signalingState, "stable");
    }
  }
});

test("what leads round firewalls is known before anything is gathered, and nothing is asked where there is none", async () => {
  const relay = { urls: ["turns:conf.example.de:443?transport=tcp"], username: "1700003600:00000000000000aa", credential: "secret" };
  for (const [given, able, steps] of [
    [null, true, ["offer"]],
    [relay, true, [{ bundlePolicy: "max-bundle", iceServers: [relay] }, "offer"]],
    [relay, false, ["offer"]],
  ] as const) {
    const peer = new Peer();
    if (!able) peer.setConfiguration = () => assert.fail("an old browser");
    Object.assign(globalThis, { RTCPeerConnection: function () { return peer; } });
    const call = new Call(() => {});
    assert.equal(await call.offer(), "offer");
    assert.deepEqual(peer.steps, [], "an offer that is not answered gathers nothing");
    await call.answer("v=0", given);
    assert.deepEqual([peer.steps, peer.answers], [steps, ["v=0"]]);
  }
});
