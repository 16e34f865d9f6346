//! Every scene against axe-core, light and dark, narrow and wide; reflow, forced colours, keyboard.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "../drivers/chromium.mjs";
import { entry, joinScript, OPEN, serve } from "../fake-server.mjs";
import { choose, cutOff, OTHERS, prepare, SCENES } from "../scenes.mjs";
import { takePictures } from "../screenshots.mjs";
import { focused, settles, tabTo } from "./keyboard.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
let browser;

before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Scenes that are looked at in every language; the others in German and English. */
const MAIN = ["join-lines", "waiting", "room-moderator", "room-leading-asking", "dialog-telephone", "dialog-sound", "join-privacy", "ended", "unsupported"];
const BOTH = [["light", 1280, "de"], ["dark", 320, "en"]];
const REST = [["dark", 320, "de-du"], ["light", 320, "de-einfach"], ["dark", 1280, "de-einfach"]];
const TAGS = { de: "de", "de-du": "de", "de-einfach": "de-simple", en: "en" };

for (const [name, scene] of Object.entries(SCENES)) {
  test(`${name} has no accessibility findings and fits 320 pixels`, async () => {
    for (const [colorScheme, width, language] of MAIN.includes(name) ? [...BOTH, ...REST] : BOTH) {
      await inScene(scene, { colorScheme, language, viewport: { width, height: 800 } }, async (page) => {
        await page.evaluate(axe);
        const { violations } = await page.evaluate((values) => globalThis.axe.run(document, { runOnly: { type: "tag", values } }), RULES);
        const findings = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
        assert.deepEqual(findings, [], `${colorScheme} ${width} ${language}`);
        assert.deepEqual(await page.evaluate(cutOff), [], `cut off at ${width} in ${language}`);
        // A page whose script does not run has both languages.
        assert.equal(await page.evaluate(() => document.documentElement.lang), scene.outdated ? "de" : TAGS[language]);
      });
    }
  });
}

test("the dial-in card says first whom to call, then what to type", async () => {
  await inScene(SCENES.join, {}, async (page) => {
    const card = await page.getByTestId("dial-in").innerText();
    const order = ["4711@konferenz.schule.example", "Einwahlnummer (nach der Begrüßung tippen)", "keine Telefonnummer"].map((words) => card.indexOf(words));
    assert.ok(order[0] > 0 && order[0] < order[1] && order[1] < order[2], card);
  });
});

