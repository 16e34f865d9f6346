//! The protocol: what was done in the call, in words, the latest first. It is read by who opens it, and never announced.

import type { Done } from "../acts";
import type { Room } from "../room";
import type { Language } from "../state";
import { nameOf, text, timeOf } from "../text";

export function Protocol({ language, room }: { language: Language; room: Room }) {
  return (
    <>
      <p class="hint">{text(language, "protocol.hint")}</p>
      {room.acts.length === 0 ? (
        <p data-testid="protocol-none">{text(language, "protocol.none")}</p>
      ) : (
        // What scrolls must be reached by the keyboard.
        <div class="protocol" role="region" aria-labelledby="dialog-title" tabIndex={0}>
          <ol role="list" data-testid="protocol-list">
            {room.acts.map((done, place) => (
              <Line key={room.acts.length - place} language={language} done={done} own={room.own} />
            ))}
          </ol>
        </div>
      )}
    </>
  );
}

function Line({ language, done, own }: { language: Language; done: Done; own: string }) {
  const { at, to } = done;
  const words = { actor: text(language, `protocol.by.${done.actor}`), act: text(language, `act.${done.act}`) };
  const name = to && (to.id === own ? text(language, "protocol.you") : nameOf(language, to));
  return (
    <li data-act={done.act}>
      <time dateTime={new Date(at * 1000).toISOString()}>{timeOf(language, at)}</time>
      <span>{name ? text(language, "protocol.line.to", { ...words, name }) : text(language, "protocol.line", words)}</span>
    </li>
  );
}
