//! The notice on privacy (Art. 13 GDPR): short sentences, made of what is so on this server. It is one click away, before the call and in it.

import type { Privacy } from "../wire";
import { type Key, text } from "../text";
import type { Props } from "./app";
import { Dialog } from "./dialog";

export function PrivacyNotice({ state, dispatch, privacy }: Props & { privacy: Privacy }) {
  const t = (key: Key, values = {}) => text(state.language, key, values);
  const complaint = privacy.authority ? t("privacy.authority", { authority: privacy.authority }) : t("privacy.authority.any");
  const sections: readonly (readonly [Key, readonly (string | null)[]])[] = [
    ["privacy.controller", [privacy.controller ?? t("privacy.controller.missing"), privacy.contact]],
    ["privacy.officer", [privacy.officer]],
    ["privacy.data", [t("privacy.data.text"), t("privacy.data.free")]],
    ["privacy.purpose", [t("privacy.purpose.text"), privacy.basis && t("privacy.basis", { basis: privacy.basis })]],
    ["privacy.seen", [t("privacy.seen.text"), privacy.shows_digits ? t("privacy.digits") : null, t("privacy.given")]],
    [
      "privacy.kept",
      [t("privacy.kept.text"), t("privacy.seat", { minutes: privacy.seat_minutes }), privacy.dials_days === null ? null : t("privacy.dials", { days: privacy.dials_days })],
    ],
    ["privacy.rights", [t("privacy.rights.text"), complaint]],
    ["privacy.recording", [t("privacy.recording.text")]],
  ];
  return (
    <Dialog title={t("privacy.title")} onClose={() => dispatch({ type: "privacy-closed" })}>
      {/* What scrolls must be reached by the keyboard. */}
      <div class="privacy-text" role="region" aria-labelledby="dialog-title" tabIndex={0} data-testid="privacy-text">
        {sections.map(([title, lines]) => {
          const said = lines.filter((line) => line !== null);
          return (
            said.length > 0 && (
              <section key={title}>
                <h3>{t(title)}</h3>
                {said.map((line) => (
                  <p key={line}>{line}</p>
                ))}
              </section>
            )
          );
        })}
      </div>
      <form method="dialog" class="dialog-actions">
        <button type="submit" class="primary">
          {t("dialog.close")}
        </button>
      </form>
    </Dialog>
  );
}
