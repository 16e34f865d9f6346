//! The telephone as another way into the same call.

import { type Key, text } from "../text";
import type { DialIn, Language } from "../wire";
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
        <div>
          <dt>{t("dial.room")}</dt>
          <dd class="digits">
            <Groups digits={dialIn.number} />
          </dd>
        </div>
        <div>
          <dt>{t("dial.pin")}</dt>
          <dd class="digits">
            <Groups digits={dialIn.pin} />
          </dd>
        </div>
        {dialIn.sip && (
          <div class="wide">
            <dt>{t("dial.sip")}</dt>
            <dd>
              <Address uri={dialIn.sip} />
            </dd>
          </div>
        )}
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
      {(digits.match(GROUP) ?? [digits]).map((group) => (
        <span class="group">{group}</span>
      ))}
    </>
  );
}
