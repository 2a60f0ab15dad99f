// The live answer: waited for, shown, and another one each time.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PAGE } from "./lab.js";
import { ANSWERED, RINGING, intercept, says, shown, visit } from "./visit.js";

test("a second ring shows a second answer, and what was before it", async (t) => {
  const page = await visit(t);
  await says(page, ANSWERED);
  const first = await shown(page);

  const answered = page.waitForResponse(`${PAGE}api/ring-ring`);
  await page.getByRole("button", { name: "Ring again" }).click();
  const sent = await (await answered).json();
  await page.locator("#json").filter({ hasText: sent.id }).waitFor();

  assert.deepEqual(await shown(page), sent, "all of the answer, and nothing else");
  assert.notEqual(sent.id, first.id);
  await says(page, `${sent.node} answered in`);
  const before = page.getByRole("list", { name: "Rings before this one" });
  await before.getByText(`${first.node} ${first.version}`, { exact: true }).waitFor();
});

test("until the answer is there the page says that it rings, and does not ask twice", async (t) => {
  const page = await visit(t);
  await says(page, ANSWERED);
  const first = await shown(page);

  const asked = [];
  await intercept(page, (route) => asked.push(route));
  const bell = page.getByRole("button", { name: "Ring again" });
  await bell.click();
  await says(page, RINGING);
  await bell.click();
  await bell.click();
  assert.deepEqual(await shown(page), first, "the old answer stays until there is a new one");

  for (const route of asked) await route.continue();
  await says(page, ANSWERED);
  assert.equal(asked.length, 1);
});

test("the first answer is waited for in its place, so that nothing moves when it comes", async (t) => {
  const page = await visit(t);
  await says(page, ANSWERED);
  const held = new Promise((resolve) => intercept(page, resolve));
  await page.reload({ waitUntil: "commit" });
  const route = await held;
  await says(page, RINGING);
  const panel = page.locator("#live .panel");
  const place = await panel.boundingBox();

  await route.continue();
  await says(page, ANSWERED);
  assert.deepEqual(await panel.boundingBox(), place);
});
