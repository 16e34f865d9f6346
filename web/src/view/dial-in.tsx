//! The telephone as another way into the same call. No telephone number is known here, so the address comes first, and the label of the
//! code says that it is typed during the call: nobody must dial it.

import type { DialIn, Language } from "../state";
import { type Key, text } from "../text";
import { Icon } from "./icon";

/** Digits are read and typed in groups of four. */
const GROUP = /\d{1,4}/g;

export function DialInCard({ language, dialIn }: { language: Language; dialIn: DialIn }) {
  const t = (key: Key) => text(language, key);
  return (
    <section class="card dial-in" aria-labelledby="dial-in" data-testid="dial-in">
      <h2 id="dial-in">
        <Icon name="phone" />
        {t("dial.title")}
      </h2>
      <p>{t("dial.text")}</p>
      <dl>
        {dialIn.sip && (
          <div>
            <dt>{t("dial.sip")}</dt>
            <dd>
              <Address uri={dialIn.sip} />
            </dd>
            <dd class="hint">{text(language, "dial.sip.pin", { pin: groups(dialIn.pin).join(" ") })}</dd>
          </div>
        )}
        <div>
          <dt>{t("dial.code")}</dt>
          <dd class="digits" data-testid="code">
            <Groups digits={dialIn.number} />
            <Groups digits={dialIn.pin} />
          </dd>
          <dd class="hint">{t("dial.code.hint")}</dd>
        </div>
      </dl>
    </section>
  );
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
