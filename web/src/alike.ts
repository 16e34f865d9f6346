//! People of one name, told apart wherever somebody chooses between them: a message for one alone must not go to the other.
//!
//! Their marks are those of the server, so they are the same on every page and none moves on when somebody leaves.

import { nameOf, text } from "./text";
import type { Language } from "./state";
import type { Affected, Entry } from "./wire";

type One = Pick<Entry, keyof Affected | "role">;

/** Those of each name, counted anew only when the list is another one. */
const COUNTED = new WeakMap<readonly Entry[], { language: Language; groups: ReadonlyMap<string, readonly Entry[]> }>();

/** Names somebody among others: by the name alone where nobody else bears it, else with what tells them apart. */
export function nameAmong(language: Language, entries: readonly Entry[], entry: One): string {
  const name = nameOf(language, entry);
  const alike = (groupsOf(language, entries).get(folded(name)) ?? []).filter(({ id }) => id !== entry.id);
  const own = alike.length > 0 ? mark(language, alike, entry) : name;
  // Of a telephone without a name the label is its mark already.
  return own === name ? name : text(language, "room.alike", { name, mark: own });
}

/** The only moderator of that name is known by this, a telephone by its number, and everybody else by theirs. */
function mark(language: Language, alike: readonly Entry[], { role, door, ordinal }: One): string {
  if (role === "moderator" && alike.every((other) => other.role !== "moderator")) return text(language, "room.moderator");
  return text(language, door === "phone" ? "room.phone" : "room.alike.number", { number: ordinal });
}

function groupsOf(language: Language, entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  const known = COUNTED.get(entries);
  if (known?.language === language) return known.groups;
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const name = folded(nameOf(language, entry));
    const group = groups.get(name);
    if (group) group.push(entry);
    else groups.set(name, [entry]);
  }
  COUNTED.set(entries, { language, groups });
  return groups;
}

/** Names that sound alike to a screen reader are one. */
function folded(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}
