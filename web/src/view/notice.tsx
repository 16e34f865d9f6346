//! What is not the call itself: waiting, the end, obstacles, and short messages.

import type { Room } from "../room";
import type { Event, OverPage, State, Why } from "../state";
import { type Key, sentence, text } from "../text";
import type { Props } from "./app";
import { DeviceChoice } from "./device";
import { DialInCard } from "./dial-in";
import { Icon, type IconName } from "./icon";
import { TelephoneNotice } from "./telephone";

export function Waiting({ title, sentence: words, detail }: { title: string; sentence: string; detail?: string }) {
  return (
    <main class="notice">
      <div class="rings" aria-hidden="true">
        <span />
        <span />
        <span />
      </div>
      <h1 id="title" tabIndex={-1}>
        {title}
      </h1>
      <p role="status">{words}</p>
      {detail && <p class="detail">{detail}</p>}
    </main>
  );
}

const ICONS: Record<Why, IconName> = {
  left: "door",
  ended: "hang-up",
  removed: "remove",
  "taken-over": "link",
  "unknown-link": "link",
  busy: "again",
  full: "again",
  locked: "lock",
  "not-expected": "door",
  "no-place": "door",
  "come-later": "again",
  lost: "plug",
  "no-audio": "plug",
  unsupported: "phone",
  failed: "plug",
};
/** Ends after which trying again makes no sense. */
const FINAL: readonly Why[] = ["ended", "removed", "not-expected", "no-place", "unknown-link", "unsupported"];
/** Ends after which the telephone is the better way. */
const CALL_INSTEAD: readonly Why[] = ["lost", "no-audio", "unsupported", "failed"];

export function Over({ state, dispatch, page }: Props & { page: OverPage }) {
  const { why, welcome } = page;
  const t = (key: Key) => text(state.language, key);
  return (
    <main class="notice">
      <div class="notice-icon">
        <Icon name={ICONS[why]} />
      </div>
      <h1 id="title" tabIndex={-1} data-why={why}>
        {t(`over.${why}.title`)}
      </h1>
      <p>{t(`over.${why}.text`)}</p>
      {!FINAL.includes(why) && (
        <button type="button" class="primary large" data-testid="again" onClick={() => dispatch({ type: "join-again-chosen" })}>
          {t(why === "left" ? "over.again" : "over.retry")}
        </button>
      )}
      {welcome?.dial_in && CALL_INSTEAD.includes(why) && <DialInCard language={state.language} dialIn={welcome.dial_in} />}
    </main>
  );
}

/** Obstacles that last until they are removed; they stay on the page instead of passing by as toasts. */
export function Notices({ state, dispatch, sound, room }: Props & { room: Room }) {
  const t = (key: Key) => text(state.language, key);
  const { device } = room.microphone;
  return (
    <>
      <div class="notices" role="status">
        {room.audio !== "connected" && (
          <p class="strip" data-testid="audio">
            {t(room.returning ? "audio.returning" : `audio.${room.audio}`)}
          </p>
        )}
        {(device === "denied" || device === "missing" || device === "busy" || device === "gone" || device === "unable") && (
          <p class="strip strip-warning" data-testid="obstacle">
            <Icon name="microphone-off" />
            <span>{t(device === "gone" && state.devices.length > 0 ? "obstacle.gone.choice" : `obstacle.${device}`)}</span>
          </p>
        )}
        {state.volume === 0 && (
          <p class="strip strip-warning" data-testid="silenced">
            <Icon name="speaker" />
            <span>{t("volume.silenced")}</span>
          </p>
        )}
        {room.blocked && (
          <div class="strip strip-warning strip-blocked">
            <span>{t(room.played ? "audio.stopped" : "audio.blocked")}</span>
            <button type="button" class="primary large" data-testid="unblock" onClick={() => dispatch({ type: "playback-chosen" })}>
              <Icon name="speaker" />
              {t(room.played ? "audio.again" : "audio.unblock")}
            </button>
          </div>
        )}
      </div>
      <TelephoneNotice state={state} dispatch={dispatch} sound={sound} room={room} />
      {/* Outside of what is read aloud as it changes; the dialogue has the same choice. */}
      {device === "gone" && !room.dialog && <DeviceChoice state={state} dispatch={dispatch} />}
      {device === "unable" && room.welcome.dial_in && <DialInCard language={state.language} dialIn={room.welcome.dial_in} />}
    </>
  );
}

/** Toasts are for the eye; the live region says the same once. */
export function Toasts({ state, dispatch }: { state: State; dispatch: (event: Event) => void }) {
  if (state.toasts.length === 0) return null;
  return (
    <section class="toasts" aria-label={text(state.language, "app.messages")}>
      {state.toasts.map(({ id, sentence: said }) => (
        <div class="toast" key={id} data-testid="toast">
          <p>{sentence(state.language, said)}</p>
          <button
            type="button"
            class="icon-button"
            aria-label={text(state.language, "dialog.close")}
            onClick={() => dispatch({ type: "toast-expired", id })}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </section>
  );
}
