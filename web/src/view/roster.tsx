//! The roster: one card per participant. Every state is a word and a shape; colour only underlines it.

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { nameAmong } from "../alike";
import { firstOf } from "../cut";
import { arrange, changesIn, UNORDERED } from "../order";
import { ownQuality } from "../quality";
import { leads, type Room } from "../room";
import { asking, find, isCalled, isInside, maySpeak } from "../roster";
import type { Language } from "../state";
import { baseOf, list, nameOf, number, text } from "../text";
import type { Entry, Quality } from "../wire";
import type { Props } from "./app";
import { Bars, Icon, type IconName } from "./icon";
import { Protected } from "./protection";

/** Tints of the name plates, as in the style sheet. */
const TINTS = 6;
/** For how long the list is held after somebody has pointed at it, in milliseconds; a pointer may also have been left lying there. */
const POINTED_MS = 10_000;
/** How often a list that is held is asked whether it still is, in milliseconds. */
const HELD_MS = 1_000;
/** Speakers named at once; more would not be read. */
const SPEAKERS_MAX = 3;
/** Raised hands named at once; the rest is counted. */
const HANDS_MAX = 5;
/** Actions whose words are shorter where they stand beside their icon, in a narrow list. */
const SHORT = ["mute", "lower", "ask"] as const;

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

/** Says who may speak, and names who asks to, in order. */
export function Floor({ language, room }: { language: Language; room: Room }) {
  const { ask_to_speak } = room.state;
  const holders = room.entries.filter(({ floor }) => floor).map((entry) => nameOf(language, entry));
  const hands = asking(room.entries).map((entry) => nameOf(language, entry));
  const more = hands.length - HANDS_MAX;
  const named = more > 0 ? [...hands.slice(0, HANDS_MAX), text(language, "room.hands.more", { count: more })] : hands;
  // Where a hand can go up at any moment the line keeps its place, so that no row moves away under the pointer.
  const kept = ask_to_speak || leads(room);
  return (
    <>
      {ask_to_speak && (
        <p class="standing" data-testid="asking">
          <Icon name="word" />
          <span>{holders.length > 0 ? text(language, "room.asking.holder", { names: list(language, holders) }) : text(language, "room.asking")}</span>
        </p>
      )}
      {(kept || named.length > 0) && (
        <p class={`standing${named.length > 0 ? "" : " standing-none"}`} data-testid="hands">
          <Icon name="hand" />
          <span>{named.length > 0 ? text(language, "room.hands", { names: named.join(", ") }) : text(language, "room.hands.none")}</span>
        </p>
      )}
    </>
  );
}

export function RosterList({ room, ...props }: Props & { room: Room }) {
  const list = useFocusKept("roster");
  const hands = asking(room.entries);
  const pointed = useRef(Number.NEGATIVE_INFINITY);
  const held = performance.now() - pointed.current < POINTED_MS || list.current?.querySelector(":focus-visible") != null;
  const shown = useOrder(props.state.language, room.entries.filter((entry) => isInside(entry) || isCalled(entry)), held);
  const point = () => void (pointed.current = performance.now());
  return (
    <ul
      class={`roster${leads(room) ? " roster-led" : ""}`}
      role="list"
      data-testid="roster"
      ref={list}
      onPointerDown={point}
      onPointerMove={point}
      onPointerLeave={({ pointerType }) => pointerType === "mouse" && (pointed.current = Number.NEGATIVE_INFINITY)}
    >
      {shown.map((entry) => (
        <Row key={entry.id} {...props} room={room} entry={entry} rank={hands.indexOf(entry) + 1} />
      ))}
    </ul>
  );
}

/** Puts the rows in order, and leaves them where they are while they are held. */
function useOrder(language: Language, entries: readonly Entry[], held: boolean): Entry[] {
  const order = useRef(UNORDERED);
  const [, again] = useState({});
  const now = performance.now();
  const names = new Intl.Collator(baseOf(language), { numeric: true });
  order.current = arrange(order.current, entries, (a, b) => names.compare(nameOf(language, a), nameOf(language, b)), now, held);
  const wait = held ? HELD_MS : changesIn(order.current, now);
  useEffect(() => {
    if (wait === null) return;
    const timer = setTimeout(() => again({}), wait);
    return () => clearTimeout(timer);
  });
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  return order.current.ids.flatMap((id) => byId.get(id) ?? []);
}

