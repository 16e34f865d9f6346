//! Dialogues of the call: native `<dialog>`, so focus, Escape and the rest of the page are the browser's care.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { nameAmong } from "../alike";
import { nameFrom, NAME_MAX } from "../name";
import { byTelephone } from "../pair";
import { find } from "../roster";
import type { Room } from "../room";
import { type Key, text } from "../text";
import type { Props } from "./app";
import { DeviceChoice, Meter, Volume } from "./device";
import { Icon } from "./icon";
import { Protocol } from "./protocol";
import { PairingCode } from "./telephone";

/** Why somebody is not let in, as the server knows it. */
const REASONS = ["not-expected", "no-place", "come-later"] as const;

export function Dialogs({ room, ...props }: Props & { room: Room }) {
  const { dialog } = room;
  if (dialog?.name === "end") return <End {...props} />;
  if (dialog?.name === "rename") return <Rename {...props} room={room} participant={dialog.participant} />;
  if (dialog?.name === "promote") return <Promote {...props} room={room} participant={dialog.participant} />;
  if (dialog?.name === "protocol") return <ProtocolDialog {...props} room={room} />;
  if (dialog?.name === "telephone") return <TelephoneDialog {...props} room={room} />;
  if (dialog?.name === "turn-away") return <TurnAway {...props} room={room} participant={dialog.participant} />;
  if (dialog?.name === "remove") return <Remove {...props} room={room} participant={dialog.participant} />;
  return dialog ? <SoundDialog {...props} room={room} /> : null;
}

function End({ state, dispatch }: Props) {
  const t = (key: Key) => text(state.language, key);
  return (
    <Dialog title={t("dialog.end.title")} onClose={() => dispatch({ type: "dialog-closed" })}>
      <p>{t("dialog.end.text")}</p>
      <Choice danger no={t("dialog.cancel")} yes={t("dialog.end.confirm")} onYes={() => dispatch({ type: "end-confirmed" })} />
    </Dialog>
  );
}

function Remove({ state, dispatch, room, participant }: Props & { room: Room; participant: string }) {
  const t = (key: Key) => text(state.language, key);
  const entry = find(room.entries, participant);
  const title = text(state.language, "dialog.remove.title", { name: entry ? nameAmong(state.language, room.entries, entry) : "" });
  const [ban, setBan] = useState(false);
  return (
    <Dialog title={title} onClose={() => dispatch({ type: "dialog-closed" })}>
      <p>{t("dialog.remove.text")}</p>
      <div class="option-group">
        <label class="option">
          <input type="checkbox" data-testid="ban" checked={ban} aria-describedby="ban-hint" onChange={() => setBan(!ban)} />
          <span>{t("dialog.remove.ban")}</span>
        </label>
        <p class="hint" id="ban-hint">
          {t("dialog.remove.ban.hint")}
        </p>
      </div>
      <Choice danger no={t("dialog.cancel")} yes={t("dialog.remove.confirm")} onYes={() => dispatch({ type: "remove-confirmed", participant, ban })} />
    </Dialog>
  );
}

