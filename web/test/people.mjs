//! Rows of a roster and the state of a conference for tests: the one place where all that they hold is written out.

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
    text: changes.door !== "phone",
    away: false,
    telephone: null,
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
  return { locked: false, ask_to_speak: false, lobby: "off", entry_signal: "off", quiet_above: 20, chat: "all", alarm: false, ...changes };
}
