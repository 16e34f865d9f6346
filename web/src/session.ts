//! The session: does what the reducer asks for and reports what came of it. It holds link, call and microphone, and no state of its own
//! that the page could show.

import { Awake } from "./awake";
import { Call, type CallNews, microphones, obstacleOf, openMicrophone } from "./call";
import { type Effect, RETURN_MS_MAX } from "./effect";
import { Link, type LinkNews } from "./link";
import type { Seat } from "./seat";
import { Sound } from "./sound";
import type { Event } from "./state";
import { JUDGED_MS, Unheard } from "./unheard";
import type { Relay } from "./wire";

/** How long a toast stays. */
const TOAST_MS = 8000;
/** Between two messages of what is typed: it leaves within this time, and the server's budget of messages holds (EN 301 549 §6.2.4 asks for half a second). */
const TYPING_MS = 300;
/** How long a line that is not ended has to rest until it is read aloud as far as it is: longer than between two words, short enough for an answer. */
const REST_MS = 3000;
/** Longest wait for the server's next word while the page can only wait. */
const WAIT_MS_MAX = 15_000;
/** How often the connection is judged; two judgements without a packet count as an interruption. */
const QUALITY_MS = 2000;

/** Where the mix is heard: the page's audio element. */
export type Speaker = { srcObject: MediaProvider | null; volume: number; play(): Promise<void>; pause(): void };

/** Tells whether the page can make the mix softer. On iPhones it cannot: the volume is that of the device, and always reads 1. */
export function isAdjustable(speaker: Speaker): boolean {
  const before = speaker.volume;
  speaker.volume = 0.5;
  const adjustable = speaker.volume === 0.5;
  speaker.volume = before;
  return adjustable;
}

export class Session {
  readonly sound = new Sound();
  readonly #awake = new Awake(navigator.wakeLock);
  #link: Link | null = null;
  #call: Call | null = null;
  #track: MediaStreamTrack | null = null;
  /** Nothing is played: a telephone is the sound of the page. */
  #silent = false;
  #timers = { connect: 0, wait: 0, quality: 0, unheard: 0, return: 0 };
  /** Grows with each request for a device, so that an answer which comes too late is recognised. */
  #turn = 0;

  constructor(
    private readonly url: string,
    private readonly token: string,
    private readonly seat: Seat,
    private readonly speaker: Speaker,
    private readonly tell: (event: Event) => void,
  ) {}

