//! The page: header, the region of the present state, and what is said to assistive technology.

import { useEffect, useRef, useState } from "preact/hooks";
import { aloud, goesIn, PLACES, type Said } from "../aloud";
import { RETRY_DELAYS_MS } from "../effect";
import { waits } from "../room";
import type { Sound } from "../sound";
import type { Event, Language, State } from "../state";
import { announcement, type Key, LANGUAGES, roomTitle, tagOf, text } from "../text";
import { Mark } from "./icon";
import { Join } from "./join";
import { Over, Toasts, Waiting } from "./notice";
import { PrivacyNotice } from "./privacy";
import { RoomPage } from "./room";
import { WaitingRoom } from "./waiting";

/** What every region is given. */
export type Props = { state: State; dispatch: (event: Event) => void; sound: Sound };

export function App(props: Props) {
  const { state, dispatch } = props;
  const t = (key: Key) => text(state.language, key);
  const region = state.page.name === "room" && waits(state.page) ? "waiting" : state.page.name;
  const privacy = "welcome" in state.page ? (state.page.welcome?.privacy ?? null) : null;
  useHeadingFocus(region);
  return (
    <div class={`page page-${region}`} data-testid="page" data-page={region}>
      <a class="skip" href="#title" onClick={skip}>
        {t("app.skip")}
      </a>
      <header class="header">
        <p class="brand">
          <Mark />
          <span>{t("app.name")}</span>
        </p>
        <div class="header-links">
          {privacy && (
            <button type="button" class="quiet" data-testid="privacy" onClick={() => dispatch({ type: "privacy-opened" })}>
              {t("privacy.title")}
            </button>
          )}
          <LanguageChoice {...props} />
        </div>
      </header>
      <Region {...props} />
      {privacy && state.privacy && <PrivacyNotice {...props} privacy={privacy} />}
      <Toasts state={state} dispatch={dispatch} />
      <Aloud state={state} />
    </div>
  );
}

/** Says to assistive technology what the page says. The regions are there before anything stands in them, else they would not be read. */
function Aloud({ state }: Pick<Props, "state">) {
  const said = useRef<readonly Said[]>([]);
  const [, again] = useState({});
  const now = performance.now();
  said.current = aloud(said.current, state, now);
  const wait = goesIn(said.current, now);
  useEffect(() => {
    if (wait === null) return;
    const timer = setTimeout(() => again({}), wait);
    return () => clearTimeout(timer);
  });
  const latest = said.current.at(-1)?.place;
  return (
    <>
      {Array.from({ length: PLACES }, (_, place) => {
        const one = said.current.find((one) => one.place === place);
        return (
          <p key={place} class="unseen" role="status" aria-live="polite" data-testid={place === latest ? "announcement" : undefined}>
            {one && <span key={one.key}>{announcement(state.language, one.sentences)}</span>}
          </p>
        );
      })}
    </>
  );
}

/** Each language is named in itself, for whoever understands no other. */
function LanguageChoice({ state, dispatch }: Props) {
  return (
    <select
      class="quiet language"
      data-testid="language"
      aria-label={text(state.language, "app.language")}
      value={state.language}
      onChange={({ currentTarget }) => dispatch({ type: "language-chosen", language: currentTarget.value as Language })}
    >
      {LANGUAGES.map((one) => (
        <option key={one} value={one} lang={tagOf(one)}>
          {text(one, `language.${one}`)}
        </option>
      ))}
    </select>
  );
}

function Region(props: Props) {
  const { language, page } = props.state;
  switch (page.name) {
    case "connecting":
      return <Waiting title={text(language, "connecting.title")} sentence={text(language, "connecting.text")} />;
    case "join":
      return <Join {...props} page={page} />;
    case "joining":
      return <Waiting title={roomTitle(language, page.welcome)} sentence={text(language, "joining.text")} />;
    case "room":
      return waits(page) ? <WaitingRoom {...props} room={page} /> : <RoomPage {...props} room={page} />;
    case "lost":
      return (
        <Waiting
          title={text(language, "lost.title")}
          sentence={text(language, "lost.text")}
          detail={text(language, "lost.attempt", { attempt: page.attempt, attempts: RETRY_DELAYS_MS.length })}
        />
      );
    case "over":
      return <Over {...props} page={page} />;
  }
}

/** A change of the page moves the focus to its heading, so that it is read and the keyboard goes on from there. */
function useHeadingFocus(page: string): void {
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) document.getElementById("title")?.focus({ preventScroll: true });
    first.current = false;
  }, [page]);
}

/** The fragment holds the secret of the link, so the skip link must not replace it. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("title")?.focus();
}
