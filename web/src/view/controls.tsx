//! The bar at the foot of the call: the microphone in the middle, the raised hand, and in words whether one can be heard.

import { useLayoutEffect, useRef } from "preact/hooks";
import { nameAmong } from "../alike";
import { hearing, talksWith } from "../hearing";
import { byTelephone } from "../pair";
import { heard, mayTalk, me, music, type Room } from "../room";
import { asking } from "../roster";
import { hearingOf, type Key, sentence, text } from "../text";
import type { Sentence } from "../state";
import type { Props } from "./app";
import { Meter } from "./device";
import { Icon } from "./icon";

export function Controls({ state, dispatch, sound, room }: Props & { room: Room }) {
  const t = (key: Key) => text(state.language, key);
  const on = room.microphone.wish;
  const through = heard(room);
  const who = hearing(room, state.company);
  const byPhone = byTelephone(room);
  const rank = asking(room.entries).findIndex(({ id }) => id === room.own) + 1;
  return (
    <aside class={`controls${through ? " live" : ""}`} aria-label={t("controls.title")} data-returning={room.returning}>
      {room.plea && <Plea state={state} dispatch={dispatch} plea={room.plea} />}
      <div class="controls-state">
        <p class="heard" id="heard" data-testid="heard" data-by={who.by} data-why={who.by === "nobody" ? who.why : undefined}>
          {hearingOf(state.language, who)}
        </p>
        <FloorState state={state} room={room} named={who.by === "apart"} />
        {rank > 0 && (
          <p class="raised" data-testid="raised">
            <Icon name="hand" />
            {text(state.language, "controls.raised", { rank })}
          </p>
        )}
        {on && !byPhone && <Meter sound={sound} label={t("check.level")} />}
      </div>
      <MicrophoneButton state={state} dispatch={dispatch} room={room} raised={rank > 0} />
      <div class="controls-more">
        <button
          type="button"
          class="stacked hand"
          data-testid="hand"
          aria-pressed={rank > 0}
          aria-keyshortcuts={state.shortcut ? "H" : undefined}
          onClick={() => dispatch({ type: "hand-toggled" })}
        >
          <Icon name="hand" />
          <span>
            {t("controls.hand")} {state.shortcut && <kbd aria-hidden="true">{t("controls.hand.key")}</kbd>}
          </span>
        </button>
        <button type="button" class="stacked sound" data-testid="sound" onClick={() => dispatch({ type: "dialog-opened", dialog: { name: "sound" } })}>
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

/** Says why one is heard or not, and names nobody who is `named` above it. Who may speak stays on narrow pages too, where the microphone's own state is said already. */
function FloorState({ state, room, named }: Pick<Props, "state"> & { room: Room; named: boolean }) {
  const t = (key: Key) => text(state.language, key);
  const on = room.microphone.wish;
  const free = !on && mayTalk(room);
  const other = talksWith(room);
  if (other) {
    return (
      <p class="heard-hint kept" data-testid="heard-hint">
        {named ? t("controls.apart.on") : text(state.language, "controls.apart", { name: nameAmong(state.language, room.entries, other) })}
      </p>
    );
  }
  const [words, kept] = !mayTalk(room)
    ? (["controls.asking", true] as const)
    : on && room.hold
      ? (["controls.held.hint", false] as const)
    : me(room)?.floor
      ? (["controls.floor", true] as const)
      : ([on ? (music(room) ? "controls.music.hint" : "controls.heard.hint") : "controls.unheard.hint", false] as const);
  return (
    <p class={`heard-hint${kept ? " kept" : ""}`} data-testid="heard-hint">
      {t(words)} {state.shortcut && <kbd>{t("controls.key")}</kbd>}{" "}
      {state.shortcut && free && (
        <kbd class="held" data-testid="held">
          {t("controls.held")}
        </kbd>
      )}
    </p>
  );
}

/** Asks the person to switch their microphone on. It is said by the live region, and takes no focus: whoever types or reads goes on. */
function Plea({ state, dispatch, plea }: Pick<Props, "state" | "dispatch"> & { plea: Sentence }) {
  const t = (key: Key) => text(state.language, key);
  const element = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const section = element.current;
    // The focus goes on at the microphone when the button under it goes away.
    return () => void (section?.contains(document.activeElement) && document.querySelector<HTMLElement>("[data-testid=microphone]")?.focus());
  }, []);
  return (
    <section class="plea" aria-label={t("key" in plea ? "plea.back" : "plea.title")} data-testid="plea" ref={element}>
      <p>{sentence(state.language, plea)}</p>
      <div class="plea-actions">
        <button type="button" class="primary" data-testid="plea-yes" aria-label={t("controls.turn-on")} onClick={() => dispatch({ type: "microphone-toggled" })}>
          <Icon name="microphone" />
          {t("controls.on")}
        </button>
        <button type="button" class="quiet" data-testid="plea-no" onClick={() => dispatch({ type: "plea-declined" })}>
          {t("plea.no")}
        </button>
      </div>
    </section>
  );
}

/** Without the right to speak it asks for it, and says so. */
export function MicrophoneButton({ state, dispatch, room, raised }: Pick<Props, "state" | "dispatch"> & { room: Room; raised: boolean }) {
  const { device, wish: on } = room.microphone;
  const t = (key: Key) => text(state.language, key);
  const may = mayTalk(room);
  const opening = may && device === "opening";
  const [label, full]: [Key, Key?] = !may
    ? raised
      ? ["controls.withdraw", "controls.withdraw.hand"]
      : ["controls.ask"]
    : opening
      ? ["controls.opening"]
      : on
        ? ["controls.off", "controls.turn-off"]
        : ["controls.on", "controls.turn-on"];
  return (
    <button
      type="button"
      class={`microphone${!may && raised ? " asked" : ""}`}
      data-testid="microphone"
      data-microphone={opening ? "opening" : on ? "on" : "off"}
      data-asks={!may}
      aria-label={full && t(full)}
      aria-describedby="heard"
      aria-keyshortcuts={state.shortcut ? "M" : undefined}
      onClick={() => dispatch({ type: "microphone-toggled" })}
    >
      <span class="microphone-disc">
        <Icon name={!may ? "hand" : on ? "microphone" : "microphone-off"} />
      </span>
      <span class="microphone-label">{t(label)}</span>
    </button>
  );
}
