//! Every state of the page, as scenes that screenshots and accessibility tests share.

import { withoutMicrophone } from "./drivers/page.mjs";
import { affected, entry, joinScript, OPEN, WELCOME } from "./fake-server.mjs";

export const OTHERS = [
  entry("anna", { name: "Anna Becker", role: "moderator", microphone: true, speaking: true }),
  entry("tel1", { door: "phone", ordinal: 1, microphone: true }),
  entry("tel2", { door: "phone", ordinal: 2, status: "on-hold" }),
  entry("murat", { name: "Murat Yıldırım-Oberhausen", microphone: true }),
  entry("k7"),
  entry("lena", { name: "Lena", microphone: false }),
];

/** A name as long as they come. */
const LONG = entry("rosa", { name: "Rosa Donaudampfschifffahrtsgesellschaft-Hinterhuber" });

/** Connections that carry speech badly, with what else a row can say of the sound. */
const BAD_LINES = [
  entry("anna", { name: "Anna Becker", role: "moderator", microphone: true, speaking: true, quality: "fair" }),
  entry("tel1", { door: "phone", ordinal: 1, microphone: true, quality: "poor", disturbs: "echo", hand: 1 }),
  entry("tel2", { door: "phone", ordinal: 2, status: "on-hold", quality: "poor" }),
  { ...LONG, quality: "poor", protection: "none" },
  entry("lena", { name: "Lena", microphone: true }),
];

/** Lines that hum, echo and play music, and somebody who makes music. */
const DISTURBING = [
  entry("anna", { name: "Anna Becker", role: "moderator", microphone: true, disturbs: "echo" }),
  entry("tel1", { door: "phone", ordinal: 1, microphone: true, disturbs: "music" }),
  entry("tel2", { door: "phone", ordinal: 2, microphone: true, disturbs: "steady-noise" }),
  entry("tel3", { door: "phone", ordinal: 3, microphone: true, disturbs: "steady-noise", speaking: true }),
  entry("tel4", { door: "phone", ordinal: 4, disturbs: "music" }),
  entry("lena", { name: "Lena", microphone: true, original_sound: true }),
];

/** Telephones protected in all ways, one of them in the waiting room, with everything else that a row can say. */
const OPEN_LINES = [
  entry("anna", { name: "Anna Becker", role: "moderator", microphone: true }),
  entry("tel1", { door: "phone", ordinal: 1, protection: "none", microphone: true, disturbs: "steady-noise", hand: 2, floor: true }),
  entry("tel2", { door: "phone", ordinal: 2, status: "on-hold" }),
  entry("tel3", { door: "phone", ordinal: 3, protection: "to-device", speaking: true, microphone: true }),
  entry("tel4", { door: "phone", ordinal: 4, protection: "none", status: "pending" }),
];

/** The same as moderators see them of a room that shows them the last digits. */
const LED_LINES = OPEN_LINES.map((one) => ({ ...one, ending: { tel1: "417", tel4: "083" }[one.id] ?? null }));

/** People who ask to speak, and one who may where people ask to. */
const ASKING = [
  entry("anna", { name: "Anna Becker", role: "moderator", microphone: true }),
  entry("tel1", { door: "phone", ordinal: 1, hand: 7 }),
  entry("lena", { name: "Lena", floor: true, microphone: true, speaking: true }),
  entry("murat", { name: "Murat Yıldırım-Oberhausen", hand: 3 }),
  entry("k7"),
  entry("tel2", { door: "phone", ordinal: 2, status: "on-hold" }),
];

/** People in the waiting room beside those inside. */
const WAITING = [
  ...OTHERS,
  entry("tel3", { door: "phone", ordinal: 3, status: "pending" }),
  entry("rosa", { name: "Rosa Donaudampfschifffahrtsgesellschaft-Hinterhuber", status: "pending" }),
];

