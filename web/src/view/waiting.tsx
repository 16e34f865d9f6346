//! The waiting room: what the waiting see, and what moderators see of them and do.

import { useLayoutEffect, useRef } from "preact/hooks";
import { nameAmong } from "../alike";
import { hearing } from "../hearing";
import { apart, heard, type Room } from "../room";
import { find } from "../roster";
import { hearingOf, nameOf, roomTitle, text } from "../text";
import type { Entry } from "../wire";
import type { Props } from "./app";
import { MicrophoneButton } from "./controls";
import { Meter } from "./device";
import { Icon } from "./icon";
import { Notices } from "./notice";
import { Protected } from "./protection";
import { Ending, useFocusKept } from "./roster";

/** What somebody sees who waits: nothing of the call, and a way out; and their microphone while a moderator talks with them. */
export function WaitingRoom({ state, dispatch, sound, room }: Props & { room: Room }) {
  const { language } = state;
  const addressed = apart(room);
  return (
    <main class={`notice${addressed && heard(room) ? " live" : ""}`} data-testid="waiting-room">
      <div class="rings" aria-hidden="true">
        <span />
        <span />
        <span />
      </div>
      <p class="eyebrow">{roomTitle(language, room.welcome)}</p>
      <h1 id="title" tabIndex={-1}>
        {text(language, addressed ? "addressed.title" : "waiting.title")}
      </h1>
      <p>{text(language, addressed ? "addressed.text" : "waiting.text")}</p>
      <p class="detail" id="heard" data-testid="heard">
        {hearingOf(language, hearing(room, state.company))}
      </p>
      {addressed && <Answer state={state} dispatch={dispatch} sound={sound} room={room} />}
      <div role="status">{!addressed && room.returning && <p class="strip" data-testid="audio">{text(language, "audio.returning")}</p>}</div>
      <button type="button" class="large" data-testid="leave" onClick={() => dispatch({ type: "leave-chosen" })}>
        <Icon name="door" />
        {text(language, "waiting.leave")}
      </button>
    </main>
  );
}

/** The own microphone, which nobody else switches on. When it goes away, the focus goes back to the heading. */
function Answer(props: Props & { room: Room }) {
  const { state, sound, room } = props;
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const answer = element.current;
    return () => void (answer?.contains(document.activeElement) && document.getElementById("title")?.focus());
  }, []);
  return (
    <div class="answer" data-testid="answer" ref={element}>
      <Notices {...props} />
      {room.microphone.wish && <Meter sound={sound} label={text(state.language, "check.level")} />}
      <MicrophoneButton {...props} raised={false} />
    </div>
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
          const name = nameAmong(language, room.entries, entry);
          const participant = entry.id;
          return (
            <li key={participant} class="waiting-line" data-participant={participant} data-testid="waits" data-name={nameOf(language, entry)}>
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
                <Talked language={language} room={room} entry={entry} />
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
              <Talk state={state} dispatch={dispatch} room={room} entry={entry} />
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

/** That somebody who waits is talked to, and by whom. */
function Talked({ language, room, entry }: { language: Props["state"]["language"]; room: Room; entry: Entry }) {
  if (!entry.apart) return null;
  const moderator = find(room.entries, entry.apart_with ?? "");
  const own = entry.apart_with === room.own;
  return (
    <span class="badge" data-testid="talked">
      <Icon name="chat" />
      {own || !moderator ? text(language, "room.talked.own") : text(language, "room.talked", { name: nameAmong(language, room.entries, moderator) })}
    </span>
  );
}

/** Begins a talk with somebody who waits and ends it, by one button, so that the focus stays; none while another moderator talks with them. */
function Talk({ state, dispatch, room, entry }: Pick<Props, "state" | "dispatch"> & { room: Room; entry: Entry }) {
  const { language } = state;
  const own = entry.apart_with === room.own;
  if (entry.away || (entry.apart && !own)) return null;
  const name = nameAmong(language, room.entries, entry);
  const message = own ? ({ type: "end-talk" } as const) : ({ type: "talk-with", participant: entry.id } as const);
  return (
    <button
      type="button"
      data-testid="talk"
      data-talks={own}
      aria-label={text(language, own ? "room.talk.end.of" : "room.talk.of", { name })}
      onClick={() => dispatch({ type: "lead-chosen", message })}
    >
      {text(language, own ? "room.talk.end" : "room.talk")}
    </button>
  );
}

/** Why callers wait without anybody's having decided so, and the way back, for moderators. */
export function Alarm({ state, dispatch, room }: Props & { room: Room }) {
  const { alarm, callers_wait: forgotten } = room.state;
  if (!alarm && !forgotten) return null;
  const reasons = [...(alarm ? (["room.alarm"] as const) : []), ...(forgotten ? (["room.callers-wait"] as const) : [])];
  return (
    <div class="strip strip-warning" data-testid="alarm">
      <span>{reasons.map((reason) => text(state.language, reason)).join(" ")}</span>
      <button type="button" data-testid="lift-alarm" onClick={() => dispatch({ type: "lead-chosen", message: { type: "lift-alarm" } })}>
        {text(state.language, "room.alarm.lift")}
      </button>
    </div>
  );
}
