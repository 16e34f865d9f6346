//! All words of the page: the catalogues, pseudonyms, and sentences about people.

import de from "./i18n/de.json";
import deDu from "./i18n/de-du.json";
import deEinfach from "./i18n/de-einfach.json";
import en from "./i18n/en.json";
import { type Hearing, hearing } from "./hearing";
import { apart, heard, type Room, waits } from "./room";
import type { Language, Sentence, State, Welcome } from "./state";
import type { Entry } from "./wire";

export type Key = keyof typeof de;

type Words = Record<Key, string>;

/** German with du and easy German hold what they say differently from German with Sie. */
const CATALOGUES: Record<Language, Words> = { de, "de-du": { ...de, ...deDu }, "de-einfach": { ...de, ...deEinfach }, en };
/** The languages in the order in which they are offered. */
export const LANGUAGES: readonly Language[] = ["de", "de-du", "de-einfach", "en"];
/** What they are for the browser (BCP 47), which so speaks and breaks their words rightly; "simple" is registered for easy language. */
const TAGS: Record<Language, string> = { de: "de", "de-du": "de", "de-einfach": "de-simple", en: "en" };
/** People named in one announcement; the rest is counted. */
const NAMED_MAX = 3;

/** Returns a text with its placeholders filled. */
export function text(language: Language, key: Key, values: Record<string, string | number> = {}): string {
  return CATALOGUES[language][key].replace(/\{(\w+)\}/g, (mark, name: string) => String(values[name] ?? mark));
}

/** Tags a language for the browser. */
export function tagOf(language: Language): string {
  return TAGS[language];
}

/** Tells which language it is, however it is worded: what numbers, times and dates go by. */
export function baseOf(language: Language): "de" | "en" {
  return language === "en" ? "en" : "de";
}

/** Words a pseudonym: the same number is the same animal in every language. */
export function pseudonym(language: Language, number: number): string {
  const adjectives = text(language, "pseudonym.adjectives").split(" ");
  const animals = text(language, "pseudonym.animals").split(" ");
  const [ending, animal] = (animals[number % animals.length] ?? "").split(":");
  const adjective = `${adjectives[Math.floor(number / animals.length) % adjectives.length]}${ending}`;
  return text(language, "pseudonym.pattern", { adjective, animal: animal ?? "" });
}

/** Returns a stable number for an identity, for its pseudonym and its colour (FNV-1a). */
export function number(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

/** Names a participant: their name, "Telefon 1", or a pseudonym. */
export function nameOf(language: Language, entry: Pick<Entry, "id" | "name" | "door" | "ordinal">): string {
  if (entry.name) return entry.name;
  return entry.door === "phone" ? text(language, "room.phone", { number: entry.ordinal }) : pseudonym(language, number(entry.id));
}

/** Words a time of day, from seconds since 1970. */
export function timeOf(language: Language, seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString(baseOf(language), { hour: "2-digit", minute: "2-digit" });
}

export function sentence(language: Language, said: Sentence): string {
  if (!("key" in said)) return said[language];
  return text(language, `say.${said.key}`, { name: said.entry ? nameOf(language, said.entry) : "", words: said.words ?? "" });
}

/** Words what the live region says. */
export function announcement(language: Language, said: readonly Sentence[]): string {
  const named = said.slice(0, NAMED_MAX).map((one) => sentence(language, one));
  const more = said.length - named.length;
  return [...named, ...(more > 0 ? [text(language, "say.more", { count: more })] : [])].join(" ");
}

/** Lists names: "A", "A und B", "A, B und C". */
export function list(language: Language, names: readonly string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : text(language, "room.and", { names: names.slice(0, -1).join(", "), last });
}

/** Words who hears the person. */
export function hearingOf(language: Language, who: Hearing): string {
  if (who.by === "nobody") return text(language, `hearing.${who.why}`);
  if (who.by === "apart") return who.who ? text(language, "hearing.apart", { name: nameOf(language, who.who) }) : text(language, "hearing.addressed");
  if (who.by === "one") return text(language, who.others === 1 ? "hearing.one" : "hearing.only", { name: nameOf(language, who.who) });
  if (who.by === "all" && who.count === 2) return text(language, "hearing.both");
  return text(language, `hearing.${who.by}`, { count: who.count, others: who.others });
}

/** The title of the room; one without a title is a conference, with its number if it has one. */
export function roomTitle(language: Language, { title, dial_in }: Welcome): string {
  if (title.trim()) return title;
  return dial_in ? text(language, "room.untitled.number", { number: dial_in.number }) : text(language, "room.untitled");
}

/** Words the title of the window. */
export function titleOf({ language, page, company }: State): string {
  const title = "welcome" in page && page.welcome ? [roomTitle(language, page.welcome)] : [];
  return [...stateOf(), ...title, text(language, "app.name")].join(" · ");

  function stateOf(): string[] {
    if (page.name === "join") return [text(language, "title.join")];
    if (page.name === "room" && waits(page)) return [text(language, apart(page) ? "addressed.title" : "waiting.title")];
    if (page.name === "room" && page.audio === "interrupted") return [text(language, "title.interrupted")];
    if (page.name === "room") return speaking(page);
    if (page.name === "over") return [text(language, `over.${page.why}.title`)];
    return [text(language, page.name === "lost" ? "lost.title" : "title.connecting")];
  }

  function speaking(room: Room): string[] {
    if (!heard(room)) return [];
    return [text(language, hearing(room, company).by === "nobody" ? "title.on" : "title.speaking")];
  }
}