/** Callers who wait and have said their names, one of them with everything else that such a line can say. */
const NAMED = [
  OTHERS[0],
  entry("tel3", { door: "phone", ordinal: 3, status: "pending", said_name: true }),
  entry("tel4", { door: "phone", ordinal: 14, status: "pending", said_name: true, protection: "none", ending: "083" }),
  entry("rosa", { name: "Rosa Donaudampfschifffahrtsgesellschaft-Hinterhuber", status: "pending" }),
];

/** A moderator talks with somebody who waits, as moderators see it and as all do. */
const TALKED = WAITING.map((one) => ({ anna: { ...one, speaking: false, apart: true, apart_with: "rosa" }, rosa: { ...one, apart: true, apart_with: "anna" } })[one.id] ?? one);
const APART = OTHERS.map((one) => (one.id === "anna" ? { ...one, speaking: false, apart: true } : one));

/** Somebody who is being called, and somebody whose telephone rings. */
const CALLED = [
  OTHERS[0],
  entry("tel1", { door: "phone", ordinal: 1, microphone: true }),
  entry("tel2", { door: "phone", ordinal: 2, status: "dialing-out", protection: "none" }),
  entry("tel3", { door: "phone", ordinal: 3, status: "alerting", protection: "none", name: "Rosa Donaudampfschifffahrtsgesellschaft-Hinterhuber" }),
];

/** Raised hands where everybody may speak, also of people whose microphone is on. */
const HANDS = OTHERS.map((one) => ({ ...one, hand: { tel1: 9, murat: 2, lena: 4 }[one.id] ?? null }));

/** What was done, in the order in which it was, as moderators or those are told whom it concerns. */
export const ACTS = [
  { act: "muted-all", actor: "moderator", to: null },
  { act: "music-muted", actor: "server", to: null },
  { act: "asked-to-unmute", actor: "moderator", to: affected(entry("me", { name: "Ada" })) },
  { act: "lobby-guests", actor: "owner", to: null },
  { act: "renamed", actor: "moderator", to: affected(entry("rosa", { name: "Rosa Donaudampfschifffahrtsgesellschaft-Hinterhuber" })) },
  { act: "alarm", actor: "server", to: null },
  { act: "callers-wait", actor: "server", to: null },
  { act: "made-moderator", actor: "moderator", to: affected(entry("tel1", { door: "phone" })) },
].map((one, place) => ({ type: "act", at: 1_790_000_000 + 60 * place, ...one }));

/** What others write: lines of live text, the last of which is not ended, and of chat. */
const TYPED = [
  { type: "typed-text", from: "murat", line: 1, text: "Guten Abend zusammen!", ended: true },
  { type: "typed-text", from: "lena", line: 1, text: "Gern, wir fangen in einer Min", ended: false },
];
const CHATTED = [
  { type: "chat", from: "anna", to: null, text: "Die Tagesordnung steht auf https://schule.example/elternabend" },
  { type: "chat", from: "lena", to: "me", text: "Sitzen wir nachher noch zusammen? 👩🏽‍🚀" },
  { type: "chat", from: "me", to: "lena", text: "Ja, bis gleich" },
];

/** People whose pages are on their way back, one of them in the waiting room. */
const AWAY = OTHERS.map((one) => (one.id === "murat" ? { ...one, microphone: false, away: true, hand: 1 } : one)).concat(
  entry("rosa", { name: "Rosa Donaudampfschifffahrtsgesellschaft-Hinterhuber", status: "pending", away: true }),
);

/** People of whom one speaks by the telephone of her page, over a line on which anybody could listen. */
const BY_TELEPHONE = OTHERS.map((one) => (one.id === "anna" ? { ...one, telephone: "confirmed", protection: "none" } : one));

/** Tells what has changed of the own page's person. */
const become = (server, changes) => server.connections.at(-1).become(changes);

/** Tells that a telephone is the sound of the own page, or no longer. */
const spokenFor = (server, telephone) => become(server, { telephone, protection: telephone ? "to-carrier" : "to-device" });

/** A server that does not answer one kind of message. */
const without = (script, kind) => (connection, message) => message.type !== kind && script(connection, message);

