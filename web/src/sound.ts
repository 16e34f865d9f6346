//! Local sound through WebAudio: the level of the microphone and the test tone. Nothing here leaves the computer.

/** Quietest level that moves the meter, in dB below full scale. */
const FLOOR_DB = -60;
/** Notes of the test tone in hertz: a friendly rising third and fifth. */
const NOTES = [523.25, 659.25, 783.99];
/** Length of one note in seconds. */
const NOTE_S = 0.28;

export class Sound {
  /** How loud the test tone is, from 0 to 1, as what it is a test for. */
  volume = 1;
  #context: AudioContext | null = null;
  #analyser: AnalyserNode | null = null;
  #source: MediaStreamAudioSourceNode | null = null;
  #samples = new Float32Array(1024);
  #overheard: { track: MediaStreamTrack; source: MediaStreamAudioSourceNode; analyser: AnalyserNode } | null = null;

  /** Watches the level of a track; `null` stops. */
  watch(track: MediaStreamTrack | null): void {
    this.#source?.disconnect();
    this.#source = null;
    this.#analyser = null;
    if (!track) return;
    const context = this.#running();
    this.#analyser = new AnalyserNode(context, { fftSize: this.#samples.length });
    this.#source = new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream([track]) });
    this.#source.connect(this.#analyser);
  }

  /** Returns the present level from 0 (silence) to 1 (full scale), in steps of loudness, not of voltage. */
  level(): number {
    return this.#levelOf(this.#analyser);
  }

  /**
   * Follows what an open device hears although its track is off, by a second track that goes nowhere but to the level; `null` stops.
   * It opens no device, and keeps none open longer than the first.
   */
  overhear(track: MediaStreamTrack | null): void {
    this.#overheard?.source.disconnect();
    this.#overheard?.track.stop();
    this.#overheard = null;
    if (!track) return;
    const context = this.#running();
    const second = track.clone();
    second.enabled = true;
    const analyser = new AnalyserNode(context, { fftSize: this.#samples.length });
    const source = new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream([second]) });
    source.connect(analyser);
    this.#overheard = { track: second, source, analyser };
  }

  /** Returns the level that is overheard, as `level`. */
  overheard(): number {
    return this.#levelOf(this.#overheard?.analyser ?? null);
  }

  #levelOf(analyser: AnalyserNode | null): number {
    if (!analyser) return 0;
    analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    const db = 10 * Math.log10(sum / this.#samples.length + 1e-12);
    return Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
  }

  /** Plays the test tone and returns its length in milliseconds. */
  playTone(): number {
    const context = this.#running();
    NOTES.forEach((frequency, index) => {
      const start = context.currentTime + 0.05 + index * NOTE_S;
      const tone = new OscillatorNode(context, { frequency, type: "sine" });
      const gain = new GainNode(context, { gain: 0 });
      gain.gain.setValueAtTime(0, start);
      gain.gain.linearRampToValueAtTime(0.25 * this.volume + 0.001, start + 0.03);
      gain.gain.exponentialRampToValueAtTime(0.001, start + NOTE_S * 1.8);
      tone.connect(gain).connect(context.destination);
      tone.start(start);
      tone.stop(start + NOTE_S * 2);
    });
    return NOTES.length * NOTE_S * 1000 + 400;
  }

  /** Goes on after the page was away; iPhones stop it for a call or for another app. */
  resume(): void {
    if (this.#context) void this.#context.resume().catch(() => undefined);
  }

  #running(): AudioContext {
    this.#context ??= new AudioContext();
    void this.#context.resume();
    return this.#context;
  }
}
