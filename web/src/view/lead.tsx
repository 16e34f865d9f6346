//! What a moderator can do for the whole conference: one disclosure, in which each line says how it is and changes it.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Room } from "../room";
import { asking as raised, isInside } from "../roster";
import type { Lead as Message } from "../state";
import { type Key, text } from "../text";
import type { Props } from "./app";
import { Icon, type IconName } from "./icon";

/** Who may have to wait. */
const LOBBIES = ["off", "guests", "all"] as const;

/** Whom people may write to by chat. */
const CHATS = ["all", "public", "private", "off"] as const;

/** What is heard of people who come and go. */
const SIGNALS = ["tones", "names", "off"] as const;

export function Lead({ state, dispatch, room }: Props & { room: Room }) {
  const t = (key: Key) => text(state.language, key);
  const [open, setOpen] = useState(false);
  const lead = (message: Message) => dispatch({ type: "lead-chosen", message });
  const { locked, ask_to_speak: asking, lobby, entry_signal: signal, quiet_above: few, chat } = room.state;
  const on = room.entries.filter(({ role, microphone }) => role === "guest" && microphone).length;
  const sound = text(state.language, on === 0 ? "lead.sound.none" : on === 1 ? "lead.sound.one" : "lead.sound.other", { count: on });
  const up = raised(room.entries).length;
  const hands = text(state.language, up === 0 ? "lead.hands.none" : up === 1 ? "lead.hands.one" : "lead.hands.other", { count: up });
  const inside = room.entries.filter(isInside).length;
  const entries = signal !== "off" && inside > few ? text(state.language, "lead.entry.quiet", { count: few }) : t(`lead.entry.${signal}`);
  return (
    <>
      <button type="button" class="lead" data-testid="lead" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="star" />
        {t("lead.title")}
        <Icon name="chevron" />
      </button>
      <button type="button" class="quiet danger" data-testid="end" onClick={() => dispatch({ type: "dialog-opened", dialog: { name: "end" } })}>
        <Icon name="hang-up" />
        {t("room.end")}
      </button>
      {open && (
        <ul class="lead-list" role="list" aria-label={t("lead.title")}>
          <Line icon={on === 0 ? "microphone-off" : "microphone"} words={sound}>
            <button type="button" data-testid="mute-all" onClick={() => lead({ type: "mute-all" })}>
              {t("lead.mute-all")}
            </button>
          </Line>
          <Line icon="word" words={t(asking ? "lead.asking" : "lead.free")}>
            <button type="button" data-testid="ask-to-speak" onClick={() => lead({ type: "ask-to-speak", on: !asking })}>
              {t(asking ? "lead.let" : "lead.ask")}
            </button>
          </Line>
          <Line icon="hand" words={hands}>
            <button type="button" data-testid="lower-hands" onClick={() => lead({ type: "lower-hands" })}>
              {t("lead.lower-hands")}
            </button>
          </Line>
          <Line icon={locked ? "lock" : "lock-open"} words={t(locked ? "lead.locked" : "lead.open")}>
            <button type="button" data-testid="lock" onClick={() => lead({ type: "lock", on: !locked })}>
              {t(locked ? "lead.unlock" : "lead.lock")}
            </button>
          </Line>
          <Line icon="door" words={t(`lead.lobby.${lobby}`)}>
            <select
              data-testid="lobby"
              aria-label={t("lead.lobby")}
              value={lobby}
              onChange={({ currentTarget }) => {
                const who = LOBBIES.find((one) => one === currentTarget.value);
                if (who) lead({ type: "lobby", who });
              }}
            >
              {LOBBIES.map((one) => (
                <option key={one} value={one}>
                  {t(`lead.lobby.${one}.short`)}
                </option>
              ))}
            </select>
          </Line>
          <Line icon="chat" words={t(`lead.chat.${chat}`)}>
            <select
              data-testid="chat-rule"
              aria-label={t("lead.chat")}
              value={chat}
              onChange={({ currentTarget }) => {
                const rule = CHATS.find((one) => one === currentTarget.value);
                if (rule) lead({ type: "chat-rule", rule });
              }}
            >
              {CHATS.map((one) => (
                <option key={one} value={one}>
                  {t(`lead.chat.${one}.short`)}
                </option>
              ))}
            </select>
          </Line>
          <Line icon="speaker" words={entries}>
            <select
              data-testid="entry-signal"
              aria-label={t("lead.entry")}
              value={signal}
              onChange={({ currentTarget }) => {
                const signal = SIGNALS.find((one) => one === currentTarget.value);
                if (signal) lead({ type: "entry-signal", signal });
              }}
            >
              {SIGNALS.map((one) => (
                <option key={one} value={one}>
                  {t(`lead.entry.${one}.short`)}
                </option>
              ))}
            </select>
          </Line>
          {room.welcome.dial_out.length > 0 && <Call state={state} dispatch={dispatch} room={room} />}
        </ul>
      )}
    </>
  );
}

/** Has somebody called: a number, Enter, done. Where no number may be called the server says so by an empty list. */
function Call({ state, dispatch, room }: Pick<Props, "state" | "dispatch"> & { room: Room }) {
  const { language } = state;
  const [number, setNumber] = useState("");
  const allowed = room.welcome.dial_out.join(", ");
  return (
    <li class="lead-line">
      <form
        class="lead-call"
        data-testid="call"
        onSubmit={(event) => {
          event.preventDefault();
          if (!number.trim()) return;
          dispatch({ type: "lead-chosen", message: { type: "invite", number: number.trim() } });
          setNumber("");
        }}
      >
        <label for="lead-call">
          <Icon name="phone" />
          <span>{text(language, "lead.call")}</span>
        </label>
        <input
          id="lead-call"
          data-testid="call-number"
          type="tel"
          autocomplete="off"
          maxLength={40}
          aria-describedby="lead-call-hint"
          value={number}
          onInput={({ currentTarget }) => setNumber(currentTarget.value)}
        />
        <button type="submit" data-testid="call-start">
          {text(language, "lead.call.start")}
        </button>
        <p id="lead-call-hint" class="hint">
          {text(language, "lead.call.hint", { prefixes: allowed })}
        </p>
      </form>
    </li>
  );
}

function Line({ icon, words, children }: { icon: IconName; words: string; children: ComponentChildren }) {
  return (
    <li class="lead-line">
      <p>
        <Icon name={icon} />
        <span>{words}</span>
      </p>
      {children}
    </li>
  );
}
