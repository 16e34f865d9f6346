//! The bar at the foot of the call: the microphone in the middle, and in words whether one can be heard.

import { heard, music, type Room } from "../room";
import { type Key, text } from "../text";
import type { Props } from "./app";
import { Meter } from "./device";
import { Icon } from "./icon";

export function Controls({ state, dispatch, sound, room }: Props & { room: Room }) {
  const t = (key: Key) => text(state.language, key);
  const on = room.microphone.wish;
  const through = heard(room);
  return (
    <aside class={`controls${through ? " live" : ""}`} aria-label={t("controls.title")}>
      <div class="controls-state">
        <p class="heard" data-testid="heard">
          {t(through ? "controls.heard" : on ? "controls.waiting" : "controls.unheard")}
        </p>
        <p class="heard-hint">
          {t(on ? (music(room) ? "controls.music.hint" : "controls.heard.hint") : "controls.unheard.hint")} {state.shortcut && <kbd>{t("controls.key")}</kbd>}
        </p>
        {on && <Meter sound={sound} label={t("check.level")} />}
      </div>
      <MicrophoneButton state={state} dispatch={dispatch} sound={sound} room={room} />
      <div class="controls-more">
        <button type="button" class="stacked" data-testid="sound" onClick={() => dispatch({ type: "dialog-opened", dialog: { name: "sound" } })}>
          <Icon name="speaker" />
          <span>{t("controls.sound")}</span>
        </button>
        <button type="button" class="stacked leave" data-testid="leave" onClick={() => dispatch({ type: "leave-chosen" })}>
          <Icon name="door" />
          <span>{t("controls.leave")}</span>
        </button>
      </div>
    </aside>
  );
}

function MicrophoneButton({ state, dispatch, room }: Props & { room: Room }) {
  const { device, wish: on } = room.microphone;
  const t = (key: Key) => text(state.language, key);
  const opening = device === "opening";
  return (
    <button
      type="button"
      class="microphone"
      data-testid="microphone"
      data-microphone={opening ? "opening" : on ? "on" : "off"}
      aria-label={opening ? undefined : t(on ? "controls.turn-off" : "controls.turn-on")}
      aria-keyshortcuts={state.shortcut ? "M" : undefined}
      onClick={() => dispatch({ type: "microphone-toggled" })}
    >
      <span class="microphone-disc">
        <Icon name={on ? "microphone" : "microphone-off"} />
      </span>
      <span class="microphone-label">{t(opening ? "controls.opening" : on ? "controls.off" : "controls.on")}</span>
    </button>
  );
}
