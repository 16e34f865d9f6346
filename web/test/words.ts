//! What tests ask of texts.

/** Returns the placeholders of a text, in order. */
export function marks(words: string): string[] {
  return (words.match(/\{\w+\}/g) ?? []).sort();
}
