//! Rows of a roster, the state of a conference, a greeting and texts of the server for tests: the one place where all that they hold is written out.

/**
 * A guest with a browser, or with what is changed.
 * @param {string} id
 * @param {Partial<import("../src/wire").Entry>} changes
 * @returns {import("../src/wire").Entry}
 */
export function entry(id, changes = {}) {
  return {
    id,
    name: null,
    door: "browser",
    ordinal: 1,
    ending: null,
    role: "guest",
    status: "connected",
    protection: changes.door === "phone" ? "to-carrier" : "to-device",
    microphone: false,
    speaking: false,
    original_sound: false,
    hand: null,
    floor: false,
    said_name: false,
    disturbs: null,
    quality: "good",
    text: changes.door !== "phone",
    away: false,
    telephone: null,
    apart: false,
    apart_with: null,
    ...changes,
  };
}

/**
 * Somebody to whom something is done, as the server tells it.
 * @param {import("../src/wire").Entry} one
 * @returns {import("../src/wire").Affected}
 */
export function affected({ id, name, door, ordinal }) {
  return { id, name, door, ordinal };
}

/**
 * A conference in which nothing is closed and nobody asks to speak, or with what is changed.
 * @param {Partial<import("../src/wire").ConferenceState>} changes
 * @returns {import("../src/wire").ConferenceState}
 */
export function conference(changes = {}) {
  return { locked: false, ask_to_speak: false, lobby: "off", entry_signal: "off", quiet_above: 20, chat: "all", alarm: false, callers_wait: false, ...changes };
}

/**
 * What a guest's link opens, or with what is changed.
 * @param {Partial<Extract<import("../src/wire").ServerMessage, { type: "welcome" }>>} changes
 * @returns {Extract<import("../src/wire").ServerMessage, { type: "welcome" }>}
 */
export function greeting(changes = {}) {
  return {
    type: "welcome",
    role: "guest",
    title: "Elternabend der Klasse 4b",
    language: "de",
    dial_in: null,
    dial_out: [],
    privacy: {
      controller: "Grundschule am Anger, Anger 1, 99084 Erfurt",
      contact: "sekretariat@schule.example, 0361 123456",
      officer: "datenschutz@schule.example",
      basis: "Art. 6 Abs. 1 Buchst. e DSGVO in Verbindung mit § 1 des Schulgesetzes",
      authority: "Landesbeauftragter für den Datenschutz, Erfurt",
      seat_minutes: 5,
      dials_days: null,
      shows_digits: false,
    },
    returns: false,
    ...changes,
  };
}

/**
 * A text of the server, which says the same in all wordings of German.
 * @param {string} de
 * @param {string} en
 * @returns {import("../src/wire").Shown}
 */
export function shown(de, en = de) {
  return { de, "de-du": de, "de-einfach": de, en };
}
