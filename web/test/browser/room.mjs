//! What browser tests of the room share: being in it, and what the page asked for there.

import { joinScript, serve } from "../fake-server.mjs";
import { settles } from "./keyboard.mjs";

/** Lets somebody join who is called Ada, and checks what becomes of it; `context` is what the browser is to be like. */
export async function inRoom(browser, options, check, context = {}) {
  const server = await serve({ script: joinScript(options) });
  const opened = await browser.newContext({ locale: "de-DE", permissions: ["microphone"], reducedMotion: "reduce", ...context });
  const page = await opened.newPage();
  try {
    await page.goto(`${server.url}#secret`);
    await page.getByTestId("name").fill("Ada");
    await page.getByTestId("join").click();
    await page.getByTestId("roster").waitFor();
    await settles(page, () => document.activeElement.id, "title", "the heading has the focus");
    await check(page, server);
  } finally {
    await opened.close();
    await server.close();
  }
}

/** What the page asked for in the room. */
export function sent(server) {
  const asked = server.received.filter(({ type }) => type !== "hello" && type !== "join");
  return asked.map(({ type, ...rest }) => [type, ...Object.values(rest)].join(" "));
}