const PLEASE_UNMUTE = {
  type: "told",
  event: "please-unmute",
  shown: {
    de: "Die Leitung bittet Sie, Ihr Mikrofon einzuschalten.",
    "de-du": "Die Leitung bittet dich, dein Mikrofon einzuschalten.",
    "de-einfach": "Die Leitung vom Gespräch möchte Sie hören. Bitte schalten Sie Ihr Mikrofon ein.",
    en: "The moderator asks you to switch your microphone on.",
  },
};

const silent = () => {};
const unwelcome = (reason) => (connection, message) => message.type === "hello" && connection.send({ type: "unwelcome", reason });
const told = {
  type: "told",
  event: "microphone-off-by-moderator",
  shown: {
    de: "Die Leitung hat Ihr Mikrofon ausgeschaltet. Man hört Sie nicht mehr.",
    "de-du": "Die Leitung hat dein Mikrofon ausgeschaltet. Man hört dich nicht mehr.",
    "de-einfach": "Die Leitung vom Gespräch hat Sie stumm gemacht. Die anderen hören Sie nicht mehr.",
    en: "The moderator has switched your microphone off. You are no longer heard.",
  },
};

const MUSIC_MUTED = {
  de: "Man hört Sie gerade nicht, denn von Ihnen kommt Musik. Sobald sie endet, hört man Sie wieder.",
  "de-du": "Man hört dich gerade nicht, denn von dir kommt Musik. Sobald sie endet, hört man dich wieder.",
  "de-einfach": "Von Ihnen kommt Musik. Darum sind Sie stumm, bis die Musik aus ist.",
  en: "You cannot be heard at the moment, because music comes from your side. As soon as it ends, you will be heard again.",
};

async function join(page) {
  await page.getByTestId("join").click();
  await page.getByTestId("roster").waitFor();
}

/** Joins and switches the microphone on. */
async function speak(page) {
  await join(page);
  await page.getByTestId("microphone").click();
  await page.locator("[data-testid=microphone][data-microphone=on]").waitFor();
}

async function ended(page, server, reason) {
  await join(page);
  server.send({ type: "dismissed", reason });
  await page.locator("[data-page=over]").waitFor();
}

/** Cuts the link; the server takes the page back no more. */
async function cut(page, server) {
  server.script = silent;
  server.drop();
  await page.locator("[data-testid=audio]").waitFor();
  await page.waitForFunction(() => /wir verbinden|reconnecting/i.test(document.querySelector("[data-testid=audio]").textContent));
}

/** Makes the browser refuse what the scene wants refused; call it before the page is opened. */
export async function prepare(page, { obstacle, blockPlay, fixedVolume, vanishing, still, lacks, outdated }) {
  if (lacks) await page.addInitScript(lack, lacks);
  if (outdated) await page.route("**/*.js", (route) => route.fulfill({ contentType: "text/javascript", body: "let of the = future" }));
  if (vanishing) await page.addInitScript(vanish);
  if (still) await page.addInitScript(() => Object.defineProperty(MediaStreamTrack.prototype, "muted", { get: () => true }));
  if (fixedVolume) await page.addInitScript(() => Object.defineProperty(HTMLMediaElement.prototype, "volume", { get: () => 1, set: () => {} }));
  if (obstacle) await page.addInitScript(withoutMicrophone, obstacle);
  if (blockPlay) await page.addInitScript(refuseToPlay);
}

/** A dial-in with telephone numbers: one that asks for the whole code, and one in another language that leads here alone. */
const LINES = {
  ...WELCOME.dial_in,
  lines: [
    { number: "+49 30 123456", language: "de", pin_only: false },
    { number: "+44 1632960961", language: "en", pin_only: true },
  ],
};

/** The languages of the page, in the order in which it offers them. */
export const LANGUAGES = ["de", "de-du", "de-einfach", "en"];

/** Chooses a language as a person does; a page whose script does not run has no choice. */
export async function choose(page, language, scene = {}) {
  if (!scene.outdated) await page.getByTestId("language").selectOption(language);
}

