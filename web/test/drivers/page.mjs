//! What both drivers can do with the page, whatever the browser.

import { writeFile } from "node:fs/promises";

const RATE = 48_000;
const WAIT_MS = 15_000;
/** More presses of Tab than a page has stops. */
const TABS_MAX = 120;
const byId = (id) => `[data-testid=${id}]`;

export function helper(driver) {
  const page = {
    ...driver,
    /** Fills in the name (or leaves the proposal), joins, and waits for the roster. */
    async join(name) {
      await driver.wait(byId("join"), WAIT_MS);
      if (name) await driver.fill(byId("name"), name);
      await driver.click(byId("join"));
      await driver.wait(byId("roster"), WAIT_MS);
    },
    /** Turns the microphone on or off and waits until the server's roster says so. */
    async setMicrophone(on) {
      const want = on ? "on" : "off";
      const is = await driver.evaluate(() => document.querySelector("[data-testid=microphone]")?.dataset.microphone);
      if (is !== want) await driver.click(byId("microphone"));
      await driver.wait(`${byId("microphone")}[data-microphone=${want}]`, WAIT_MS);
      await driver.wait(`[data-own=true][data-microphone=${want}]`, WAIT_MS);
    },
    /** Moves the focus by Tab to an element, in the row of a person if one is named, as somebody does who uses no mouse. */
    async reach(id, { of: name, backwards = false } = {}) {
      await driver.wait(byId(id), WAIT_MS);
      for (let i = 0; i < TABS_MAX; i++) {
        if (await driver.evaluate(hasFocus, { id, name })) return;
        // Beyond the end of the page Tab leads into the window of the browser, so the way begins where the skip link leads.
        if (i === 0) await driver.evaluate(() => document.querySelector("dialog[open]") ?? document.getElementById("title")?.focus());
        await driver.tab(backwards);
      }
      throw new Error(`${id} is not reached by Tab`);
    },
    /** Works a button by keyboard. */
    async work(id, way) {
      await page.reach(id, way);
      await driver.press("Enter");
    },
    /** Waits until what fits has been announced since the last such wait, and the browser's accessibility tree holds what was announced last. */
    async announced(words) {
      const end = Date.now() + WAIT_MS;
      let said = [];
      let held = [];
      do {
        said = await driver.evaluate(() => globalThis.announcements);
        const place = said.findIndex((one) => words.test(one));
        held = place < 0 ? [] : await driver.statuses();
        if (place >= 0 && held.includes(said.at(-1))) return void (await driver.evaluate((count) => globalThis.announcements.splice(0, count), place + 1));
        await new Promise((resolve) => setTimeout(resolve, 50));
      } while (Date.now() < end);
      throw new Error(`${words} is not announced, but ${JSON.stringify(said)}; the tree holds ${JSON.stringify(held)}`);
    },
    /** Waits until the media connection stands. */
    connected: () => driver.wait("[data-audio=connected]", WAIT_MS),
    /** The roster as shown: [{ id, name, door, role, status, microphone, speaking, own }]. */
    roster: () =>
      driver.evaluate(() =>
        [...document.querySelectorAll("[data-participant]")].map(({ dataset: d }) => ({
          id: d.participant,
          name: d.name,
          door: d.door,
          role: d.role,
          status: d.status,
          microphone: d.microphone === "on",
          speaking: d.speaking === "true",
          own: d.own === "true",
        })),
      ),
    mute: (id) => driver.click(`[data-participant="${id}"] ${byId("mute")}`),
    async remove(id) {
      await driver.click(`[data-participant="${id}"] ${byId("remove")}`);
      await driver.click(byId("confirm"));
    },
    /** Has somebody called, as a moderator. */
    async call(number) {
      const closed = await driver.evaluate(() => !document.querySelector("[data-testid=call]"));
      if (closed) await driver.click(byId("lead"));
      await driver.fill(byId("call-number"), number);
      await driver.click(byId("call-start"));
    },
    async end() {
      await driver.click(byId("end"));
      await driver.click(byId("confirm"));
    },
    leave: () => driver.click(byId("leave")),
    /** The state of the page: connecting, join, joining, room, lost, over. */
    state: () => driver.evaluate(() => document.querySelector("[data-page]")?.dataset.page),
    /** Records what the page hears: { samples: Float32Array at 48 kHz, rate, wav: path or null }. */
    async recordRemote(ms, path = null) {
      const bytes = Buffer.from(await driver.evaluate(startRecording, ms), "base64");
      const samples = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
      if (path) await writeFile(path, wav(samples));
      return { samples, rate: RATE, wav: path };
    },
  };
  return page;
}