test("where there are telephone numbers the dial-in card begins with them, and a telephone dials them", async () => {
  await inScene(SCENES["join-lines"], {}, async (page) => {
    const card = page.getByTestId("dial-in");
    const text = await card.innerText();
    const order = ["+49 30 123456", "+44 1632960961", "nur die PIN", "Einwahlnummer (nach der Begrüßung tippen)", "Internet-Telefon"];
    const places = order.map((words) => text.indexOf(words));
    assert.ok(places.every((place, at) => place > (places[at - 1] ?? 0)), `${places}: ${text}`);
    assert.ok(!text.includes("keine Telefonnummer"));
    assert.match(text, /\+44 1632960961 \(Ansagen auf Englisch\)/);
    const links = await card.locator("[data-testid=line] a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
    assert.deepEqual(links, ["tel:+4930123456", "tel:+441632960961"]);
  });
});

test("a browser named like a caller is told from the caller in text", async () => {
  const script = joinScript({ others: [entry("tel1", { door: "phone" }), entry("x", { name: "Telefon 1" })] });
  await inScene({ script, act: SCENES["room-guest"].act }, {}, async (page) => {
    const rows = await page.locator("[data-name='Telefon 1'] .name").allTextContents();
    assert.deepEqual(rows, ["Telefon 1Telefonverschlüsselt bis zum Anbieter", "Telefon 1 (Nr. 1)Browser"]);
  });
});

test("music is named to all; hum, echo and original sound to moderators and to whose line it is", async () => {
  const said = async (scene) => {
    let lines;
    await inScene(SCENES[scene], {}, async (page) => {
      const rows = page.locator("[data-testid=participant]:not([data-own=true])");
      const found = await rows.evaluateAll((found) => found.map((row) => [row.dataset.participant, [...row.querySelectorAll(".marks .activity")].map((line) => line.textContent).join(", ")]));
      lines = Object.fromEntries(found);
    });
    return lines;
  };
  assert.deepEqual(await said("room-disturbing-guest"), { anna: "Mikrofon an", tel1: "Wartemusik, stumm", tel2: "Mikrofon an", tel3: "spricht", tel4: "Mikrofon aus", lena: "Mikrofon an" });
  assert.deepEqual(await said("room-disturbing-moderator"), {
    anna: "Mikrofon an, Verbindung gibt Echo",
    tel1: "Wartemusik, stumm",
    tel2: "Mikrofon an, Verbindung brummt",
    tel3: "spricht, Verbindung brummt",
    tel4: "Mikrofon aus",
    lena: "Mikrofon an, Originalton",
  });
});

test("a connection is named where it is bad, and only there, in the row and of one's own above the list as well", async () => {
  await inScene(SCENES["room-lines-guest"], {}, async (page, server) => {
    const lines = () => page.locator("[data-testid=participant]").evaluateAll((rows) => Object.fromEntries(rows.map((row) => [row.dataset.participant, row.querySelector("[data-testid=line]")?.textContent ?? ""])));
    const [fair, poor] = ["Verbindung schwach", "Verbindung sehr schlecht"];
    assert.deepEqual(await lines(), { me: fair, anna: fair, tel1: poor, tel2: "", rosa: poor, lena: "" });
    assert.equal(await page.getByTestId("quality").innerText(), fair);
    server.send({ type: "quality", good: ["me", "tel1"], fair: ["rosa"], poor: ["lena"] });
    await page.locator("[data-participant=lena][data-quality=poor]").waitFor();
    assert.deepEqual(await lines(), { me: "", anna: fair, tel1: "", tel2: "", rosa: fair, lena: poor });
    assert.equal(await page.getByTestId("announcement").innerText(), "", "others' lines are not read aloud");
  });
});

test("who plays music reads beside the microphone that they are not heard", async () => {
  await inScene(SCENES["room-music"], {}, async (page) => {
    assert.equal(await page.getByTestId("heard").innerText(), "Gerade hört Sie niemand.");
    assert.match(await page.locator(".heard-hint").innerText(), /Sobald sie endet/);
    assert.equal(await page.locator("[data-own=true] .activity").innerText(), "Wartemusik, stumm");
  });
});

test("a row does not paint over others, however many marks its name stacks", async () => {
  const above = async (name) => {
    let picture;
    await inScene({ script: joinScript({ own: { name } }), act: SCENES["room-guest"].act }, {}, async (page) => {
      const row = await page.getByTestId("participant").boundingBox();
      picture = await page.screenshot({ clip: { x: row.x, y: row.y - 40, width: 300, height: 40 } });
    });
    return picture;
  };
  assert.ok((await above(`A${"\u0301".repeat(59)}`)).equals(await above("A")), "the pictures above the row are the same");
});

test("the screenshots find a page that is wider than its window, also where the page clips it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rundruf-shots-"));
  const widen = async (page) => {
    await SCENES.join.act(page);
    await page.evaluate(() => (document.querySelector("main").style.minWidth = "700px"));
  };
  const findings = await takePictures(folder, { wide: { ...SCENES.join, act: widen }, join: SCENES.join });
  await rm(folder, { recursive: true });
  assert.deepEqual(findings.map((finding) => finding.slice(0, 11)), ["wide at 320", "wide at 320"]);
});

test("whoever asks for more contrast gets it, in light and dark", async () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const scene of ["room-leading-asking", "join-denied"]) {
      await inScene(SCENES[scene], { contrast: "more", colorScheme }, async (page) => {
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: { type: "rule", values: ["color-contrast-enhanced"] } }));
        assert.deepEqual(violations.flatMap(({ nodes }) => nodes.map((node) => node.html.slice(0, 120))), [], `${scene} ${colorScheme}`);
      });
    }
  }
});

test("a browser that cannot call says so before a name is typed, with the way in by telephone; one without a microphone may listen", async () => {
  await inScene(SCENES.unsupported, {}, async (page) => {
    assert.match(await page.locator("main").innerText(), /Dieser Browser kann nicht telefonieren[^]*oder rufen Sie an[^]*Einwahlnummer/);
    assert.equal(await page.getByTestId("join").count(), 0);
  });
  await inScene(SCENES["room-listener"], {}, async (page) => {
    assert.match(await page.getByTestId("obstacle").innerText(), /Sie können zuhören/);
    assert.equal(await page.getByTestId("code").count(), 1);
  });
});

test("a browser that cannot read the script reads a sentence, which no other sees", async () => {
  await inScene(SCENES.outdated, {}, async (page) => {
    assert.match(await page.locator("main").innerText(), /aktuelle Fassung von Firefox[^]*current version of Firefox/);
  });
  await inScene(SCENES.connecting, {}, async (page) => assert.equal(await page.locator(".late").count(), 0));
});

test("forced colours keep speaking visible as an outline", async () => {
  await inScene(SCENES["room-guest"], { forcedColors: "active" }, async (page) => {
    const style = await page.locator("[data-speaking=true]").evaluate((row) => getComputedStyle(row).outlineStyle);
    assert.equal(style, "solid");
  });
});

