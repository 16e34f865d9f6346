//! The link: order, bounds and a silent end.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Link, type LinkNews } from "../src/link";

/** Stands in for the browser's socket. */
class Socket {
  static readonly OPEN = 1;
  static last: Socket;
  readyState = 0;
  sent: string[] = [];
  closed: (number | undefined)[] = [];
  onopen = () => {};
  onmessage = (_: { data: unknown }) => {};
  onclose = () => {};
  constructor(readonly url: string, readonly protocol: string) {
    Socket.last = this;
  }
  send(text: string) {
    this.sent.push(text);
  }
  close(code?: number) {
    this.closed.push(code);
  }
}

let news: LinkNews[];
let link: Link;
beforeEach(() => {
  Object.assign(globalThis, { WebSocket: Socket });
  news = [];
  link = new Link("ws://host/ws", (item) => news.push(item));
});

test("messages wait for the socket and keep their order", () => {
  assert.equal(Socket.last.protocol, "rundruf.1");
  link.send({ type: "hello", token: "t", seat: null });
  link.send({ type: "leave" });
  assert.deepEqual(Socket.last.sent, []);
  Socket.last.readyState = 1;
  Socket.last.onopen();
  assert.deepEqual(Socket.last.sent, ['{"type":"hello","token":"t","seat":null}', '{"type":"leave"}']);
});

test("the queue is bounded: what overflows ends the link", () => {
  for (let i = 0; i < 17; i++) link.send({ type: "leave" });
  assert.equal(Socket.last.closed.length, 1);
});

test("what is no message ends the link as malformed", () => {
  for (const data of ["{", "[]", "null", '{"no":"type"}', new ArrayBuffer(4), `"${"x".repeat(1_000_001)}"`]) Socket.last.onmessage({ data });
  assert.deepEqual(news, []);
  assert.deepEqual(Socket.last.closed, Array(6).fill(4000));
});

test("after its own close the link says nothing more", () => {
  link.close();
  Socket.last.onmessage({ data: '{"type":"connected"}' });
  Socket.last.onclose();
  assert.deepEqual(news, []);
});
