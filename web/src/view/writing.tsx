//! What people write: live text and chat, each in a pane that a button or a key opens. Others' lines and one's own differ in words and in shape.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { nameAmong } from "../alike";
import type { Room } from "../room";
import * as roster from "../roster";
import type { Language } from "../state";
import { text } from "../text";
import type { Entry } from "../wire";
import { allowsPublic, CHAT_MAX, type ChatLine, mayType, type Pane, reaches, recipients, TYPED_MAX, type TypedLine } from "../writing";
import type { Props } from "./app";
import { Icon } from "./icon";

const ICONS = { typed: "typing", chat: "chat" } as const;

/** How near to its end a list counts as read to the end, in pixels. */
const NEAR_PX = 16;

export function WritingRegion(props: Props & { room: Room }) {
  const { state } = props;
  const { open } = state.writing;
  return (
    <section class="writing" aria-label={text(state.language, "writing.title")}>
      <div class="writing-buttons">
        <PaneButton {...props} pane="typed" />
        <PaneButton {...props} pane="chat" />
      </div>
      {(open.typed || open.chat) && (
        <div class="panes">
          {open.typed && <LiveText {...props} />}
          {open.chat && <Chat {...props} />}
        </div>
      )}
    </section>
  );
}

function PaneButton({ state, dispatch, pane }: Props & { pane: Pane }) {
  const { language, shortcut, writing } = state;
  const unread = writing.unread[pane];
  return (
    <button
      type="button"
      class="pane-button"
      data-testid={`pane-${pane}`}
      aria-expanded={writing.open[pane]}
      aria-keyshortcuts={shortcut ? text(language, `writing.${pane}.key`) : undefined}
      onClick={() => dispatch({ type: "pane-toggled", pane })}
    >
      <Icon name={ICONS[pane]} />
      <span>{text(language, `writing.${pane}`)}</span>
      {shortcut && <kbd aria-hidden="true">{text(language, `writing.${pane}.key`)}</kbd>}
      {unread > 0 && (
        <span class="badge badge-unread" data-testid={`unread-${pane}`}>
          {text(language, "writing.unread", { count: unread })}
        </span>
      )}
    </button>
  );
}

function LiveText({ state, dispatch, room }: Props & { room: Room }) {
  const { language, writing } = state;
  const may = mayType(room);
  const hint = room.returning ? "writing.typed.returning" : may ? "writing.typed.hint" : "writing.typed.floor";
  const done = writing.typed.filter(({ ended }) => ended);
  const live = writing.typed.filter(({ ended, own, words }) => !ended && !own && words);
  return (
    <PaneFrame state={state} dispatch={dispatch} pane="typed">
      <Log language={language} pane="typed" latest={done.at(-1)} count={done.length}>
        {done.map((line) => (
          <Line key={line.id} language={language} room={room} line={line} />
        ))}
      </Log>
      {live.length > 0 && (
        <ul class="live-lines" role="list" aria-label={text(language, "writing.typed.live")} data-testid="live-lines">
          {live.map((line) => (
            <Line key={line.id} language={language} room={room} line={line} />
          ))}
        </ul>
      )}
      <form
        class="writing-form"
        onSubmit={(event) => {
          event.preventDefault();
          dispatch({ type: "line-ended" });
        }}
      >
        <label for="typed-field">{text(language, "writing.typed.field")}</label>
        <input
          id="typed-field"
          type="text"
          data-testid="typed-field"
          autocomplete="off"
          maxLength={TYPED_MAX}
          readOnly={!may || room.returning}
          aria-describedby="typed-hint"
          value={writing.draft}
          onInput={({ currentTarget }) => dispatch({ type: "line-typed", words: currentTarget.value })}
        />
        <button type="submit" data-testid="typed-end">
          {text(language, "writing.typed.end")}
        </button>
        <p id="typed-hint" class="hint">
          {text(language, hint)} <Phones language={language} room={room} />
        </p>
      </form>
    </PaneFrame>
  );
}

function Chat({ state, dispatch, room }: Props & { room: Room }) {
  const { language, writing } = state;
  return (
    <PaneFrame state={state} dispatch={dispatch} pane="chat">
      <Log language={language} pane="chat" latest={writing.chat.at(-1)} count={writing.chat.length}>
        {writing.chat.map((line) => (
          <Line key={line.id} language={language} room={room} line={line} />
        ))}
      </Log>
      {room.state.chat === "off" ? (
        <p class="hint" data-testid="chat-off">
          {text(language, "writing.chat.off")}
        </p>
      ) : (
        <ChatForm state={state} dispatch={dispatch} room={room} />
      )}
    </PaneFrame>
  );
}

