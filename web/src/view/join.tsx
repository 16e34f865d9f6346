//! Before the call: title, name, tests, the way in, and the telephone as another way.

import { nameFrom, NAME_MAX } from "../name";
import type { JoinPage } from "../state";
import { type Key, pseudonym, roomTitle, text } from "../text";
import type { Props } from "./app";
import { DialInCard } from "./dial-in";
import { DeviceChoice, Meter } from "./device";
import { Icon } from "./icon";

export function Join({ page, ...props }: Props & { page: JoinPage }) {
  const { state, dispatch } = props;
  const { welcome } = page;
  const t = (key: Key) => text(state.language, key);
  const proposed = pseudonym(state.language, state.pseudonym);
  const join = (event: SubmitEvent) => {
    event.preventDefault();
    dispatch({ type: "join-chosen", name: nameFrom(state.name) || proposed });
  };
  return (
    <main class="join">
      <div class="invitation">
        <p class="eyebrow">{t(welcome.role === "moderator" ? "join.eyebrow.moderator" : "join.eyebrow")}</p>
        <h1 id="title" tabIndex={-1}>
          {roomTitle(state.language, welcome)}
        </h1>
        <p class="link-means" data-testid="link-means">
          {t(welcome.role === "moderator" ? "join.link.moderator" : "join.link")}
        </p>
      </div>
      <div class="join-columns">
        <form class="card join-form" onSubmit={join}>
          <NameField {...props} proposed={proposed} />
          <button type="submit" class="primary large" data-testid="join">
            {t("join.button")}
          </button>
          {state.means.microphone ? (
            <p class="note">
              <Icon name="microphone-off" />
              <span>{t("join.muted")}</span>
            </p>
          ) : (
            <p class="warning" data-testid="unable">
              {t("obstacle.unable")}
            </p>
          )}
          <Check {...props} page={page} />
        </form>
        <div class="aside">
          {welcome.dial_in && <DialInCard language={state.language} dialIn={welcome.dial_in} />}
          <p class="note privacy">
            <Icon name="shield" />
            <span>
              {t("join.privacy")}{" "}
              <button type="button" class="inline" data-testid="privacy-more" onClick={() => dispatch({ type: "privacy-opened" })}>
                {t("join.privacy.more")}
              </button>
            </span>
          </p>
        </div>
      </div>
    </main>
  );
}

function NameField({ state, dispatch, proposed }: Props & { proposed: string }) {
  const t = (key: Key) => text(state.language, key);
  return (
    <div class="field">
      <label for="name">
        {t("join.name")} <span class="optional">({t("join.name.optional")})</span>
      </label>
      <input
        id="name"
        data-testid="name"
        type="text"
        maxLength={NAME_MAX}
        autocomplete="name"
        autocapitalize="words"
        spellcheck={false}
        placeholder={proposed}
        aria-describedby="name-hint"
        value={state.name}
        onInput={(event) => dispatch({ type: "name-typed", name: event.currentTarget.value })}
      />
      <p class="hint">
        <span id="name-hint">{text(state.language, "join.name.hint", { name: proposed })}</span>{" "}
        <button type="button" class="inline" onClick={() => dispatch({ type: "pseudonym-chosen", pseudonym: next(state.pseudonym) })}>
          {t("join.name.other")}
        </button>
      </p>
    </div>
  );
}

/** Steps through adjectives and animals together; 37 shares no factor with their 256 pairs, so all come round. */
function next(number: number): number {
  return number + 37;
}

function Check({ state, dispatch, sound, page }: Props & { page: JoinPage }) {
  const t = (key: Key) => text(state.language, key);
  const { test } = page;
  return (
    <fieldset class="check">
      <legend>{t("check.title")}</legend>
      <div class="row">
        {state.means.microphone && (
          <button type="button" data-testid="test-microphone" onClick={() => dispatch({ type: "test-chosen" })}>
            <Icon name="microphone" />
            {t(test.state === "running" ? "check.stop" : "check.microphone")}
          </button>
        )}
        <button type="button" data-testid="test-speaker" onClick={() => dispatch({ type: "tone-chosen" })}>
          <Icon name="speaker" />
          {t("check.tone")}
        </button>
      </div>
      <div role="status" class="check-result">
        {test.state === "opening" && <p class="hint">{t("check.opening")}</p>}
        {test.state === "running" && <p class={test.heard ? "good" : "hint"}>{t(test.heard ? "check.heard" : "check.speak")}</p>}
        {test.state === "failed" && <p class="warning">{t(`obstacle.${test.obstacle}`)}</p>}
      </div>
      {test.state === "running" && (
        <>
          <Meter sound={sound} label={t("check.level")} onVoice={test.heard ? null : () => dispatch({ type: "voice-heard" })} />
          <DeviceChoice state={state} dispatch={dispatch} />
        </>
      )}
    </fieldset>
  );
}