for (const scene of ["room-moderator", "room-leading-asking"]) {
  test(`the bar never hides what the keyboard focuses in ${scene}, and the page stays where it is for the bar's own buttons`, async () => {
    await inScene(SCENES[scene], { viewport: { width: 320, height: 640 } }, async (page) => {
      await page.evaluate(() => document.getElementById("title").focus());
      for (let i = 0; i < 40 && (await focused(page)) !== "microphone"; i++) {
        const hidden = await page.evaluate(() => {
          const own = document.activeElement.getBoundingClientRect();
          return document.activeElement.matches(".room button") && own.bottom > document.querySelector(".controls").getBoundingClientRect().top;
        });
        assert.equal(hidden, false, await page.evaluate(() => document.activeElement.outerHTML.slice(0, 90)));
        await page.keyboard.press("Tab");
      }
      assert.equal(await focused(page), "microphone");
      await page.evaluate(() => scrollTo(0, 100));
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate(() => scrollY), 100);
    });
  });
}

test("everything is reached and done by keyboard alone", async () => {
  const server = await serve({ script: joinScript({ welcome: { role: "moderator" }, others: OTHERS }) });
  const context = await browser.newContext({ locale: "de-DE", permissions: ["microphone"] });
  const page = await context.newPage();
  await page.goto(`${server.url}#secret`);
  await page.getByTestId("join").waitFor();
  await tabTo(page, "name");
  await page.keyboard.type("Mia mit M");
  assert.equal(await page.getByTestId("name").inputValue(), "Mia mit M", "M is a letter in a field");
  await page.keyboard.press("Enter");
  await page.getByTestId("roster").waitFor();
  await settles(page, () => document.activeElement.id, "title", "the new page starts at its heading");
  await page.keyboard.press("m");
  await page.locator("[data-testid=microphone][data-microphone=on]").waitFor();
  assert.match(await page.title(), /^Man hört Sie/);
  assert.match(await page.getByTestId("announcement").innerText(), /Mikrofon an/);
  await page.getByTestId("heard").getByText("5 von 6 anderen hören Sie.").waitFor();
  await tabTo(page, "microphone");
  await page.keyboard.press("Space");
  await page.locator("[data-testid=microphone][data-microphone=off]").waitFor();
  await tabTo(page, "sound");
  await page.keyboard.press("Enter");
  await tabTo(page, "original");
  await page.keyboard.press("Space");
  await page.locator("[data-own=true][data-original=true]").waitFor({ state: "attached" });
  await page.keyboard.press("Escape");
  await page.getByTestId("dialog").waitFor({ state: "detached" });
  await tabTo(page, "mute");
  await page.keyboard.press("Enter");
  await page.locator("[data-participant=anna][data-microphone=off]").waitFor();
  await settles(page, () => document.activeElement.dataset.testid, "ask", "the focus goes on in the row whose button went away");
  assert.equal(await page.evaluate(() => document.activeElement.closest("li").dataset.participant), "anna");
  await settles(page, () => document.querySelector("[data-testid=announcement]").innerText, "Anna Becker ist stumm.", "the announcement");
  await tabTo(page, "remove");
  await page.keyboard.press("Enter");
  await page.getByTestId("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByTestId("dialog").waitFor({ state: "detached" });
  await settles(page, () => document.activeElement.dataset.testid, "remove", "the focus returns to the opener");
  await page.keyboard.press("Enter");
  await tabTo(page, "confirm");
  await page.keyboard.press("Enter");
  await page.locator("[data-participant=anna]").waitFor({ state: "detached" });
  await settles(page, () => document.activeElement.id, "roster", "the focus goes to the heading of the list when the row is gone");
  await settles(page, () => document.querySelector("[data-testid=announcement]").innerText, "Anna Becker wurde entfernt.", "the announcement");
  await tabTo(page, "remove");
  await page.keyboard.press("Enter");
  await page.getByTestId("dialog").waitFor();
  const first = await page.evaluate(() => document.querySelector("[data-testid=remove]").closest("li").dataset.participant);
  server.send({ type: "delta", version: 99, state: OPEN, entries: [], gone: [first] });
  await page.getByTestId("dialog").waitFor({ state: "detached" });
  await settles(page, () => document.activeElement.id, "roster", "also when the row went while the dialogue was open");
  await tabTo(page, "end");
  await page.keyboard.press("Enter");
  await settles(page, () => document.activeElement.dataset.testid, "cancel", "the harmless choice has the focus");
  await tabTo(page, "confirm");
  await page.keyboard.press("Enter");
  await tabTo(page, "leave");
  await page.keyboard.press("Enter");
  await page.getByTestId("again").waitFor();
  const types = server.received.map(({ type, on }) => (on !== undefined ? `${type} ${on}` : type));
  assert.deepEqual(types, ["hello", "join", "microphone true", "microphone false", "original-sound true", "mute", "remove", "end", "leave"]);
  await context.close();
  await server.close();
});

async function inScene(scene, { language = "de", ...options }, check) {
  const server = await serve({ script: scene.script });
  const context = await browser.newContext({ locale: "de-DE", permissions: ["microphone"], reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  await prepare(page, scene);
  try {
    await page.goto(`${server.url}#secret`);
    await choose(page, language, scene);
    await scene.act(page, server);
    await check(page, server);
  } finally {
    await context.close();
    await server.close();
  }
}
