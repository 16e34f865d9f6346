//! What is typed, cut to what may be sent.

/** Cut to a length in UTF-16 units. Half of a character, which a cut or a paste may leave, is no text that can be sent; and without its end the flag of a part of a country is another. */
export function cut(words: string, max: number): string {
  const whole = words.replace(HALF, "");
  const kept = whole.slice(0, max).replace(HALF, "");
  return TAG.test(whole.slice(kept.length)) ? kept.replace(BEGUN_FLAG, "") : kept;
}

/** The first character of a word as readers take it: flags of parts of countries are one (UTS #51). */
export function firstOf(word: string): string {
  return FLAG.exec(word)?.[0] ?? [...word][0] ?? "";
}

const HALF = /\p{Surrogate}/gu;
const TAG = /^[\u{E0020}-\u{E007F}]/u;
const BEGUN_FLAG = /\u{1F3F4}[\u{E0020}-\u{E007E}]*$/u;
const FLAG = /^\u{1F3F4}[\u{E0030}-\u{E0039}\u{E0061}-\u{E007A}]+\u{E007F}/u;
