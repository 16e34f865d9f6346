//! The telephone as another way into the same call. Where trunks bring telephone numbers they come first; else the address does. The label of
//! the code says that it is typed during the call: nobody must dial it.

import type { DialIn, Language } from "../state";
import type { DialInLine } from "../wire";
import { baseOf, type Key, text } from "../text";
import { Icon } from "./icon";

/** Digits are read and typed in groups of four. */
const GROUP = /\d{1,4}/g;

export function DialInCard({ language, dialIn }: { language: Language; dialIn: DialIn }) {
  const t = (key: Key) => text(language, key);
  const { lines } = dialIn;
  const sip = dialIn.sip && (
    <div>
      <dt>{t("dial.sip")}</dt>
      <dd>
        <Address uri={dialIn.sip} />
      </dd>
      <dd class="hint">{text(language, "dial.sip.pin", { pin: groups(dialIn.pin).join("\u00a0") })}</dd>
    </div>
  );
  return (
    <section class="card dial-in" aria-labelledby="dial-in" data-testid="dial-in">
      <h2 id="dial-in">
        <Icon name="phone" />
        {t("dial.title")}
      </h2>
      <p>{t("dial.text")}</p>
      <dl>
        {lines.length > 0 && (
          <div>
            <dt>{t(lines.length === 1 ? "dial.line" : "dial.lines")}</dt>
            {lines.map((line) => (
              <Line key={line.number} line={line} pin={dialIn.pin} language={language} />
            ))}
          </div>
        )}
        {lines.length === 0 && sip}
        <div>
          <dt>{t("dial.code")}</dt>
          <dd class="digits" data-testid="code">
            <Groups digits={dialIn.number} />
            <Groups digits={dialIn.pin} />
          </dd>
          {lines.length === 0 && <dd class="hint">{t("dial.code.hint")}</dd>}
        </div>
        {lines.length > 0 && sip}
      </dl>
      <p class="hint">{t("dial.pair")}</p>
    </section>
  );
}

/** The numbers alone, or else the address. */
export function Lines({ language, dialIn }: { language: Language; dialIn: DialIn }) {
  return (
    <ul class="lines" role="list">
      {dialIn.lines.map((line) => (
        <li key={line.number}>
          <a href={`tel:${line.number.replaceAll(" ", "")}`}>{line.number}</a>
          <Spoken language={language} line={line} />
        </li>
      ))}
      {dialIn.lines.length === 0 && dialIn.sip && (
        <li>
          <Address uri={dialIn.sip} />
        </li>
      )}
    </ul>
  );
}

/** A telephone number that a telephone dials when it is chosen, and what is other there than elsewhere. */
function Line({ line, pin, language }: { line: DialInLine; pin: string; language: Language }) {
  return (
    <>
      <dd class="line" data-testid="line">
        <a href={`tel:${line.number.replaceAll(" ", "")}`}>{line.number}</a>
        <Spoken language={language} line={line} />
      </dd>
      {line.pin_only && <dd class="hint">{text(language, "dial.sip.pin", { pin: groups(pin).join("\u00a0") })}</dd>}
    </>
  );
}

/** How callers are spoken to there, if that is in another language than here, or easier to understand. */
function Spoken({ language, line }: { language: Language; line: DialInLine }) {
  const spoken = line.language === "de-du" ? "de" : line.language;
  const isOther = baseOf(spoken) !== baseOf(language) || (spoken === "de-einfach" && language !== spoken);
  return isOther ? <span class="hint"> {text(language, `dial.line.${spoken}`)}</span> : null;
}

/** The address without its scheme; a narrow column breaks it after the @. */
function Address({ uri }: { uri: string }) {
  const [user, host] = uri.replace(/^sips?:/, "").split("@");
  return (
    <a href={uri}>
      {user}
      {host && "@"}
      <wbr />
      {host}
    </a>
  );
}

/** Each group is an element of its own, so that screen readers pause between them; copying gives plain digits. */
function Groups({ digits }: { digits: string }) {
  return (
    <>
      {groups(digits).map((group) => (
        <span class="group">{group}</span>
      ))}
    </>
  );
}

function groups(digits: string): string[] {
  return digits.match(GROUP) ?? [digits];
}