/** name → { script, act(page, server), obstacle, blockPlay, fixedVolume, vanishing, still, lacks, outdated } */
export const SCENES = {
  connecting: { script: silent, act: (page) => page.locator("[data-page=connecting]").waitFor() },
  join: { script: joinScript(), act: (page) => page.getByTestId("join").waitFor() },
  "join-moderator-long": {
    script: joinScript({ welcome: { role: "moderator", title: "Gesamtlehrerkonferenz Grundschulverbund Donaudampfschifffahrtsweg", dial_in: null } }),
    act: (page) => page.getByTestId("join").waitFor(),
  },
  "join-lines": { script: joinScript({ welcome: { dial_in: LINES } }), act: (page) => page.getByTestId("join").waitFor() },
  "join-privacy": {
    script: joinScript({ welcome: { privacy: { ...WELCOME.privacy, dials_days: 7, shows_digits: true } } }),
    act: async (page) => {
      await page.getByTestId("privacy-more").click();
      await page.getByTestId("privacy-text").waitFor();
    },
  },
  "room-privacy": {
    script: joinScript({ welcome: { privacy: { ...WELCOME.privacy, controller: null, contact: null, officer: null, basis: null, authority: null } } }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("privacy").click();
      await page.getByTestId("privacy-text").waitFor();
    },
  },
  "join-untitled": { script: joinScript({ welcome: { title: "" } }), act: (page) => page.getByTestId("join").waitFor() },
  "room-untitled": { script: joinScript({ welcome: { title: "", dial_in: null }, others: OTHERS }), act: join },
  "join-test": {
    script: joinScript(),
    act: async (page) => {
      await page.getByTestId("test-microphone").click();
      await page.getByTestId("device").waitFor();
    },
  },
  "join-denied": {
    script: joinScript(),
    obstacle: "NotAllowedError",
    act: async (page) => {
      await page.getByTestId("test-microphone").click();
      await page.locator(".warning").waitFor();
    },
  },
  joining: {
    script: (connection, message) => message.type === "hello" && connection.send(WELCOME),
    act: async (page) => {
      await page.getByTestId("join").click();
      await page.locator("[data-page=joining]").waitFor();
    },
  },
  "room-guest": { script: joinScript({ others: OTHERS }), act: join },
  "room-alone": { script: joinScript(), act: join },
  "room-alone-again": {
    script: joinScript({ others: [OTHERS[0]] }),
    act: async (page, server) => {
      await join(page);
      server.send({ type: "delta", version: 2, state: OPEN, entries: [], gone: ["anna"] });
      await page.locator(".alone").waitFor();
    },
  },
  "room-live": { script: joinScript({ others: OTHERS }), act: speak },
  "room-live-alone": { script: joinScript(), act: speak },
  "room-live-one": { script: joinScript({ others: [LONG, OTHERS[2]] }), act: speak },
  "room-live-nobody": { script: joinScript({ others: [OTHERS[2]] }), act: speak },
  "room-still": { script: joinScript({ others: OTHERS }), still: true, act: speak },
  "room-held": {
    script: joinScript({ others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.locator("#title:focus").waitFor();
      await page.keyboard.down("Space");
      await page.locator("[data-testid=microphone][data-microphone=on]").waitFor();
    },
  },
  "room-moderator": {
    script: joinScript({ welcome: { role: "moderator" }, others: OTHERS }),
    act: join,
  },
  "room-protection-guest": { script: joinScript({ others: OPEN_LINES }), act: join },
  "room-protection-moderator": { script: joinScript({ welcome: { role: "moderator" }, others: LED_LINES }), act: join },
  "room-lines-guest": { script: joinScript({ others: BAD_LINES, own: { quality: "fair" } }), act: join },
  "room-lines-moderator": { script: joinScript({ welcome: { role: "moderator" }, others: BAD_LINES, own: { quality: "poor" } }), act: join },
  "room-disturbing-guest": { script: joinScript({ others: DISTURBING }), act: join },
  "room-disturbing-moderator": { script: joinScript({ welcome: { role: "moderator" }, others: DISTURBING }), act: join },
  "room-hands": {
    script: joinScript({ others: HANDS }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("hand").click();
      await page.getByTestId("raised").waitFor();
    },
  },
  "room-hands-moderator": { script: joinScript({ welcome: { role: "moderator" }, others: HANDS }), act: join },
  "room-asking": { script: joinScript({ others: ASKING, state: { ask_to_speak: true, locked: true } }), act: join },
  "room-asking-raised": {
    script: joinScript({ others: ASKING, state: { ask_to_speak: true } }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("microphone").click();
      await page.getByTestId("raised").waitFor();
    },
  },
  "room-asking-floor": {
    script: joinScript({ others: ASKING.map((one) => ({ ...one, floor: false })), own: { floor: true }, state: { ask_to_speak: true } }),
    act: join,
  },
  "room-asking-moderator": {
    script: joinScript({ welcome: { role: "moderator" }, others: ASKING, state: { ask_to_speak: true, locked: true } }),
    act: join,
  },
  "room-leading": {
    script: joinScript({ welcome: { role: "moderator" }, others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("lead").click();
    },
  },
  "room-leading-calls": {
    script: joinScript({ welcome: { role: "moderator", dial_out: ["+49", "+43"] }, others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("lead").click();
    },
  },
  "room-leading-asking": {
    script: joinScript({ welcome: { role: "moderator" }, others: ASKING, state: { ask_to_speak: true, locked: true } }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("lead").click();
    },
  },
  waiting: {
    script: joinScript({ own: { status: "pending" } }),
    act: async (page) => {
      await page.getByTestId("join").click();
      await page.getByTestId("waiting-room").waitFor();
    },
  },
  "waiting-addressed": {
    script: joinScript({ own: { status: "pending", apart: true } }),
    act: async (page) => {
      await page.getByTestId("join").click();
      await page.getByTestId("answer").waitFor();
    },
  },
  "waiting-addressed-live": {
    script: joinScript({ own: { status: "pending", apart: true } }),
    act: async (page) => {
      await page.getByTestId("join").click();
      await page.getByTestId("microphone").click();
      await page.locator("[data-microphone=on]").waitFor();
    },
  },
  "room-apart": { script: joinScript({ others: APART }), act: join },
  "room-talking-apart": {
    // The talk stands already: the far end remembers it when the scene is seen again.
    script: joinScript({
      welcome: { role: "moderator" },
      own: { apart: true, apart_with: "rosa" },
      others: WAITING.map((one) => (one.id === "rosa" ? { ...one, apart: true, apart_with: "me" } : one)),
      state: { lobby: "guests" },
    }),
    act: async (page) => {
      await speak(page);
      await page.locator("[data-talks=true]").waitFor();
    },
  },
  "room-talked-apart": { script: joinScript({ welcome: { role: "moderator" }, others: TALKED, state: { lobby: "guests" } }), act: join },
  "room-waiting": {
    script: joinScript({ welcome: { role: "moderator" }, others: WAITING, state: { lobby: "guests", alarm: true } }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("lead").click();
    },
  },
  "room-callers-wait": {
    script: joinScript({ welcome: { role: "moderator" }, others: WAITING, state: { callers_wait: true } }),
    act: join,
  },
  "room-waiting-named": { script: joinScript({ welcome: { role: "moderator" }, others: NAMED, state: { lobby: "guests" } }), act: join },
  "room-calling": { script: joinScript({ others: CALLED }), act: join },
  "room-calling-moderator": {
    script: joinScript({ welcome: { role: "moderator", dial_out: ["+49"] }, others: CALLED.map((one) => ({ ...one, ending: { tel2: "417" }[one.id] ?? null })) }),
    act: join,
  },
  "dialog-telephone": {
    script: joinScript({ welcome: { dial_in: LINES }, others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("sound").click();
      await page.getByTestId("pair").click();
      await page.getByTestId("pairing-code").waitFor();
    },
  },
  "dialog-telephone-asked": {
    script: without(joinScript({ others: OTHERS }), "pairing-code"),
    act: async (page) => {
      await join(page);
      await page.getByTestId("sound").click();
      await page.getByTestId("pair").click();
      await page.getByTestId("pairing-state").waitFor();
    },
  },
  "room-telephone-question": {
    script: joinScript({ others: BY_TELEPHONE }),
    act: async (page, server) => {
      await join(page);
      spokenFor(server, "unconfirmed");
      await page.getByTestId("telephone-question").waitFor();
    },
  },
  "room-telephone": {
    script: joinScript({ others: BY_TELEPHONE, own: { telephone: "confirmed", protection: "to-carrier", microphone: true } }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("telephone").waitFor();
    },
  },
  "room-telephone-over": {
    script: joinScript({ others: BY_TELEPHONE, own: { telephone: "confirmed", protection: "none" } }),
    act: async (page, server) => {
      await join(page);
      spokenFor(server, null);
      await page.getByTestId("telephone-over").waitFor();
    },
  },
  "dialog-turn-away": {
    script: joinScript({ welcome: { role: "moderator" }, others: WAITING }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("turn-away").first().click();
    },
  },
  "dialog-promote": {
    script: joinScript({ welcome: { role: "moderator" }, others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.locator("[data-participant=murat] [data-testid=promote]").click();
    },
  },
  "dialog-protocol": {
    script: joinScript({ others: OTHERS }),
    act: async (page, server) => {
      await join(page);
      // More than fit, so that the list scrolls.
      for (const act of [...ACTS, ...ACTS, ...ACTS]) server.send(act);
      await page.getByTestId("protocol").click();
      await page.getByTestId("protocol-list").waitFor();
    },
  },
  "dialog-protocol-empty": {
    script: joinScript({ others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("protocol").click();
      await page.getByTestId("protocol-none").waitFor();
    },
  },
  "dialog-rename": {
    script: joinScript({ welcome: { role: "moderator" }, others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("rename").first().click();
    },
  },
  "room-typed": {
    script: joinScript({ others: OTHERS }),
    act: async (page, server) => {
      await join(page);
      await page.getByTestId("pane-typed").click();
      await page.getByTestId("typed-field").fill("Ich höre Sie gut, kann aber nicht sprechen.");
      await page.getByTestId("typed-field").press("Enter");
      await page.getByTestId("written").waitFor();
      for (const line of TYPED) server.send(line);
      await page.getByTestId("live-lines").getByText("Gern, wir").waitFor();
      await page.getByTestId("typed-field").fill("Da");
    },
  },
  "room-typed-floor": {
    script: joinScript({ others: ASKING, state: { ask_to_speak: true } }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("pane-typed").click();
      await page.getByTestId("typed-field").waitFor();
    },
  },
  "room-chat": {
    script: joinScript({ others: OTHERS }),
    act: async (page, server) => {
      await join(page);
      server.send(TYPED[0]);
      await page.getByTestId("unread-typed").waitFor();
      await page.getByTestId("pane-chat").click();
      await page.getByTestId("chat-to").selectOption("lena");
      for (const line of CHATTED) server.send(line);
      await page.getByText("bis gleich").waitFor();
    },
  },
  "room-chat-off": {
    script: joinScript({ others: OTHERS, state: { chat: "off" } }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("pane-chat").click();
      await page.getByTestId("chat-off").waitFor();
    },
  },
  "room-writing": {
    script: joinScript({ welcome: { role: "moderator" }, others: OTHERS }),
    act: async (page, server) => {
      await join(page);
      await page.getByTestId("pane-typed").click();
      await page.getByTestId("pane-chat").click();
      for (const line of [...TYPED, ...CHATTED]) server.send(line);
      await page.getByText("bis gleich").waitFor();
    },
  },
  "room-plea": {
    script: joinScript({ others: OTHERS }),
    act: async (page, server) => {
      await join(page);
      server.send(PLEASE_UNMUTE);
      await page.getByTestId("plea").waitFor();
    },
  },
  "room-music": {
    script: joinScript({ others: OTHERS }),
    act: async (page, server) => {
      await join(page);
      await page.getByTestId("microphone").click();
      await page.locator("[data-testid=microphone][data-microphone=on]").waitFor();
      become(server, { microphone: true, disturbs: "music" });
      server.send({ type: "told", event: "music-muted", shown: MUSIC_MUTED });
      await page.getByTestId("toast").waitFor();
    },
  },
  "room-denied": {
    script: joinScript({ others: OTHERS }),
    obstacle: "NotAllowedError",
    act: async (page) => {
      await join(page);
      await page.getByTestId("microphone").click();
      await page.getByTestId("obstacle").waitFor();
    },
  },
  "room-busy": {
    script: joinScript({ others: OTHERS }),
    obstacle: "NotReadableError",
    act: async (page) => {
      await join(page);
      await page.getByTestId("microphone").click();
      await page.getByTestId("obstacle").getByText(/anderes Programm|Another program/).waitFor();
    },
  },
  "room-gone": {
    script: joinScript({ others: OTHERS }),
    vanishing: true,
    act: async (page) => {
      await join(page);
      await page.getByTestId("microphone").click();
      await page.locator("[data-testid=microphone][data-microphone=on]").waitFor();
      await page.evaluate(() => globalThis.unplug());
      await page.getByTestId("obstacle").waitFor();
      await page.getByTestId("device").waitFor();
    },
  },
  "room-told": {
    script: joinScript({ others: OTHERS }),
    act: async (page, server) => {
      await join(page);
      server.send(told);
      await page.getByTestId("toast").waitFor();
    },
  },
  "room-blocked": {
    script: joinScript({ others: OTHERS }),
    blockPlay: true,
    act: async (page) => {
      await join(page);
      await page.getByTestId("unblock").waitFor();
    },
  },
  "room-stopped": {
    script: joinScript({ others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.waitForFunction(() => document.querySelector("#mix").srcObject);
      await page.evaluate(refuseToPlay);
      await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
      await page.getByTestId("unblock").waitFor();
    },
  },
  "join-listener": {
    script: joinScript(),
    lacks: ["mediaDevices"],
    act: (page) => page.getByTestId("unable").waitFor(),
  },
  "room-listener": {
    script: joinScript({ others: OTHERS }),
    lacks: ["mediaDevices"],
    act: async (page) => {
      await join(page);
      await page.getByTestId("microphone").click();
      await page.getByTestId("obstacle").waitFor();
    },
  },
  unsupported: { script: joinScript(), lacks: ["RTCPeerConnection"], act: (page) => page.locator("[data-why=unsupported]").waitFor() },
  outdated: { script: silent, outdated: true, act: (page) => page.locator(".late h1").waitFor() },
  "dialog-end": {
    script: joinScript({ welcome: { role: "moderator" }, others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("end").click();
    },
  },
  "dialog-remove": {
    script: joinScript({ welcome: { role: "moderator" }, others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("remove").first().click();
    },
  },
  "dialog-sound": {
    script: joinScript({ others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("microphone").click();
      await page.locator("[data-testid=microphone][data-microphone=on]").waitFor();
      await page.getByTestId("sound").click();
    },
  },
  "dialog-sound-soft": {
    script: joinScript({ others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("sound").click();
      await page.getByTestId("volume").fill("35");
    },
  },
  "dialog-sound-iphone": {
    script: joinScript({ others: OTHERS }),
    fixedVolume: true,
    act: async (page) => {
      await join(page);
      await page.getByTestId("sound").click();
    },
  },
  "room-silenced": {
    script: joinScript({ others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("sound").click();
      await page.getByTestId("volume").fill("0");
      await page.keyboard.press("Escape");
      await page.getByTestId("silenced").waitFor();
    },
  },
  "dialog-sound-original": {
    script: joinScript({ others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("microphone").click();
      await page.locator("[data-testid=microphone][data-microphone=on]").waitFor();
      await page.getByTestId("sound").click();
      await page.getByTestId("original").click();
      await page.locator("[data-own=true][data-original=true]").waitFor();
    },
  },
  lost: {
    script: joinScript({ others: OTHERS }),
    act: async (page, server) => {
      await page.getByTestId("join").waitFor();
      server.script = silent;
      server.drop();
      await page.locator("[data-page=lost]").waitFor();
    },
  },
  "room-returning": {
    script: joinScript({ others: OTHERS }),
    act: async (page, server) => {
      await join(page);
      await cut(page, server);
    },
  },
  "waiting-returning": {
    script: joinScript({ own: { status: "pending" } }),
    act: async (page, server) => {
      await page.getByTestId("join").click();
      await page.locator("[data-page=waiting]").waitFor();
      await cut(page, server);
    },
  },
  "room-back": {
    script: joinScript({ others: OTHERS }),
    act: async (page, server) => {
      await join(page);
      await page.getByTestId("microphone").click();
      await page.locator("[data-own=true][data-microphone=on]").waitFor();
      server.drop();
      await page.getByTestId("plea").waitFor();
    },
  },
  "room-away": {
    script: joinScript({ welcome: { role: "moderator" }, others: AWAY }),
    act: join,
  },
  left: {
    script: joinScript({ others: OTHERS }),
    act: async (page) => {
      await join(page);
      await page.getByTestId("leave").click();
      await page.getByTestId("again").waitFor();
    },
  },
  ended: { script: joinScript(), act: (page, server) => ended(page, server, "ended") },
  removed: { script: joinScript(), act: (page, server) => ended(page, server, "removed") },
  "taken-over": { script: joinScript(), act: (page, server) => ended(page, server, "taken-over") },
  failed: { script: joinScript(), act: (page, server) => ended(page, server, "failed") },
  "not-expected": { script: joinScript(), act: (page, server) => ended(page, server, "not-expected") },
  locked: {
    script: (connection, message) => connection.send(message.type === "hello" ? WELCOME : { type: "failed", reason: "locked" }),
    act: async (page) => {
      await page.getByTestId("join").click();
      await page.locator("[data-page=over]").waitFor();
    },
  },
  "unknown-link": { script: unwelcome("unknown-link"), act: (page) => page.locator("[data-page=over]").waitFor() },
  busy: { script: unwelcome("busy"), act: (page) => page.locator("[data-page=over]").waitFor() },
};

/** Runs in the page before its scripts: the browser has not got everything, as views inside other apps. */
function lack(parts) {
  if (parts.includes("mediaDevices")) Object.defineProperty(Navigator.prototype, "mediaDevices", { get: () => undefined });
  if (parts.includes("RTCPeerConnection")) delete globalThis.RTCPeerConnection;
}

/** Runs in the page: the browser lets nothing be heard without a click. */
export function refuseToPlay() {
  HTMLMediaElement.prototype.play = () => Promise.reject(new DOMException("", "NotAllowedError"));
}

/** Runs in the page before its scripts: `unplug()` takes away the microphone that is open, and `opened` names those that were. */
function vanish() {
  const devices = navigator.mediaDevices;
  const [open, list] = [devices.getUserMedia.bind(devices), devices.enumerateDevices.bind(devices)];
  let track = null;
  let gone = null;
  globalThis.opened = [];
  devices.getUserMedia = async (wanted) => {
    const stream = await open(wanted);
    [track] = stream.getAudioTracks();
    globalThis.opened.push(track.getSettings().deviceId);
    return stream;
  };
  devices.enumerateDevices = async () => (await list()).filter(({ deviceId }) => deviceId !== gone);
  globalThis.unplug = () => {
    gone = track.getSettings().deviceId;
    track.stop();
    track.dispatchEvent(new Event("ended"));
  };
}

/** Runs in the page: what reaches beyond the window. */
export function cutOff() {
  const shown = [...document.querySelectorAll("main *, aside *, header *, dialog *")].filter((element) => !element.closest("svg"));
  return shown.filter((element) => element.getBoundingClientRect().right > innerWidth + 1).map((element) => element.outerHTML.slice(0, 80));
}
