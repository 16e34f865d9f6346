//! A telephone as the sound of the page: the code for it, the question whose it is, and the way back.

import { useEffect, useState } from "preact/hooks";
import { byTelephone } from "../pair";
import { me, type Room } from "../room";
import { type Key, text } from "../text";
import type { Props } from "./app";
import { Lines } from "./dial-in";
import { Icon } from "./icon";

/** Digits are read and typed in groups of three. */
const GROUP = /\d{1,3}/g;
const MINUTE_S = 60;
const SECOND_MS = 1000;

/** The code with the numbers to call, inside its dialogue. */
export function PairingCode({ state, dispatch, room }: Props & { room: Room }) {
  const t = (key: Key) => text(state.language, key);
  const { pairing, welcome } = room;
  const lines = welcome.dial_in?.lines ?? [];
  const code = typeof pairing === "object" ? pairing : null;
  return (
    <>
      <p>{t(lines.length > 0 ? "pair.text" : "pair.text.sip")}</p>
      {welcome.dial_in && <Lines language={state.language} dialIn={welcome.dial_in} />}
      {code ? (
        <Code key={code.code} {...code} language={state.language} onExpired={() => dispatch({ type: "pairing-expired" })} />
      ) : (
        <p class="pairing-wait" data-testid="pairing-state">
          {t(pairing === "expired" ? "pair.expired" : "pair.asked")}
        </p>
      )}
      <p class="hint">{t("pair.inside")}</p>
      {lines.some((line) => line.pin_only) && <p class="hint">{t("pair.pin-only")}</p>}
      <form method="dialog" class="dialog-actions">
        <button type="button" data-testid="new-code" disabled={pairing === "asked"} onClick={() => dispatch({ type: "pairing-asked" })}>
          <Icon name="again" />
          {t("pair.new")}
        </button>
        <button type="submit" class="primary" data-testid="close">
          {t("dialog.close")}
        </button>
      </form>
    </>
  );
}

type Shown = { code: string; seconds: number; language: Props["state"]["language"]; onExpired: () => void };

/** How long it can be typed stands beside it in whole minutes; nothing is read aloud until the time is up. */
function Code({ code, seconds, language, onExpired }: Shown) {
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    const until = performance.now() + seconds * SECOND_MS;
    const timer = setInterval(() => {
      const rest = Math.ceil((until - performance.now()) / SECOND_MS);
      setLeft(rest);
      if (rest <= 0) onExpired();
    }, SECOND_MS);
    return () => clearInterval(timer);
  }, []);
  const minutes = Math.ceil(left / MINUTE_S);
  return (
    <div class="pairing">
      <p class="pairing-label">{text(language, "pair.code")}</p>
      <p class="pairing-code" data-testid="pairing-code">
        <span aria-hidden="true">
          {(code.match(GROUP) ?? [code]).map((group) => (
            <span class="group">{group}</span>
          ))}
        </span>
        <span class="unseen">{[...code].join(" ")}</span>
      </p>
      <p class="hint" data-testid="pairing-left">
        {minutes > 1 ? text(language, "pair.minutes", { minutes }) : text(language, "pair.minute")}
      </p>
    </div>
  );
}

/** What a telephone has to do with the sound now: is it theirs, it speaks, or it has hung up. */
export function TelephoneNotice({ state, dispatch, room }: Props & { room: Room }) {
  const t = (key: Key) => text(state.language, key);
  if (!room.deaf) return null;
  const telephone = me(room)?.telephone ?? null;
  if (telephone === "unconfirmed") {
    return (
      <section class="strip strip-telephone" aria-labelledby="telephone" data-testid="telephone-question">
        <p id="telephone">
          <Icon name="phone" />
          <span>{t("telephone.question")}</span>
        </p>
        <div class="telephone-actions">
          <button type="button" class="primary" data-testid="telephone-yes" onClick={() => dispatch({ type: "telephone-answered", own: true })}>
            {t("telephone.yes")}
          </button>
          <button type="button" data-testid="telephone-no" onClick={() => dispatch({ type: "telephone-answered", own: false })}>
            {t("telephone.no")}
          </button>
        </div>
      </section>
    );
  }
  if (byTelephone(room)) {
    return (
      <div class="strip strip-telephone" data-testid="telephone">
        <p>
          <Icon name="phone" />
          <span>{t("telephone.speaks")}</span>
        </p>
      </div>
    );
  }
  return (
    <section class="strip strip-telephone" aria-labelledby="telephone" data-testid="telephone-over">
      <p id="telephone">
        <Icon name="speaker" />
        <span>{t("telephone.over")}</span>
      </p>
      <div class="telephone-actions">
        <button type="button" class="primary" data-testid="sound-here" onClick={() => dispatch({ type: "sound-here-chosen" })}>
          {t("telephone.here")}
        </button>
      </div>
    </section>
  );
}
