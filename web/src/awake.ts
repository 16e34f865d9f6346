//! The screen stays on while one is in the call, where the browser can do that.
//!
//! A telephone that goes dark puts the page to sleep, and with it the sound. Browsers take the lock away from a page that is not
//! seen, so it is asked for again when the page comes back. Where there is none, or the battery forbids it, all goes on without.

/** Whoever gives locks: `navigator.wakeLock`. */
export type Locks = Pick<WakeLock, "request">;

export class Awake {
  #locks: Locks | undefined;
  #lock: WakeLockSentinel | null = null;
  /** Grows with each release, so that a lock which comes too late is given back. */
  #turn = 0;

  constructor(locks: Locks | undefined) {
    this.#locks = locks;
  }

  /** Keeps the screen on, until `release`. */
  async hold(): Promise<void> {
    if (this.#holds()) return;
    const turn = this.#turn;
    try {
      const lock = await this.#locks?.request("screen");
      if (!lock) return;
      if (turn === this.#turn && !this.#holds()) this.#lock = lock;
      else await lock.release();
    } catch {
      // The call goes on as well with a screen that goes dark.
    }
  }

  #holds(): boolean {
    return this.#lock?.released === false;
  }

  release(): void {
    this.#turn++;
    void this.#lock?.release().catch(() => undefined);
    this.#lock = null;
  }
}
