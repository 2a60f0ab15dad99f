// Visits to the page in a real Chromium: one browser for all tests, a new profile for each visit.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after } from "node:test";

import { chromium } from "playwright-core";

import { PAGE } from "./lab.js";

const browser = await chromium.launch({
  executablePath: execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim(),
  chromiumSandbox: process.getuid() !== 0, // Chromium has no sandbox for root.
});
after(() => browser.close());

/**
 * Opens the page for the test `t`, and gives the tab. `options` are Playwright's for a context, and
 * `complaints`: what the console may say of errors. Nothing else may be there in the end, and no
 * request may have gone to another host.
 */
export async function visit(t, { complaints, ...options } = {}) {
  const { page, requests, errors } = await tab(t, options);
  t.after(() => {
    assert.deepEqual(
      requests.filter((url) => !url.startsWith(PAGE) && !url.startsWith("data:")),
      [],
    );
    assert.deepEqual(
      errors.filter((text) => !complaints?.test(text)),
      [],
    );
  });
  await page.goto(PAGE);
  return page;
}

/** An empty tab for the test `t`, with what it will have asked for, and what went wrong in it. */
export async function tab(t, options) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    reducedMotion: "reduce",
    ...options,
  });
  t.after(() => context.close());
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const requests = [];
  const errors = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()))
      errors.push(`${message.text()} ${message.location().url}`);
  });
  return { page, requests, errors };
}

/** Waits until the status line of the page reads like this. */
export async function says(page, text) {
  await page.getByRole("status").filter({ hasText: text }).waitFor();
}

export const ANSWERED = /^\S+ answered in \d+ ms$/;
export const RINGING = "Ringing …";
export const NOBODY = "Nobody picked up";

/** The document that the page shows. */
export async function shown(page) {
  return JSON.parse(await page.locator("#json").textContent());
}

/** Answers the page's requests for documents itself. */
export async function intercept(page, answer) {
  await page.route("**/api/**", answer);
}
