//! The token of the own seat, for the time until the page is closed: by it a page that was loaded again comes back.
//!
//! It is sealed by the server; nothing can be read from it. It lies in the session storage of this one tab, and where the
//! browser gives none, as in some private windows, in memory alone: then a lost link comes back, and a page loaded again does not.

/** What of the browser's storage is used. */
export type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const KEY = "rundruf.seat";

export class Seat {
  #token: string | null;

  constructor(private readonly store: () => Store) {
    this.#token = this.#try((store) => store.getItem(KEY));
  }

  get token(): string | null {
    return this.#token;
  }

  /** Tells whether a page loaded again would find it. */
  get isStored(): boolean {
    return this.#token !== null && this.#try((store) => store.getItem(KEY)) === this.#token;
  }

  keep(token: string): void {
    this.#token = token;
    this.#try((store) => store.setItem(KEY, token));
  }

  forget(): void {
    this.#token = null;
    this.#try((store) => store.removeItem(KEY));
  }

  /** Browsers may throw at any use of the storage, even at naming it. */
  #try<T>(use: (store: Store) => T): T | null {
    try {
      return use(this.store());
    } catch {
      return null;
    }
  }
}