/** When the focused button goes away, the focus goes on to the next control of its row, or else to the heading of the list. */
export function useFocusKept(heading: string): RefObject<HTMLUListElement | null> {
  const list = useRef<HTMLUListElement>(null);
  // Before the rows are drawn anew: afterwards nobody knows where the focus was.
  const held = list.current?.contains(document.activeElement) ? document.activeElement : null;
  const row = held?.closest("[data-participant]");
  useLayoutEffect(() => {
    if (!held) return;
    if (held.isConnected) {
      // A row that is moved loses the focus of its button.
      if (document.activeElement === document.body && held instanceof HTMLElement) held.focus({ preventScroll: true });
      return;
    }
    const next = row?.isConnected ? row.querySelector("button") : null;
    (next ?? document.getElementById(heading) ?? document.getElementById("roster"))?.focus();
  });
  return list;
}

function Row({ rank, ...props }: Props & { room: Room; entry: Entry; rank: number }) {
  const { state, room, entry } = props;
  const { language } = state;
  const name = nameOf(language, entry);
  const own = entry.id === room.own;
  const quality = own ? (ownQuality(room) ?? "good") : entry.quality;
  return (
    <li
      class={`participant${entry.speaking ? " speaking" : ""}${own ? " own" : ""}`}
      data-testid="participant"
      data-participant={entry.id}
      data-name={name}
      data-door={entry.door}
      data-role={entry.role}
      data-status={entry.status}
      data-protection={entry.protection}
      data-speaking={entry.speaking}
      data-microphone={entry.microphone ? "on" : "off"}
      data-disturbs={entry.disturbs ?? "nothing"}
      data-quality={quality}
      data-original={entry.original_sound}
      data-hand={rank || "none"}
      data-floor={entry.floor}
      data-own={own}
      data-telephone={entry.telephone ?? "none"}
    >
      <span class={`plate tint-${number(entry.id) % TINTS}`} aria-hidden="true">
        {entry.door === "phone" ? <Icon name="phone" /> : initials(name)}
      </span>
      <div class="person">
        <p class="name">
          <span class="name-text">{nameAmong(language, room.entries, entry)}</span>
          <span class="unseen">{text(language, `room.door.${entry.door}`)}</span>
          {entry.telephone && (
            <span class="badge" data-testid="by-telephone">
              <Icon name="phone" />
              {text(language, "room.telephone")}
            </span>
          )}
          <Ending language={language} entry={entry} />
          {own && <span class="badge">{text(language, "room.own")}</span>}
          {entry.role === "moderator" && (
            <span class="badge badge-moderator">
              <Icon name="star" />
              {text(language, "room.moderator")}
            </span>
          )}
          {!isCalled(entry) && <Protected language={language} entry={entry} />}
        </p>
        <div class="marks">
          <Activity language={language} entry={entry} room={room} />
          {entry.status === "connected" && <Line language={language} quality={quality} />}
          {(own || leads(room)) && <Hint language={language} entry={entry} />}
          {entry.floor && (
            <span class="badge badge-floor">
              <Icon name="word" />
              {text(language, "room.floor")}
            </span>
          )}
          {rank > 0 && (
            <span class="badge badge-hand" data-testid="hand-of">
              <Icon name="hand" />
              {text(language, "room.hand", { rank })}
            </span>
          )}
        </div>
      </div>
      {leads(room) && !own && <Actions {...props} />}
    </li>
  );
}

/** The last digits of a caller's number, which the server tells moderators of rooms that show them. */
export function Ending({ language, entry }: { language: Language; entry: Entry }) {
  if (entry.ending === null) return null;
  return (
    <span class="ending" data-testid="ending">
      <span aria-hidden="true">…{entry.ending}</span>
      <span class="unseen">{text(language, "room.ending", { digits: [...entry.ending].join(" ") })}</span>
    </span>
  );
}