function Rename({ state, dispatch, room, participant }: Props & { room: Room; participant: string }) {
  const t = (key: Key) => text(state.language, key);
  const entry = find(room.entries, participant);
  const [name, setName] = useState(entry?.name ?? "");
  const title = text(state.language, "dialog.rename.title", { name: entry ? nameAmong(state.language, room.entries, entry) : "" });
  const rename = (event: SubmitEvent) => {
    event.preventDefault();
    dispatch({ type: "lead-chosen", message: { type: "rename", participant, name: nameFrom(name) || null } });
  };
  return (
    <Dialog title={title} onClose={() => dispatch({ type: "dialog-closed" })}>
      <form onSubmit={rename}>
        <div class="field">
          <label for="new-name">{t("dialog.rename.name")}</label>
          <input
            id="new-name"
            type="text"
            data-testid="new-name"
            maxLength={NAME_MAX}
            value={name}
            autocomplete="off"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </div>
        <div class="dialog-actions">
          <button type="button" data-testid="cancel" onClick={() => dispatch({ type: "dialog-closed" })}>
            {t("dialog.cancel")}
          </button>
          <button type="submit" class="primary" data-testid="confirm">
            {t("dialog.rename.confirm")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Makes somebody a moderator; there is no way back, so it is asked. */
function Promote({ state, dispatch, room, participant }: Props & { room: Room; participant: string }) {
  const t = (key: Key) => text(state.language, key);
  const entry = find(room.entries, participant);
  const title = text(state.language, "dialog.promote.title", { name: entry ? nameAmong(state.language, room.entries, entry) : "" });
  return (
    <Dialog title={title} onClose={() => dispatch({ type: "dialog-closed" })}>
      <p>{t("dialog.promote.text")}</p>
      <Choice
        no={t("dialog.cancel")}
        yes={t("dialog.promote.confirm")}
        onYes={() => dispatch({ type: "lead-chosen", message: { type: "make-moderator", participant } })}
      />
    </Dialog>
  );
}

function ProtocolDialog({ state, dispatch, room }: Props & { room: Room }) {
  return (
    <Dialog title={text(state.language, "protocol.title")} onClose={() => dispatch({ type: "dialog-closed" })}>
      <Protocol language={state.language} room={room} />
      <form method="dialog" class="dialog-actions">
        <button type="submit" class="primary" data-testid="close">
          {text(state.language, "dialog.close")}
        </button>
      </form>
    </Dialog>
  );
}

function TelephoneDialog(props: Props & { room: Room }) {
  const { state, dispatch } = props;
  return (
    <Dialog title={text(state.language, "pair.title")} onClose={() => dispatch({ type: "dialog-closed" })}>
      <PairingCode {...props} />
    </Dialog>
  );
}

function TurnAway({ state, dispatch, room, participant }: Props & { room: Room; participant: string }) {
  const t = (key: Key) => text(state.language, key);
  const entry = find(room.entries, participant);
  const title = text(state.language, "dialog.turn-away.title", { name: entry ? nameAmong(state.language, room.entries, entry) : "" });
  return (
    <Dialog title={title} onClose={() => dispatch({ type: "dialog-closed" })}>
      <p>{t("dialog.turn-away.text")}</p>
      <form method="dialog" class="dialog-actions dialog-choices">
        {REASONS.map((reason) => (
          <button
            key={reason}
            type="button"
            data-testid={reason}
            onClick={() => dispatch({ type: "lead-chosen", message: { type: "turn-away", participant, reason } })}
          >
            {t(`dialog.turn-away.${reason}`)}
          </button>
        ))}
        <button type="submit" class="quiet" data-testid="cancel" autofocus>
          {t("dialog.cancel")}
        </button>
      </form>
    </Dialog>
  );
}

function SoundDialog({ state, dispatch, sound, room }: Props & { room: Room }) {
  const t = (key: Key) => text(state.language, key);
  const open = room.microphone.device === "open";
  const byPhone = byTelephone(room);
  return (
    <Dialog title={t("dialog.sound.title")} onClose={() => dispatch({ type: "dialog-closed" })}>
      {state.devices.length > 0 ? <DeviceChoice state={state} dispatch={dispatch} /> : <p class="hint">{t("dialog.sound.closed")}</p>}
      {open && room.microphone.wish && <Meter sound={sound} label={t("check.level")} />}
      <Volume state={state} dispatch={dispatch} />
      <div class="row">
        <button type="button" onClick={() => dispatch({ type: "tone-chosen" })}>
          <Icon name="speaker" />
          {t("check.tone")}
        </button>
        {room.welcome.dial_in && !byPhone && (
          <button type="button" data-testid="pair" onClick={() => dispatch({ type: "dialog-opened", dialog: { name: "telephone" } })}>
            <Icon name="phone" />
            {t("pair.open")}
          </button>
        )}
      </div>
      <div class="option-group">
        <label class="option">
          <input
            type="checkbox"
            data-testid="original"
            disabled={byPhone}
            checked={state.original}
            aria-describedby="original-hint"
            onChange={() => dispatch({ type: "original-toggled" })}
          />
          <span>{t("dialog.sound.original")}</span>
        </label>
        <p class="hint" id="original-hint">
          {t("dialog.sound.original.hint")}
        </p>
      </div>
      <label class="option">
        <input type="checkbox" data-testid="shortcut" checked={state.shortcut} onChange={() => dispatch({ type: "shortcut-toggled" })} />
        <span>{t("dialog.sound.key")}</span>
      </label>
      <form method="dialog" class="dialog-actions">
        <button type="submit" class="primary">
          {t("dialog.close")}
        </button>
      </form>
    </Dialog>
  );
}

/** The harmless choice comes first and has the focus. */
function Choice({ no, yes, danger, onYes }: { no: string; yes: string; danger?: boolean; onYes: () => void }) {
  return (
    <form method="dialog" class="dialog-actions">
      <button type="submit" data-testid="cancel">
        {no}
      </button>
      <button type="button" class={`primary${danger ? " danger" : ""}`} data-testid="confirm" onClick={onYes}>
        {yes}
      </button>
    </form>
  );
}

export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  const gone = useRef(false);
  useLayoutEffect(() => {
    const opener = document.activeElement;
    const dialog = element.current;
    dialog?.showModal();
    return () => {
      // Another dialogue may follow at once, which this one's end must not close.
      gone.current = true;
      // While the dialogue is open nothing else takes the focus.
      dialog?.close();
      // The opener may have gone with its row; the heading of the list is where that row was.
      if (opener instanceof HTMLElement) (opener.isConnected ? opener : document.getElementById("roster"))?.focus();
    };
  }, []);
  return (
    <dialog class="dialog" ref={element} aria-labelledby="dialog-title" onClose={() => gone.current || onClose()} data-testid="dialog">
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}
