//! Sound both ways between the page and another browser that plays the server: the call, the drivers and their recording.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as chromium from "../drivers/chromium.mjs";
import * as firefox from "../drivers/firefox.mjs";
import { toneLevel, wav } from "../drivers/page.mjs";
import { entry, joinScript, serve } from "../fake-server.mjs";

/** A way round firewalls at which nobody answers: sound goes directly all the same, and as soon. */
const RELAY = { urls: ["turns:127.0.0.1:9?transport=tcp"], username: "1700003600:00000000000000aa", credential: "secret" };
/** What the far end plays, and what the microphone hears, in hertz. */
const MIX_HZ = 1000;
const VOICE_HZ = 600;

let folder;
let browser;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "rundruf-media-"));
  browser = await chromium.launch({ flags: ["--disable-features=WebRtcHideLocalIpsWithMdns", "--autoplay-policy=no-user-gesture-required"] });
});
after(async () => {
  await browser.close();
  await rm(folder, { recursive: true });
});

test("Chromium hears the mix, is heard only while its microphone is on, and says when no packets come", async () => {
  const voice = join(folder, "voice.wav");
  await writeFile(voice, wav(Float32Array.from({ length: 48_000 }, (_, i) => 0.5 * Math.sin((2 * Math.PI * VOICE_HZ * i) / 48_000))));
  await conversation(chromium, { fakeAudioWav: voice }, VOICE_HZ, async (page, far) => {
    await page.wait("[data-testid=quality]", 5000);
    assert.equal(await page.evaluate(() => document.querySelector("[data-testid=heard]").textContent), "Bea hört Sie.");
    await far.evaluate(() => globalThis.peer.getSenders()[0].replaceTrack(null));
    await page.wait("[data-audio=interrupted]", 8000);
    assert.equal(await page.evaluate(() => document.querySelector("[data-testid=heard]").textContent), "Gerade hört Sie niemand.");
    await far.evaluate(() => globalThis.peer.getSenders()[0].replaceTrack(globalThis.mix));
    await page.wait("[data-audio=connected]", 8000);
  });
});

test("Firefox hears the mix, and is heard only while its microphone is on", () => conversation(firefox, { toneHz: 700 }, 700));

async function conversation(driver, options, voiceHz, freeze) {
  const far = await (await browser.newContext()).newPage();
  const server = await serve({ script: joinScript({ others: [entry("bea", { name: "Bea" })], answer: (offer) => far.evaluate(answer, [offer, MIX_HZ]), relay: RELAY, connected: false }) });
  const page = await driver.open(`${server.url}#t`, options);
  try {
    await page.join("Ada");
    await page.connected();
    const path = join(folder, `${page.name}.wav`);
    const { samples, wav: written } = await page.recordRemote(1500, path);
    assert.ok(samples.length > 70_000 && samples.length <= 72_000, `${samples.length} samples`);
    assert.ok(toneLevel(samples.subarray(24_000), MIX_HZ) > -20, `the mix is heard: ${toneLevel(samples, MIX_HZ)} dB`);
    assert.equal((await readFile(written)).length, 44 + samples.length * 2);
    assert.ok((await heard(far, voiceHz)) < -60, "silent before the microphone is on");
    await page.setMicrophone(true);
    assert.ok((await until(() => heard(far, voiceHz), (level) => level > -40)) > -40, "heard while on");
    assert.ok(await page.evaluate(() => Number(document.querySelector("[data-testid=meter]").style.getPropertyValue("--level")) > 0.3), "the meter moves");
    await freeze?.(page, far);
    await page.setMicrophone(false);
    assert.ok((await until(() => heard(far, voiceHz), (level) => level < -60)) < -60, "silent after it is off");
    await page.screenshot(join(folder, `${page.name}.png`));
  } catch (error) {
    console.error(page.log.join("\n"));
    throw error;
  } finally {
    await page.close();
    await far.context().close();
    await server.close();
  }
}

/** Asks until the answer pleases, at most ten times; returns the last. */
async function until(ask, pleases) {
  let answer;
  for (let i = 0; i < 10 && (i === 0 || !pleases(answer)); i++) answer = await ask();
  return answer;
}

/** Half a second of what the far end hears of one frequency, in dB. */
async function heard(far, hz) {
  const samples = await far.evaluate(async () => {
    const all = [];
    for (let i = 0; i < 10; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const block = new Float32Array(2048);
      globalThis.ear.getFloatTimeDomainData(block);
      all.push([...block]);
    }
    return all;
  });
  return Math.max(...samples.map((block) => toneLevel(block, hz)));
}

/** Runs in the far browser: answers the offer, plays a tone, listens. */
async function answer([offer, hz]) {
  const peer = new RTCPeerConnection();
  globalThis.peer = peer;
  const context = new AudioContext({ sampleRate: 48000 });
  await context.resume();
  const out = context.createMediaStreamDestination();
  const tone = new OscillatorNode(context, { frequency: hz });
  tone.connect(new GainNode(context, { gain: 0.4 })).connect(out);
  tone.start();
  globalThis.ear = new AnalyserNode(context, { fftSize: 2048 });
  peer.ontrack = ({ track }) => {
    const stream = new MediaStream([track]);
    globalThis.sink = Object.assign(new Audio(), { srcObject: stream, muted: true });
    void globalThis.sink.play();
    context.createMediaStreamSource(stream).connect(globalThis.ear);
  };
  [globalThis.mix] = out.stream.getAudioTracks();
  peer.addTrack(out.stream.getAudioTracks()[0], out.stream);
  await peer.setRemoteDescription({ type: "offer", sdp: offer });
  await peer.setLocalDescription();
  await new Promise((resolve) => {
    peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && resolve();
    setTimeout(resolve, 2000);
  });
  return peer.localDescription.sdp;
}