/** What a moderator can do for somebody now; what makes no sense at the moment is left out. */
function Actions({ state, dispatch, room, entry }: Props & { room: Room; entry: Entry }) {
  const { id } = entry;
  const may = maySpeak(room.state, entry);
  const raised = entry.hand !== null;
  const action = { language: state.language, name: nameAmong(state.language, room.entries, entry) };
  if (isCalled(entry)) {
    return (
      <div class="row-actions">
        <Action {...action} id="rename" icon="pen" onClick={() => dispatch({ type: "dialog-opened", dialog: { name: "rename", participant: id } })} />
        <Action {...action} id="cancel" icon="hang-up" onClick={() => dispatch({ type: "lead-chosen", message: { type: "remove", participant: id } })} />
      </div>
    );
  }
  return (
    <div class="row-actions">
      {(raised || !may) && (
        <Action {...action} id="give" icon="word" onClick={() => dispatch({ type: "lead-chosen", message: { type: "give-floor", participant: id } })} />
      )}
      {raised && <Action {...action} id="lower" icon="hand-down" onClick={() => dispatch({ type: "lower-chosen", participant: id })} />}
      {entry.microphone && <Action {...action} id="mute" icon="microphone-off" onClick={() => dispatch({ type: "mute-chosen", participant: id })} />}
      {!entry.microphone && may && !raised && entry.status === "connected" && (
        <Action {...action} id="ask" icon="ask" onClick={() => dispatch({ type: "lead-chosen", message: { type: "ask-to-unmute", participant: id } })} />
      )}
      {!raised && (
        <Action {...action} id="rename" icon="pen" onClick={() => dispatch({ type: "dialog-opened", dialog: { name: "rename", participant: id } })} />
      )}
      {!raised && entry.role === "guest" && (
        <Action {...action} id="promote" icon="star" onClick={() => dispatch({ type: "dialog-opened", dialog: { name: "promote", participant: id } })} />
      )}
      <Action {...action} id="remove" icon="remove" onClick={() => dispatch({ type: "dialog-opened", dialog: { name: "remove", participant: id } })} />
    </div>
  );
}

type ActionId = "give" | "lower" | "mute" | "ask" | "rename" | "promote" | "remove" | "cancel";

function Action({ language, name, id, icon, onClick }: { language: Language; name: string; id: ActionId; icon: IconName; onClick: () => void }) {
  const short = SHORT.find((one) => one === id);
  return (
    <button
      type="button"
      class={`icon-button${id === "promote" ? " bare" : ""}`}
      data-testid={id}
      title={text(language, `room.${id}`)}
      aria-label={text(language, `room.${id}.of`, { name })}
      onClick={onClick}
    >
      <Icon name={icon} />
      <span class="action-label">{text(language, short ? `room.${short}.short` : `room.${id}`)}</span>
    </button>
  );
}

function Activity({ language, entry, room }: { language: Language; entry: Entry; room: Room }) {
  if (entry.apart && !entry.away) return <Apart language={language} entry={entry} room={room} />;
  const [kind, icon] = activity(entry);
  return (
    <p class={`activity activity-${kind.replace(".", "-")}`}>
      {icon}
      {text(language, `room.${kind}`)}
    </p>
  );
}

/** That a moderator talks with somebody who waits; moderators see with whom. */
function Apart({ language, entry, room }: { language: Language; entry: Entry; room: Room }) {
  const other = entry.apart_with === null ? undefined : find(room.entries, entry.apart_with);
  return (
    <p class="activity activity-apart" data-testid="apart">
      <Icon name="door" />
      {other ? text(language, "room.apart.with", { name: nameAmong(language, room.entries, other) }) : text(language, "room.apart")}
    </p>
  );
}

/** That a connection carries speech badly, in both directions; nothing where it does well. */
function Line({ language, quality }: { language: Language; quality: Quality }) {
  if (quality === "good") return null;
  return (
    <p class={`activity activity-line-${quality}`} data-testid="line">
      <Icon name="signal" />
      {text(language, `room.line.${quality}`)}
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
  if (entry.away) return ["away", <Icon name="plug" />] as const;
  if (entry.status === "on-hold") return ["hold", <Icon name="pause" />] as const;
  if (entry.status === "dialing-out") return ["dialing", <Icon name="phone" />] as const;
  if (entry.status === "alerting") return ["alerting", <Icon name="phone" />] as const;
  if (entry.microphone && entry.disturbs === "music") return ["music", <Icon name="note" />] as const;
  if (entry.speaking) return ["speaking", <Bars />] as const;
  if (entry.microphone) return ["microphone.on", <Icon name="microphone" />] as const;
  return ["microphone.off", <Icon name="microphone-off" />] as const;
}

/** The first letters of the first and the last word. */
function initials(name: string): string {
  const words = name.split(/\s+/).filter(Boolean);
  const picked = words.length > 1 ? [words[0], words.at(-1)] : words;
  return picked.map((word) => firstOf(word ?? "").toUpperCase()).join("");
}
