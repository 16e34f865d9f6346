//! Speaks somebody whose microphone is off? Judged from the level alone and in the page alone, as the server does it for telephones.

/** Time between two judgements, in milliseconds. */
export const JUDGED_MS = 100;
/** Level of somebody who speaks at their table; breath and keys are below. */
const LEVEL = 0.45;
/** Judgements after the microphone was switched off in which a sentence may end: 3 s. */
const GRACE = 30;
/** Judgements with sound, less those without, that are speech: 1 s. */
const SPEECH = 10;

/** Watches one time of being off. */
export class Unheard {
  #judged = 0;
  #spoken = 0;
  #told = false;

  /** Hears the present level, from 0 to 1; tells once that somebody speaks. */
  handle(level: number): boolean {
    this.#judged++;
    if (this.#told || this.#judged <= GRACE) return false;
    this.#spoken = Math.max(0, this.#spoken + (level >= LEVEL ? 1 : -1));
    this.#told = this.#spoken >= SPEECH;
    return this.#told;
  }
}