/** Runs in the page before its scripts: the fake device's tones must not be taken for noise. */
export function rawMicrophone() {
  const devices = navigator.mediaDevices;
  if (!devices) return;
  const original = devices.getUserMedia.bind(devices);
  devices.getUserMedia = ({ audio, ...rest }) =>
    original({ ...rest, audio: audio && { ...(audio === true ? {} : audio), echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
}

/** Runs in the page before its scripts: keeps what is announced, for one sentence may follow the other at once. */
export function keepAnnouncements() {
  globalThis.announcements = [];
  const read = () => {
    const said = document.querySelector("[data-testid=announcement]")?.textContent.replace(/\s+/g, " ").trim();
    if (said && said !== globalThis.announcements.at(-1)) globalThis.announcements.push(said);
  };
  new MutationObserver(read).observe(document, { subtree: true, childList: true, characterData: true });
}

/** Runs in the page before its scripts: the person refuses (NotAllowedError), has no microphone (NotFoundError), or another program holds it (NotReadableError). */
export function withoutMicrophone(name) {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("refused by the test", name));
}

/** Runs in the page before its scripts: media goes to another port, and `relayed` tells the server's own and the connection. */
export function throughRelay(port) {
  const candidate = /^(a=candidate:\S+ 1 udp \d+ \S+) (\d+) /gm;
  const original = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    const [[, , own]] = sdp.matchAll(candidate);
    globalThis.relayed = { peer: this, port: Number(own) };
    return original.call(this, { type, sdp: sdp.replace(candidate, `$1 ${port} `) });
  };
}

/** Runs in the page: tells whether an element has the focus, in the row of a person if one is named. */
function hasFocus({ id, name }) {
  const { activeElement } = document;
  return activeElement?.dataset.testid === id && (name === undefined || activeElement.closest("[data-participant]")?.dataset.name === name);
}

/** Runs in the page: records the mix. A ScriptProcessorNode needs no script to load, so the page's CSP stays as it is. */
export async function startRecording(ms) {
  const stream = document.querySelector("#mix").srcObject;
  if (!stream) throw new Error("the page hears nothing: no stream");
  const context = new AudioContext({ sampleRate: 48000 });
  const tap = context.createScriptProcessor(4096, 1, 1);
  const samples = new Float32Array(Math.ceil(ms * 48));
  let filled = 0;
  const ran = new Promise((resolve) => {
    tap.onaudioprocess = ({ inputBuffer }) => {
      const block = inputBuffer.getChannelData(0).subarray(0, samples.length - filled);
      samples.set(block, filled);
      filled += block.length;
      if (filled === samples.length) resolve();
    };
  });
  context.createMediaStreamSource(stream).connect(tap).connect(context.destination);
  void context.resume();
  await Promise.race([ran, new Promise((resolve) => setTimeout(resolve, 1000)).then(() => filled > 0 && ran)]);
  const state = context.state;
  await context.close();
  // Firefox runs an AudioContext only where there is a sound card; its MediaRecorder runs anywhere.
  const heard = filled > 0 ? samples : await recorded();
  if (heard.length === 0) throw new Error(`nothing could be recorded, the AudioContext is ${state}`);
  const bytes = new Uint8Array(heard.buffer, heard.byteOffset, heard.byteLength);
  let binary = "";
  for (let i = 0; i < bytes.length; i += 32768) binary += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(binary);

  async function recorded() {
    const recorder = new MediaRecorder(stream, { audioBitsPerSecond: 256_000 });
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const stopped = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.start();
    await new Promise((resolve) => setTimeout(resolve, ms + 300));
    recorder.stop();
    await stopped;
    const decoded = await new OfflineAudioContext(1, 48000, 48000).decodeAudioData(await new Blob(parts).arrayBuffer());
    return decoded.getChannelData(0).slice(0, samples.length);
  }
}

/** 16-bit mono WAV at 48 kHz. */
export function wav(samples) {
  const bytes = Buffer.alloc(44 + samples.length * 2);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(36 + samples.length * 2, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(RATE, 24);
  bytes.writeUInt32LE(RATE * 2, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write("data", 36);
  bytes.writeUInt32LE(samples.length * 2, 40);
  samples.forEach((sample, i) => bytes.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32767), 44 + i * 2));
  return bytes;
}

/** Level of one frequency in dB below full scale (Goertzel), for assertions on recordings. */
export function toneLevel(samples, hz, rate = RATE) {
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / rate);
  let a = 0;
  let b = 0;
  for (const sample of samples) [a, b] = [sample + coefficient * a - b, a];
  const power = a * a + b * b - coefficient * a * b;
  return 20 * Math.log10((2 * Math.sqrt(Math.max(power, 0))) / samples.length + 1e-9);
}
