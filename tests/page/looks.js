// Any width, light and dark, still or moving.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ANSWERED, NOBODY, RINGING, intercept, says, visit } from "./visit.js";

/** The texts that stand outside of the window, or the whole page if it can be scrolled sideways. */
function sticksOut() {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const out = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
  while (texts.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(texts.currentNode);
    // What is hidden has no rectangle.
    const fits = [...range.getClientRects()].every(
      ({ left, right }) => left >= 0 && right <= innerWidth,
    );
    if (!fits) out.push(texts.currentNode.data);
  }
  return out;
}

for (const width of [320, 768, 1440]) {
  test(`nothing sticks out at ${width} px`, async (t) => {
    const page = await visit(t, { viewport: { width, height: 800 }, complaints: /status of 500/ });
    await says(page, ANSWERED);
    await page.getByRole("button").click();
    await says(page, ANSWERED);
    assert.deepEqual(await page.evaluate(sticksOut), []);
    await intercept(page, (route) => route.fulfill({ status: 500 }));
    await page.getByRole("button").click();
    await says(page, NOBODY);
    assert.deepEqual(await page.evaluate(sticksOut), []);
  });
}

test("the page is light or dark as the visitor has it", async (t) => {
  const page = await visit(t, { colorScheme: "light" });
  const lightness = () =>
    page.evaluate(() => {
      const { backgroundColor, color } = getComputedStyle(document.body);
      const mean = (css) =>
        css
          .match(/\d+/g)
          .slice(0, 3)
          .reduce((sum, part) => sum + Number(part), 0) / 3;
      return { paper: mean(backgroundColor), ink: mean(color) };
    });
  const light = await lightness();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await lightness();
  assert.ok(light.paper > 200 && light.ink < 60, JSON.stringify(light));
  assert.ok(dark.paper < 60 && dark.ink > 200, JSON.stringify(dark));
});

test("waiting, an answer and trouble do not look alike", async (t) => {
  const page = await visit(t, { complaints: /status of 500/ });
  const dot = () =>
    page
      .locator("#status")
      .evaluate((status) => getComputedStyle(status, "::before").backgroundColor);
  await says(page, ANSWERED);
  const colours = [await dot()];
  let held;
  await intercept(page, (route) => (held = route));
  await page.getByRole("button").click();
  await says(page, RINGING);
  colours.push(await dot());
  await held.fulfill({ status: 500 });
  await says(page, NOBODY);
  colours.push(await dot());
  assert.equal(new Set(colours).size, 3, `${colours}`);
});

test("the bell swings, and for who wants no motion everything is still", async (t) => {
  const page = await visit(t);
  await says(page, ANSWERED);
  const ring = () =>
    page.getByRole("button").evaluate((bell) => {
      bell.click();
      return {
        bell: bell.getAnimations({ subtree: true }).length,
        page: document.getAnimations().length,
      };
    });
  assert.deepEqual(await ring(), { bell: 0, page: 0 });
  await says(page, ANSWERED);
  await page.emulateMedia({ reducedMotion: "no-preference" });
  assert.ok((await ring()).bell > 0);
});