  perform(effect: Effect): void {
    switch (effect.do) {
      case "connect":
        return this.#connect(effect.after_ms, effect.wait_ms);
      case "hello":
        return this.#link?.send({ type: "hello", token: this.token, seat: this.seat.token });
      case "keep-seat":
        return this.seat.keep(effect.seat);
      case "forget-seat":
        return this.seat.forget();
      case "break-off":
        return this.#breakOff();
      case "limit-return":
        clearTimeout(this.#timers.return);
        this.#timers.return = window.setTimeout(() => this.tell({ type: "return-over" }), RETURN_MS_MAX);
        return;
      case "send":
        return this.#link?.send(effect.message);
      case "hang-up":
        return this.hangUp();
      case "negotiate":
        return void this.#negotiate();
      case "answer":
        return void this.#answer(effect.sdp, effect.relay);
      case "play":
        return void this.#play();
      case "set-playback":
        this.#silent = !effect.on;
        return effect.on ? void this.#play() : this.speaker.pause();
      case "resume-sound":
        return this.sound.resume();
      case "stay-awake":
        return void this.#awake.hold();
      case "play-tone":
        return void this.sound.playTone();
      case "set-volume":
        this.speaker.volume = effect.volume / 100;
        this.sound.volume = effect.volume / 100;
        return;
      case "open-microphone":
      case "switch-microphone":
        return void this.#openMicrophone(effect.device, effect.original, effect.do === "switch-microphone");
      case "close-microphone":
        return this.#keep(null);
      case "set-microphone":
        if (this.#track) this.#track.enabled = effect.on;
        return this.#overhear(effect.on ? null : this.#track);
      case "list-devices":
        return void microphones().then((devices) => this.tell({ type: "devices-listed", devices }));
      case "pause-typing":
        setTimeout(() => this.tell({ type: "pause-over" }), TYPING_MS);
        return;
      case "await-rest":
        setTimeout(() => this.tell({ type: "line-rested", line: effect.line, words: effect.words }), REST_MS);
        return;
      case "expire-toast":
        setTimeout(() => this.tell({ type: "toast-expired", id: effect.id }), TOAST_MS);
    }
  }

  /** Ends link and call and gives the microphone back. */
  hangUp(): void {
    clearTimeout(this.#timers.return);
    this.#end();
    this.speaker.srcObject = null;
    this.#keep(null);
    this.#awake.release();
  }

  /** Ends all when the page goes away. Whether it is closed or loaded again nobody tells it, so it says goodbye only if it could not come back. */
  suspend(): void {
    if (!this.seat.isStored) this.#link?.send({ type: "leave" });
    this.hangUp();
  }

  /** Ends link and call, to begin anew. The microphone stays open, silent, so that the way back asks for nothing. */
  #breakOff(): void {
    this.#end();
    // A device that opens from here on comes too late.
    this.#turn++;
    if (this.#track) this.#track.enabled = false;
  }

  #end(): void {
    clearTimeout(this.#timers.connect);
    clearTimeout(this.#timers.wait);
    clearInterval(this.#timers.quality);
    this.#link?.close();
    this.#link = null;
    this.#call?.close();
    this.#call = null;
  }

  #connect(after_ms: number, wait_ms?: number): void {
    clearTimeout(this.#timers.connect);
    this.#timers.connect = window.setTimeout(() => {
      this.#wait(wait_ms);
      this.#link?.close();
      this.#link = new Link(this.url, (news) => this.#linkNews(news));
    }, after_ms);
  }

  #wait(wait_ms = WAIT_MS_MAX): void {
    clearTimeout(this.#timers.wait);
    this.#timers.wait = window.setTimeout(() => this.tell({ type: "waited-too-long" }), wait_ms);
  }

  #linkNews(news: LinkNews): void {
    if (news.type === "message") this.tell({ type: "received", message: news.message });
    else this.tell({ type: news.type === "open" ? "link-opened" : "link-closed" });
  }

  async #negotiate(): Promise<void> {
    this.#wait();
    try {
      this.#call?.close();
      const call = new Call((news) => this.#callNews(news));
      this.#call = call;
      if (this.#track) await call.attach(this.#track);
      const sdp = await call.offer();
      if (this.#call === call) this.tell({ type: "offer-made", sdp });
    } catch {
      this.tell({ type: "call-unsupported" });
    }
  }

  async #answer(sdp: string, relay: Relay | null): Promise<void> {
    const call = this.#call;
    try {
      await call?.answer(sdp, relay);
      clearInterval(this.#timers.quality);
      this.#timers.quality = window.setInterval(() => void this.#judge(), QUALITY_MS);
    } catch {
      if (this.#call === call) this.tell({ type: "call-changed", state: "failed" });
    }
  }

  #callNews(news: CallNews): void {
    if (news.type === "connection") return this.tell({ type: "call-changed", state: news.state });
    this.speaker.srcObject = news.stream;
    void this.#play();
  }

  async #judge(): Promise<void> {
    const call = this.#call;
    const quality = (await call?.quality()) ?? null;
    if (call && this.#call === call) this.tell({ type: "quality-judged", quality });
  }

  async #play(): Promise<void> {
    if (this.#silent) return;
    try {
      await this.speaker.play();
      this.tell({ type: "playback-started" });
    } catch (error) {
      if (error instanceof DOMException && error.name === "NotAllowedError") this.tell({ type: "playback-blocked" });
    }
  }

  async #openMicrophone(device: string | null, original: boolean, switching: boolean): Promise<void> {
    const turn = ++this.#turn;
    try {
      const track = await openMicrophone(device, original);
      if (turn !== this.#turn) return track.stop();
      // In a call nothing is heard before the reducer has it switched on; the test before it needs the level.
      track.enabled = switching ? (this.#track?.enabled ?? false) : !this.#call;
      this.#keep(track);
      if (switching && !track.enabled) this.#overhear(track);
      await this.#call?.attach(track);
      if (!switching) this.tell({ type: "microphone-opened" });
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#keep(null);
      this.tell({ type: "microphone-failed", obstacle: obstacleOf(error) });
    }
  }

  /** Notices that somebody speaks while their microphone is off, as long as its device is open all the same. */
  #overhear(track: MediaStreamTrack | null): void {
    clearInterval(this.#timers.unheard);
    this.sound.overhear(track);
    if (!track) return;
    const unheard = new Unheard();
    this.#timers.unheard = window.setInterval(() => {
      if (!unheard.handle(this.sound.overheard())) return;
      this.#overhear(null);
      this.tell({ type: "speech-unheard" });
    }, JUDGED_MS);
  }

  #keep(track: MediaStreamTrack | null): void {
    this.#overhear(null);
    if (!track) {
      this.#turn++;
      void this.#call?.attach(null);
    }
    if (this.#track) this.#track.onended = this.#track.onmute = this.#track.onunmute = null;
    this.#track?.stop();
    this.#track = track;
    this.sound.watch(track);
    if (!track) return;
    const judge = () => this.tell({ type: "microphone-stilled", still: track.muted });
    track.onended = () => this.#unplugged();
    track.onmute = track.onunmute = judge;
    judge();
  }

  /** The device was unplugged or its permission withdrawn. */
  #unplugged(): void {
    this.#keep(null);
    this.tell({ type: "microphone-failed", obstacle: "gone" });
  }
}
