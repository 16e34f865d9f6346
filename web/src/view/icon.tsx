//! Icons: our own drawings on a grid of 24, lines of one width. They never stand alone: a text says the same.

const DRAWINGS = {
  microphone: ["M12 3.5a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3Z", "M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3"],
  "microphone-off": ["M15 9.2V6.5a3 3 0 0 0-5.7-1.3M9 9v2.5a3 3 0 0 0 4.6 2.5", "M18.5 11.5a6.5 6.5 0 0 1-1 3.4M5.5 11.5a6.5 6.5 0 0 0 9.6 5.7M12 18v3M4 4l16 16"],
  phone: ["M8.2 4.2 6 5.3c-1 .5-1.4 1.6-1.1 2.7 1.6 5.5 5.6 9.5 11.1 11.1 1.1.3 2.2-.1 2.7-1.1l1.1-2.2-4-2.6-2 1.5c-2-1-3.5-2.5-4.5-4.5l1.5-2Z"],
  "hang-up": ["M3.5 14.8c-.8-.9-.9-2.2-.1-3.1 4.6-5 12.6-5 17.2 0 .8.9.7 2.2-.1 3.1l-1.3 1.4-3.9-2.1v-2.4a10 10 0 0 0-6.6 0v2.4l-3.9 2.1Z"],
  note: ["M9 17.5V5.5l10-2v12", "M6.5 20a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM16.5 18a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z"],
  wave: ["M3.5 12c1.4-5 2.9-5 4.3 0s2.8 5 4.2 0 2.8-5 4.2 0 2.9 5 4.3 0"],
  signal: ["M4.5 19v-3.5M9.5 19v-7M14.5 19h.1M19.5 19h.1", "m15 6.5 5 5M20 6.5l-5 5"],
  echo: ["M5 8.5h9.5a5 5 0 0 1 0 10H8", "m9 4.5-4 4 4 4"],
  hand: ["M8 13.5V6.3a1.5 1.5 0 0 1 3 0v5M11 11V4.5a1.5 1.5 0 0 1 3 0V11M14 11V6.3a1.5 1.5 0 0 1 3 0v8c0 4-2 6.4-5.2 6.4-2.5 0-4.1-1.1-5.4-3.4l-2-3.6c-.4-.8-.2-1.6.5-2s1.5-.2 2 .5L8 13.5"],
  "hand-down": ["M8 9.5v4l-1.1-1.3c-.5-.7-1.3-.9-2-.5s-.9 1.2-.5 2l2 3.6c1.3 2.3 2.9 3.4 5.4 3.4 1.9 0 3.4-.9 4.3-2.4", "M11 7.4V4.5a1.5 1.5 0 0 1 3 0v6M14 8.5V6.3a1.5 1.5 0 0 1 3 0v7.2M4 4l16 16"],
  lock: ["M6 10.8h12v9.2H6Z", "M8.5 10.8V8a3.5 3.5 0 0 1 7 0v2.8M12 14.3v2.2"],
  "lock-open": ["M6 10.8h12v9.2H6Z", "M8.5 10.8V7.2a3.5 3.5 0 0 1 6.6-1.6M12 14.3v2.2"],
  word: ["M5.5 4.5h13a2 2 0 0 1 2 2v7.5a2 2 0 0 1-2 2H12l-4.5 4v-4h-2a2 2 0 0 1-2-2V6.5a2 2 0 0 1 2-2Z", "M8 8.7h8M8 12h5"],
  typing: ["M3.5 6.5h17v11h-17Z", "M7 10.2h.1M10.3 10.2h.1M13.6 10.2h.1M16.9 10.2h.1M8.5 13.9h7"],
  chat: ["M4.5 4h9.5a2 2 0 0 1 2 2v4.5a2 2 0 0 1-2 2H9l-3.5 3v-3h-1a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2Z", "M10.5 16h5l3.5 3v-3h.5a2 2 0 0 0 2-2v-3.5a2 2 0 0 0-2-2"],
  send: ["M4 12 20 4.5 15.5 20l-4-6.5Z", "m11.5 13.5 4-4.5"],
  ask: ["M9.5 4.5a2.8 2.8 0 0 1 2.8 2.8v4.2a2.8 2.8 0 0 1-5.6 0V7.3a2.8 2.8 0 0 1 2.8-2.8Z", "M3.5 12a6 6 0 0 0 12 0M9.5 18v3M18.5 3.5v6M15.5 6.5h6"],
  chevron: ["m6.5 9.5 5.5 5.5 5.5-5.5"],
  pause: ["M9 6v12M15 6v12"],
  speaker: ["M4 9.5v5h3.5L12 18.5v-13L7.5 9.5Z", "M15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11"],
  star: ["m12 4 2.3 4.9 5.2.7-3.8 3.7.9 5.3-4.6-2.5-4.6 2.5.9-5.3L4.5 9.6l5.2-.7Z"],
  pen: ["M5 19l.8-3.6L15.6 5.6a1.9 1.9 0 0 1 2.8 2.8L8.6 18.2Z", "m13.8 7.4 2.8 2.8"],
  remove: ["M10 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM3.5 19.5a6.5 6.5 0 0 1 10.3-5.3M15.5 16l5 5M20.5 16l-5 5"],
  again: ["M19.5 12a7.5 7.5 0 1 1-2.3-5.4M19.5 3.5v4h-4"],
  shield: ["M12 3.5 5 6v5.5c0 4.3 2.8 7.5 7 9 4.2-1.5 7-4.7 7-9V6Z", "m9 11.8 2.2 2.2 4-4.2"],
  close: ["M6 6l12 12M18 6 6 18"],
  door: ["M13.5 4H6.5v16h7M10.5 12h10M17 8.5l3.5 3.5-3.5 3.5"],
  browser: ["M4 5h16v14H4Z", "M4 9.5h16M7 7.3h.1M10 7.3h.1"],
  link: ["M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1"],
  plug: ["M9 3.5v5M15 3.5v5M6.5 8.5h11v3a5.5 5.5 0 0 1-11 0ZM12 17v3.5"],
} as const;

export type IconName = keyof typeof DRAWINGS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {DRAWINGS[name].map((d) => (
        <path d={d} />
      ))}
    </svg>
  );
}

/** The mark: a call that goes round, and the voice in its middle. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d="M21.2 7.7a10 10 0 1 1-10.4 0" />
      <path d="M19 12.2a5.2 5.2 0 1 1-6 0" />
      <circle cx="16" cy="16.4" r="2.2" />
    </svg>
  );
}

/** Three bars that move while someone speaks, and stand still for people who want less motion. */
export function Bars() {
  return (
    <svg class="icon bars" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d="M6 9v6" />
      <path d="M12 5v14" />
      <path d="M18 8v8" />
    </svg>
  );
}
