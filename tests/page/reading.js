// What the page says, with and without JavaScript, and whether it is true.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { PAGE } from "./lab.js";
import { visit } from "./visit.js";

const ENTRY_POINTS = ["/api/", "/api/ring-ring"];

test("the lab serves this page", async () => {
  const served = await (await fetch(PAGE)).text();
  const page = readFileSync(new URL("../../app/index.html", import.meta.url), "utf8");
  assert.ok(
    served === page,
    "it serves another: bring it up to date with converge playbooks/site.rhai",
  );
});

test("without JavaScript the page describes the service, with an example of an answer", async (t) => {
  const page = await visit(t, { javaScriptEnabled: false });
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.getByText("A small HTTP API with two entry points.").waitFor();
  await page.getByRole("heading", { name: "Two entry points" }).waitFor();
  for (const path of ENTRY_POINTS) {
    await page.getByRole("heading", { name: `GET ${path}`, exact: true }).waitFor();
    await page.getByRole("link", { name: `GET ${path}`, exact: true }).waitFor();
  }
  // Playwright's search by text passes over what stands in a noscript element.
  await page.locator("noscript .status", { hasText: "An answer looks like this" }).waitFor();
  assert.equal(await page.locator("#live").isVisible(), false, "nothing waits for an answer");
});

test("without JavaScript the bell leads to an answer", async (t) => {
  // Of a document that is shown alone, Chromium asks the host for an icon.
  const page = await visit(t, { javaScriptEnabled: false, complaints: /favicon\.ico$/ });
  const answered = page.waitForResponse(`${PAGE}api/ring-ring`);
  await page.getByRole("link", { name: "Ring", exact: true }).click();
  const document = await (await answered).json();
  assert.match(document.message, /picks up/);
});

test("both entry points answer with the fields that the page describes, and no others", async (t) => {
  const page = await visit(t);
  const common = await page.locator(".every dt").allTextContents();
  assert.notEqual(common.length, 0);
  for (const path of ENTRY_POINTS) {
    const door = page
      .getByRole("article")
      .filter({ has: page.getByRole("heading", { name: `GET ${path}`, exact: true }) });
    const own = await door.locator("dt").allTextContents();
    const link = await page
      .getByRole("link", { name: `GET ${path}`, exact: true })
      .getAttribute("href");
    const document = await (await fetch(new URL(link, PAGE))).json();
    assert.deepEqual(Object.keys(document), [...common, ...own], path);
    await door.getByText(`curl ${new URL(path, PAGE)}`).waitFor();
  }
});

test("the example of an answer has the fields of a real one", async (t) => {
  const page = await visit(t, { javaScriptEnabled: false });
  const example = JSON.parse(await page.locator("noscript .json").textContent());
  const document = await (await fetch(`${PAGE}api/ring-ring`)).json();
  assert.deepEqual(Object.keys(example), Object.keys(document));
});