/** Whom it is for stands above the field and again in its name; where that person is gone nothing is sent until another is chosen. */
function ChatForm({ state, dispatch, room }: Pick<Props, "state" | "dispatch"> & { room: Room }) {
  const { language, writing } = state;
  const { to } = writing;
  const people = recipients(room);
  const sends = reaches(room, to);
  const one = people.find(({ id }) => id === to);
  const field = one ? text(language, "writing.chat.field.alone", { name: nameAmong(language, room.entries, one) }) : text(language, sends ? "writing.chat.field" : "writing.chat.field.nobody");
  return (
    <form
      class="writing-form"
      onSubmit={(event) => {
        event.preventDefault();
        dispatch({ type: "message-sent" });
      }}
    >
      <label for="chat-to">{text(language, "writing.chat.to")}</label>
      <select id="chat-to" data-testid="chat-to" value={to ?? ""} onChange={({ currentTarget }) => dispatch({ type: "recipient-chosen", to: currentTarget.value || null })}>
        {!sends && (
          <option value={to ?? ""} disabled>
            {text(language, to === null ? "writing.chat.choose" : "writing.chat.gone")}
          </option>
        )}
        {allowsPublic(room) && <option value="">{text(language, "writing.chat.all")}</option>}
        {people.map((entry) => (
          <option key={entry.id} value={entry.id}>
            {nameAmong(language, room.entries, entry)}
          </option>
        ))}
      </select>
      <label for="chat-field">{field}</label>
      <input
        id="chat-field"
        type="text"
        data-testid="chat-field"
        autocomplete="off"
        maxLength={CHAT_MAX}
        aria-describedby="chat-hint"
        value={writing.message}
        onInput={({ currentTarget }) => dispatch({ type: "message-typed", words: currentTarget.value })}
      />
      <button type="submit" data-testid="chat-send" disabled={!sends}>
        <Icon name="send" />
        {text(language, "writing.chat.send")}
      </button>
      <p id="chat-hint" class="hint">
        {!sends && text(language, "writing.chat.nobody")} <Phones language={language} room={room} />
      </p>
    </form>
  );
}

/** Says that those on the telephone read nothing, where there are any. */
function Phones({ language, room }: { language: Language; room: Room }) {
  const deaf = room.entries.some((entry) => roster.isInside(entry) && !entry.text);
  return deaf ? <span data-testid="phones">{text(language, "writing.phones")}</span> : null;
}

/** A pane takes the focus to its field when it opens, Escape closes it, and closed it gives the focus back to its button. */
function PaneFrame({ state, dispatch, pane, children }: Pick<Props, "state" | "dispatch"> & { pane: Pane; children: ComponentChildren }) {
  const { language } = state;
  const element = useRef<HTMLElement>(null);
  useEffect(() => (element.current?.querySelector("input") ?? element.current?.querySelector<HTMLElement>("[tabindex]"))?.focus(), []);
  useLayoutEffect(() => {
    const section = element.current;
    return () => void (section?.contains(document.activeElement) && document.querySelector<HTMLElement>(`[data-testid=pane-${pane}]`)?.focus());
  }, []);
  return (
    <section
      class="pane"
      aria-labelledby={`pane-${pane}`}
      data-testid={`opened-${pane}`}
      ref={element}
      onKeyDown={(event) => event.key === "Escape" && !event.isComposing && dispatch({ type: "pane-toggled", pane })}
    >
      <div class="pane-head">
        <h2 id={`pane-${pane}`}>{text(language, `writing.${pane}`)}</h2>
        <button
          type="button"
          class="icon-button"
          data-testid={`close-${pane}`}
          aria-label={text(language, "writing.close")}
          onClick={() => dispatch({ type: "pane-toggled", pane })}
        >
          <Icon name="close" />
        </button>
      </div>
      {children}
    </section>
  );
}

/** The lines so far. What is new in them the page's one live region says; the list follows it unless somebody reads further up. */
function Log({ language, pane, latest, count, children }: { language: Language; pane: Pane; latest: object | undefined; count: number; children: ComponentChildren }) {
  const element = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (element.current && atEnd.current) element.current.scrollTop = element.current.scrollHeight;
  }, [latest]);
  return (
    <div
      class="log"
      role="log"
      aria-live="off"
      aria-label={text(language, `writing.${pane}.log`)}
      data-testid={`log-${pane}`}
      tabIndex={0}
      ref={element}
      onScroll={({ currentTarget: log }) => void (atEnd.current = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX)}
    >
      {count > 0 ? <ul role="list">{children}</ul> : <p class="hint">{text(language, `writing.${pane}.none`)}</p>}
    </div>
  );
}

function Line({ language, room, line }: { language: Language; room: Room; line: TypedLine | ChatLine }) {
  const name = (entry: Entry) => nameAmong(language, room.entries, roster.find(room.entries, entry.id) ?? entry);
  const live = "ended" in line && !line.ended;
  const to = "to" in line ? line.to : null;
  return (
    <li class={`written${line.own ? " own" : ""}`} data-testid="written" data-own={line.own} data-alone={to !== null} data-live={live}>
      <p class="written-by">
        <span class="name-text">{line.own ? text(language, "room.own") : name(line.by)}</span>
        {live && <span class="badge">{text(language, "writing.typed.types")}</span>}
        {to && (
          <span class="badge badge-alone">
            <Icon name="lock" />
            {line.own ? text(language, "writing.chat.alone.to", { name: name(to) }) : text(language, "writing.chat.alone")}
          </span>
        )}
      </p>
      <p class="written-words" dir="auto" data-testid="words">
        {line.words}
      </p>
    </li>
  );
}
