//! How far a telephone's sound is protected, for everybody: in words, quiet where it is as usual and clear where anybody on the way
//! could listen. A browser's always is, so nothing is said of it.

import type { Language } from "../state";
import { text } from "../text";
import type { Entry } from "../wire";
import { Icon } from "./icon";

export function Protected({ language, entry }: { language: Language; entry: Entry }) {
  if (entry.door !== "phone" && !entry.telephone) return null;
  const open = entry.protection === "none";
  return (
    <span class={open ? "badge badge-open" : "activity protected"} data-testid="protection">
      <Icon name={open ? "lock-open" : "lock"} />
      {text(language, `room.protection.${entry.protection}`)}
    </span>
  );
}
