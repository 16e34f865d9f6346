//! The roster: one card per participant. Every state is a word and a shape; colour only underlines it.

import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Room } from "../room";
import type { Language } from "../state";
import { list, nameOf, number, text } from "../text";
import type { Entry } from "../wire";
import type { Props } from "./app";
import { Bars, Icon } from "./icon";

/** Tints of the name plates, as in the style sheet. */
const TINTS = 6;
/** Speakers named at once; more would not be read. */
const SPEAKERS_MAX = 3;

/** Names who speaks; not announced, because it changes faster than it can be read aloud. */
export function Speakers({ language, room }: { language: Language; room: Room }) {
  const speaking = room.entries.filter((entry) => entry.speaking).slice(0, SPEAKERS_MAX);
  const names = speaking.map((entry) => nameOf(language, entry));
  return (
    <p class="speakers" data-testid="speakers">
      {names.length > 0 ? text(language, "room.speaks", { names: list(language, names) }) : text(language, "room.silence")}
    </p>
  );
}

export function RosterList({ room, ...props }: Props & { room: Room }) {
  const list = useFocusKept();
  return (
    <ul class="roster" role="list" data-testid="roster" ref={list}>
      {room.entries.map((entry) => (
        <Row key={entry.id} {...props} room={room} entry={entry} />
      ))}
    </ul>
  );
}

/** When the focused button goes away, the focus goes on to the next control of its row, or else to the heading of the list. */
function useFocusKept(): RefObject<HTMLUListElement | null> {
  const list = useRef<HTMLUListElement>(null);
  // Before the rows are drawn anew: afterwards nobody knows where the focus was.
  const held = list.current?.contains(document.activeElement) ? document.activeElement : null;
  const row = held?.closest("[data-participant]");
  useLayoutEffect(() => {
    if (!held || held.isConnected) return;
    const next = row?.isConnected ? row.querySelector("button") : null;
    (next ?? document.getElementById("roster"))?.focus();
  });
  return list;
}

function Row({ state, dispatch, room, entry }: Props & { room: Room; entry: Entry }) {
  const { language } = state;
  const name = nameOf(language, entry);
  const own = entry.id === room.own;
  return (
    <li
      class={`participant${entry.speaking ? " speaking" : ""}${own ? " own" : ""}`}
      data-testid="participant"
      data-participant={entry.id}
      data-name={name}
      data-door={entry.door}
      data-role={entry.role}
      data-status={entry.status}
      data-speaking={entry.speaking}
      data-microphone={entry.microphone ? "on" : "off"}
      data-disturbs={entry.disturbs ?? "nothing"}
      data-original={entry.original_sound}
      data-own={own}
    >
      <span class={`plate tint-${number(entry.id) % TINTS}`} aria-hidden="true">
        {entry.door === "phone" ? <Icon name="phone" /> : initials(name)}
      </span>
      <div class="person">
        <p class="name">
          <span class="name-text">{name}</span>
          <span class="unseen">{text(language, `room.door.${entry.door}`)}</span>
          {own && <span class="badge">{text(language, "room.own")}</span>}
          {entry.role === "moderator" && (
            <span class="badge badge-moderator">
              <Icon name="star" />
              {text(language, "room.moderator")}
            </span>
          )}
        </p>
        <Activity language={language} entry={entry} />
        {(own || room.welcome.role === "moderator") && <Hint language={language} entry={entry} />}
      </div>
      {room.welcome.role === "moderator" && !own && (
        <div class="row-actions">
          {entry.microphone && (
            <button
              type="button"
              class="icon-button"
              data-testid="mute"
              title={text(language, "room.mute")}
              aria-label={text(language, "room.mute.of", { name })}
              onClick={() => dispatch({ type: "mute-chosen", participant: entry.id })}
            >
              <Icon name="microphone-off" />
              <span class="action-label">{text(language, "room.mute.short")}</span>
            </button>
          )}
          <button
            type="button"
            class="icon-button"
            data-testid="remove"
            title={text(language, "room.remove")}
            aria-label={text(language, "room.remove.of", { name })}
            onClick={() => dispatch({ type: "dialog-opened", dialog: { name: "remove", participant: entry.id } })}
          >
            <Icon name="remove" />
            <span class="action-label">{text(language, "room.remove")}</span>
          </button>
        </div>
      )}
    </li>
  );
}

function Activity({ language, entry }: { language: Language; entry: Entry }) {
  const [kind, icon] = activity(entry);
  return (
    <p class={`activity activity-${kind.replace(".", "-")}`}>
      {icon}
      {text(language, `room.${kind}`)}
    </p>
  );
}

/** What a moderator or the person themself can do something about; the others only hear it. Original sound is not judged. */
function Hint({ language, entry }: { language: Language; entry: Entry }) {
  if (entry.status === "on-hold" || !entry.microphone) return null;
  const found = hint(entry);
  if (!found) return null;
  const [kind, icon] = found;
  return (
    <p class="activity activity-hint" data-testid="hint">
      <Icon name={icon} />
      {text(language, `room.${kind}`)}
    </p>
  );
}

function hint({ disturbs, original_sound }: Entry) {
  if (disturbs === "echo") return ["echo", "echo"] as const;
  if (disturbs === "steady-noise") return ["noise", "wave"] as const;
  return original_sound ? (["original", "note"] as const) : null;
}

function activity(entry: Entry) {
  if (entry.status === "on-hold") return ["hold", <Icon name="pause" />] as const;
  if (entry.microphone && entry.disturbs === "music") return ["music", <Icon name="note" />] as const;
  if (entry.speaking) return ["speaking", <Bars />] as const;
  if (entry.microphone) return ["microphone.on", <Icon name="microphone" />] as const;
  return ["microphone.off", <Icon name="microphone-off" />] as const;
}

/** The first letters of the first and the last word. */
function initials(name: string): string {
  const words = name.split(/\s+/).filter(Boolean);
  const picked = words.length > 1 ? [words[0], words.at(-1)] : words;
  return picked.map((word) => [...(word ?? "")][0]?.toUpperCase() ?? "").join("");
}
