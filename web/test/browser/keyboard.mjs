//! What tests of the keyboard share: where the focus is, how it gets somewhere, and what the page shows once it has drawn.

import assert from "node:assert/strict";

/** Asserts what the page shows once it has drawn: a key press is answered in one of the next frames. */
export async function settles(page, read, expected, what) {
  const end = Date.now() + 2_000;
  for (;;) {
    const actual = await page.evaluate(read);
    if (actual === expected) return;
    if (Date.now() > end) assert.equal(actual, expected, what);
    await page.waitForTimeout(20);
  }
}

export const focused = (page) => page.evaluate(() => document.activeElement.dataset.testid);

export async function tabTo(page, id) {
  for (let i = 0; i < 60; i++) {
    if ((await focused(page)) === id) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`${id} is not reached by Tab`);
}
