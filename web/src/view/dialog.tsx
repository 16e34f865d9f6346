//! Dialogues of the call: native `<dialog>`, so focus, Escape and the rest of the page are the browser's care.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { find } from "../roster";
import type { Room } from "../room";
import { type Key, nameOf, text } from "../text";
import type { Props } from "./app";
import { DeviceChoice, Meter } from "./device";
import { Icon } from "./icon";

export function Dialogs({ room, ...props }: Props & { room: Room }) {
  const { dialog } = room;
  if (dialog?.name === "end") return <End {...props} />;
  if (dialog?.name === "remove") return <Remove {...props} room={room} participant={dialog.participant} />;
  return dialog ? <SoundDialog {...props} room={room} /> : null;
}

function End({ state, dispatch }: Props) {
  const t = (key: Key) => text(state.language, key);
  return (
    <Dialog title={t("dialog.end.title")} onClose={() => dispatch({ type: "dialog-closed" })}>
      <p>{t("dialog.end.text")}</p>
      <Choice no={t("dialog.cancel")} yes={t("dialog.end.confirm")} onYes={() => dispatch({ type: "end-confirmed" })} />
    </Dialog>
  );
}

function Remove({ state, dispatch, room, participant }: Props & { room: Room; participant: string }) {
  const t = (key: Key) => text(state.language, key);
  const entry = find(room.entries, participant);
  const title = text(state.language, "dialog.remove.title", { name: entry ? nameOf(state.language, entry) : "" });
  return (
    <Dialog title={title} onClose={() => dispatch({ type: "dialog-closed" })}>
      <p>{t("dialog.remove.text")}</p>
      <Choice no={t("dialog.cancel")} yes={t("dialog.remove.confirm")} onYes={() => dispatch({ type: "remove-confirmed", participant })} />
    </Dialog>
  );
}

function SoundDialog({ state, dispatch, sound, room }: Props & { room: Room }) {
  const t = (key: Key) => text(state.language, key);
  const open = room.microphone.device === "open";
  return (
    <Dialog title={t("dialog.sound.title")} onClose={() => dispatch({ type: "dialog-closed" })}>
      {state.devices.length > 0 ? <DeviceChoice state={state} dispatch={dispatch} /> : <p class="hint">{t("dialog.sound.closed")}</p>}
      {open && room.microphone.wish && <Meter sound={sound} label={t("check.level")} />}
      <div class="row">
        <button type="button" onClick={() => dispatch({ type: "tone-chosen" })}>
          <Icon name="speaker" />
          {t("check.tone")}
        </button>
      </div>
      <div class="option-group">
        <label class="option">
          <input
            type="checkbox"
            data-testid="original"
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
        <input type="checkbox" checked={state.shortcut} onChange={() => dispatch({ type: "shortcut-toggled" })} />
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
function Choice({ no, yes, onYes }: { no: string; yes: string; onYes: () => void }) {
  return (
    <form method="dialog" class="dialog-actions">
      <button type="submit" data-testid="cancel">
        {no}
      </button>
      <button type="button" class="primary danger" data-testid="confirm" onClick={onYes}>
        {yes}
      </button>
    </form>
  );
}

function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const opener = document.activeElement;
    const dialog = element.current;
    dialog?.showModal();
    return () => {
      // While the dialogue is open nothing else takes the focus.
      dialog?.close();
      // The opener may have gone with its row; the heading of the list is where that row was.
      if (opener instanceof HTMLElement) (opener.isConnected ? opener : document.getElementById("roster"))?.focus();
    };
  }, []);
  return (
    <dialog class="dialog" ref={element} aria-labelledby="dialog-title" onClose={onClose} data-testid="dialog">
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}
