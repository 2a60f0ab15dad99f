// For everyone: by keyboard, with a screen reader, with weak eyes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { faults } from "./faults.js";
import { ANSWERED, NOBODY, RINGING, intercept, says, shown, visit } from "./visit.js";

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1440, height: 900 };

/** What has the focus: its text, and whether that can be seen. Nothing when the page has lost it. */
function focused() {
  const element = document.activeElement;
  if (element === document.body) return undefined;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const { top, bottom, left, right } = element.getBoundingClientRect();
  return {
    name: element.innerText.trim(),
    outlined: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    inView: top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth,
  };
}

test("the tab key goes through everything in the order of reading, and is seen there", async (t) => {
  const page = await visit(t);
  await says(page, ANSWERED);
  const order = [
    "Skip to the content",
    "Entry points",
    "The way of a ring",
    "GET /api/",
    "GET /api/ring-ring",
    "Ring again",
  ];
  for (const name of order) {
    await page.keyboard.press("Tab");
    assert.deepEqual(await page.evaluate(focused), { name, outlined: true, inView: true });
  }
  assert.equal(
    await page.locator("a, button, input, [tabindex]").filter({ visible: true }).count(),
    order.length,
  );
});

test("the content can be jumped to", async (t) => {
  const page = await visit(t);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.equal((await page.evaluate(focused)).name, "GET /api/");
});

for (const key of ["Enter", "Space"]) {
  test(`the bell rings on ${key}, and keeps the focus`, async (t) => {
    const page = await visit(t);
    await says(page, ANSWERED);
    const first = await shown(page);
    const bell = page.getByRole("button", { name: "Ring again" });
    await bell.focus();
    await page.keyboard.press(key);
    await page.locator("#json").filter({ hasNotText: first.id }).waitFor();
    assert.equal((await page.evaluate(focused)).name, "Ring again");
  });
}

test("there is one of each landmark, and headings skip no level", async (t) => {
  const page = await visit(t);
  for (const role of ["banner", "navigation", "main", "contentinfo"]) {
    assert.equal(await page.getByRole(role).count(), 1, role);
  }
  for (const name of ["A live answer", "Two entry points", "The way of a ring"]) {
    assert.equal(await page.getByRole("region", { name }).count(), 1, name);
  }
  const levels = await page
    .getByRole("heading")
    .evaluateAll((headings) => headings.map(({ tagName }) => Number(tagName.slice(1))));
  assert.equal(levels[0], 1);
  assert.equal(levels.filter((level) => level === 1).length, 1);
  levels.reduce((above, level) => {
    assert.ok(level <= above + 1, `${levels}`);
    return level;
  });
});

test("each state is told in words, to screen readers too", async (t) => {
  const page = await visit(t, { complaints: /status of 500/ });
  const status = page.getByRole("status");
  await says(page, ANSWERED);
  let held;
  await intercept(page, (route) => (held = route));
  await page.getByRole("button").click();
  await says(page, RINGING);
  await held.fulfill({ status: 500 });
  await says(page, NOBODY);
  assert.equal(await status.isVisible(), true);
  assert.match(await page.getByRole("alert").ariaSnapshot(), /The answer was an error: 500/);
});

/** What is wrong with the landing page as it stands. */
async function faultsHere(page) {
  // Behind these faint lines axe cannot tell the colour of the paper.
  await page.evaluate(() => (document.querySelector(".waves").hidden = true));
  const found = await faults(page);
  return found.filter((fault) => !fault.startsWith('color-contrast: <span id="label">')); // The next test judges it.
}

// Colours do not depend on the width, nor what stands where on the colours.
for (const [colorScheme, viewport] of [
  ["light", DESKTOP],
  ["dark", PHONE],
]) {
  test(`axe finds no fault: ${colorScheme}, ${viewport.width} px wide`, async (t) => {
    const page = await visit(t, { colorScheme, viewport, complaints: /status of 500/ });
    await says(page, ANSWERED);
    assert.deepEqual(await faultsHere(page), []);
    await intercept(page, (route) => route.fulfill({ status: 500 }));
    await page.getByRole("button").click();
    await says(page, NOBODY);
    assert.deepEqual(await faultsHere(page), []);
  });
}

test("the word on the bell can be read on every colour of the bell", async (t) => {
  const page = await visit(t);
  await says(page, ANSWERED);
  const { word, bell } = await page.getByRole("button").evaluate((button) => {
    const { color, backgroundImage } = getComputedStyle(button);
    return { word: color, bell: backgroundImage.match(/rgb\([^)]*\)/g) };
  });
  for (const colour of bell) assert.ok(contrast(word, colour) >= 4.5, `${word} on ${colour}`);
});

/** The contrast of two colours as WCAG defines it: from 1 to 21. */
function contrast(...colours) {
  const [dark, light] = colours.map(luminance).sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(css) {
  const [red, green, blue] = css.match(/\d+/g).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
