//! The waiting room: what the waiting see, and what moderators see of them and do.

import { hearing } from "../hearing";
import type { Room } from "../room";
import { hearingOf, nameOf, roomTitle, text } from "../text";
import type { Props } from "./app";
import { Icon } from "./icon";
import { Protected } from "./protection";
import { Ending, useFocusKept } from "./roster";

/** What somebody sees who waits: nothing of the call, and a way out. */
export function WaitingRoom({ state, dispatch, room }: Props & { room: Room }) {
  const { language } = state;
  return (
    <main class="notice" data-testid="waiting-room">
      <div class="rings" aria-hidden="true">
        <span />
        <span />
        <span />
      </div>
      <p class="eyebrow">{roomTitle(language, room.welcome)}</p>
      <h1 id="title" tabIndex={-1}>
        {text(language, "waiting.title")}
      </h1>
      <p>{text(language, "waiting.text")}</p>
      <p class="detail" data-testid="heard">
        {hearingOf(language, hearing(room, state.company))}
      </p>
      <div role="status">{room.returning && <p class="strip" data-testid="audio">{text(language, "audio.returning")}</p>}</div>
      <button type="button" class="large" data-testid="leave" onClick={() => dispatch({ type: "leave-chosen" })}>
        <Icon name="door" />
        {text(language, "waiting.leave")}
      </button>
    </main>
  );
}

/** Who waits, for moderators. */
export function WaitingList({ state, dispatch, room }: Props & { room: Room }) {
  const { language } = state;
  const list = useFocusKept("waiting");
  const waiting = room.entries.filter(({ status }) => status === "pending");
  if (waiting.length === 0) return null;
  return (
    <section class="waiting" aria-labelledby="waiting" data-testid="waiting">
      <div class="waiting-head">
        <h2 id="waiting" tabIndex={-1}>
          {text(language, "room.waiting", { count: waiting.length })}
        </h2>
        {waiting.length > 1 && (
          <button type="button" data-testid="admit-all" onClick={() => dispatch({ type: "lead-chosen", message: { type: "admit-all" } })}>
            {text(language, "room.admit.all")}
          </button>
        )}
      </div>
      <ul role="list" ref={list}>
        {waiting.map((entry) => {
          const name = nameOf(language, entry);
          const participant = entry.id;
          return (
            <li key={participant} class="waiting-line" data-participant={participant} data-testid="waits" data-name={name}>
              <p class="name">
                <Icon name={entry.door} />
                <span class="name-text">{name}</span>
                <span class="unseen">{text(language, `room.door.${entry.door}`)}</span>
                <Ending language={language} entry={entry} />
                <Protected language={language} entry={entry} />
                {entry.away && (
                  <span class="badge" data-testid="away">
                    <Icon name="plug" />
                    {text(language, "room.away")}
                  </span>
                )}
                {entry.said_name && (
                  <span class="badge" data-testid="said-name">
                    <Icon name="speaker" />
                    {text(language, "room.said-name")}
                  </span>
                )}
              </p>
              {entry.said_name && (
                <button
                  type="button"
                  data-testid="hear-name"
                  aria-label={text(language, "room.hear-name.of", { name })}
                  onClick={() => dispatch({ type: "lead-chosen", message: { type: "hear-name", participant } })}
                >
                  {text(language, "room.hear-name")}
                </button>
              )}
              <button
                type="button"
                class="primary"
                data-testid="admit"
                aria-label={text(language, "room.admit.of", { name })}
                onClick={() => dispatch({ type: "lead-chosen", message: { type: "admit", participant } })}
              >
                {text(language, "room.admit")}
              </button>
              <button
                type="button"
                data-testid="turn-away"
                aria-label={text(language, "room.turn-away.of", { name })}
                onClick={() => dispatch({ type: "dialog-opened", dialog: { name: "turn-away", participant } })}
              >
                {text(language, "room.turn-away")}
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** That PINs of the room are guessed, and the way back, for moderators. */
export function Alarm({ state, dispatch, room }: Props & { room: Room }) {
  if (!room.state.alarm) return null;
  return (
    <div class="strip strip-warning" data-testid="alarm">
      <span>{text(state.language, "room.alarm")}</span>
      <button type="button" data-testid="lift-alarm" onClick={() => dispatch({ type: "lead-chosen", message: { type: "lift-alarm" } })}>
        {text(state.language, "room.alarm.lift")}
      </button>
    </div>
  );
}
