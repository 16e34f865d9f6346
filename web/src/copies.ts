//! Copies of the sound sent before, in each packet (RFC 2198 "RED"), for a way up that loses packets.
//!
//! Chromium sends them where RED stands before Opus in the answer, always one packet back and whether anything is lost or not:
//! twice the bytes. So the server's answer has RED behind Opus, and the page moves it to the front while it pays. The server
//! takes both at any time and need not be asked.

/** Share of lost packets from which on copies are sent; libopus makes up for less by itself. */
const BEGINS = 0.012;
/** Questions in a row without such loss after which no more copies are sent: a minute. */
const CALM = 30;

/** Says when copies pay. */
export class Copies {
  #wanted = false;
  #calm = 0;

  /** Hears the share of packets lost on the way up, as last reported; tells whether copies are wanted. */
  judge(lost: number): boolean {
    this.#calm = lost >= BEGINS ? 0 : this.#calm + 1;
    this.#wanted = lost >= BEGINS || (this.#wanted && this.#calm < CALM);
    return this.#wanted;
  }
}

/** Moves RED to the front of an answer's audio formats; `null` where there is none. */
export function preferCopies(answer: string): string | null {
  const red = /^a=rtpmap:(\d+) red\/48000\/2\r?$/m.exec(answer)?.[1];
  if (red === undefined) return null;
  return answer.replace(/^(m=audio \d+ \S+)((?: \d+)+)/m, (_, line: string, formats: string) => {
    const others = formats.split(" ").filter((format) => format !== "" && format !== red);
    return [line, red, ...others].join(" ");
  });
}
