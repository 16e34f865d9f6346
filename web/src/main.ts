//! Wires reducer, session and views together.

import { h, render } from "preact";
import { listen } from "./keys";
import { Seat } from "./seat";
import { isAdjustable, Session } from "./session";
import { type Event, initial, type Language, type Means, reduce, type State, VOLUME_MAX } from "./state";
import { tagOf, titleOf } from "./text";
import { App } from "./view/app";

const token = location.hash.slice(1);
const mix = document.querySelector<HTMLAudioElement>("#mix");
const root = document.querySelector("#app");
if (!mix || !root) throw new Error("index.html has both elements");

const session = new Session(`${location.origin.replace(/^http/, "ws")}/ws`, token, new Seat(() => sessionStorage), mix, dispatch);
let state: State = initial(preferred(), crypto.getRandomValues(new Uint16Array(1))[0] ?? 0, isAdjustable(mix) ? VOLUME_MAX : null, means());

addEventListener("pagehide", () => session.suspend());
addEventListener("online", () => dispatch({ type: "network-back" }));
// A page from the back-forward cache has ended the call and comes back to it; another link is another call.
addEventListener("pageshow", (event) => event.persisted && location.reload());
addEventListener("hashchange", () => location.reload());
listen(() => state, dispatch);
document.addEventListener("visibilitychange", () => document.hidden || dispatch({ type: "page-shown" }));
navigator.mediaDevices?.addEventListener("devicechange", () => dispatch({ type: "devices-changed" }));

// What stands there for browsers that cannot read this script.
root.replaceChildren();
draw();
dispatch(token ? { type: "started" } : { type: "received", message: { type: "unwelcome", reason: "unknown-link" } });

function dispatch(event: Event): void {
  const before = state;
  state = reduce(state, event);
  for (const effect of state.outbox) session.perform(effect);
  if (state !== before) draw();
}

function draw(): void {
  document.title = titleOf(state);
  document.documentElement.lang = tagOf(state.language);
  if (root) render(h(App, { state, dispatch, sound: session.sound }), root);
}

function means(): Means {
  return { call: "RTCPeerConnection" in globalThis, microphone: Boolean(navigator.mediaDevices?.getUserMedia) };
}

/** The language of the browser if the page has it, else English; it holds until a room says how it speaks. */
function preferred(): Language {
  const known = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag === "de" || tag === "en");
  return known === "de" ? "de" : "en";
}
