//! The link to the server: one WebSocket, JSON messages, a bounded queue, a clean close.
//!
//! It knows neither the page nor the state; it reports what happened and sends what it is told.

import type { ClientMessage, ServerMessage } from "./wire";

/** The subprotocol both sides must speak. */
const SUBPROTOCOL = "rundruf.1";
/** Messages kept while the socket opens; more means something is broken, so the link is given up. */
const QUEUE_MAX = 16;
/** Longest message accepted from the server, in characters; a roster of 1,000 people has about 200,000. */
const MESSAGE_MAX = 1_000_000;
/** RFC 6455 §7.4.1: the peer sent what it must not send; from a script only 3000–4999 are allowed. */
const CLOSE_MALFORMED = 4000;

/** What the link tells its owner. */
export type LinkNews = { type: "open" } | { type: "message"; message: ServerMessage } | { type: "closed" };

export class Link {
  #socket: WebSocket;
  #queue: string[] = [];
  #tell: ((news: LinkNews) => void) | null;

  constructor(url: string, tell: (news: LinkNews) => void) {
    this.#tell = tell;
    this.#socket = new WebSocket(url, SUBPROTOCOL);
    this.#socket.onopen = () => this.#open();
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = () => this.#end();
  }

  /** Sends one message; before the socket is open it waits in the queue. */
  send(message: ClientMessage): void {
    const text = JSON.stringify(message);
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
    else if (this.#queue.length < QUEUE_MAX) this.#queue.push(text);
    else this.#socket.close();
  }

  /** Ends the link; nothing is told afterwards. */
  close(): void {
    this.#tell = null;
    this.#queue = [];
    this.#socket.close(1000);
  }

  #open(): void {
    this.#tell?.({ type: "open" });
    for (const text of this.#queue.splice(0)) this.#socket.send(text);
  }

  #receive(data: unknown): void {
    const message = typeof data === "string" && data.length <= MESSAGE_MAX ? parse(data) : null;
    if (message) this.#tell?.({ type: "message", message });
    else this.#socket.close(CLOSE_MALFORMED);
  }

  #end(): void {
    this.#tell?.({ type: "closed" });
    this.#tell = null;
  }
}

/** Reads a message of the own server: JSON with a type. */
function parse(text: string): ServerMessage | null {
  try {
    const value: unknown = JSON.parse(text);
    const typed = typeof value === "object" && value !== null && "type" in value;
    return typed ? (value as ServerMessage) : null;
  } catch {
    return null;
  }
}
