// When there is no answer: the page says so, says why, and can be asked again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { withSilentBalancer, withoutApi } from "./lab.js";
import { ANSWERED, NOBODY, intercept, says, shown, visit } from "./visit.js";

const retry = (page) => page.getByRole("button", { name: "Try again" });

/** Waits until the page shows the trouble and nothing that looks like an answer. */
async function isInTrouble(page, why) {
  await says(page, NOBODY);
  await page.getByRole("alert").filter({ hasText: why }).waitFor();
  await retry(page).waitFor();
  assert.equal(await page.locator("#json").isVisible(), false);
}

/** Asks again, and waits until the trouble is gone without a trace, but for its place in the list. */
async function recovers(page) {
  await retry(page).click();
  await says(page, ANSWERED);
  assert.match((await shown(page)).message, /picks up/);
  assert.equal(await page.getByRole("alert").isVisible(), false);
  await page
    .getByRole("list", { name: "Rings before this one" })
    .getByText("no answer")
    .first()
    .waitFor();
}

test("the API is down on every node", async (t) => {
  const page = await visit(t, { complaints: /status of 503/ });
  await says(page, ANSWERED);
  await withoutApi(async () => {
    await page.getByRole("button", { name: "Ring again" }).click();
    await isInTrouble(page, /error: 503.*the API behind it is not/s);
    await page.reload();
    await isInTrouble(page, /error: 503/);
    await retry(page).click();
    await isInTrouble(page, /error: 503/);
  });
  await recovers(page);
});

test("the balancer does not answer", async (t) => {
  const page = await visit(t, { complaints: /status of 504/ });
  await says(page, ANSWERED);
  await withSilentBalancer(async () => {
    await page.getByRole("button", { name: "Ring again" }).click();
    // nginx and the page are patient for the same time: either may be the one to tell.
    await isInTrouble(page, /No answer within 5 seconds|error: 504/);
  });
  await recovers(page);
});

test("the visitor is offline", async (t) => {
  const page = await visit(t, { complaints: /ERR_INTERNET_DISCONNECTED/ });
  await says(page, ANSWERED);
  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Ring again" }).click();
  await isInTrouble(page, /cannot be reached.*Check your connection/s);
  await page.context().setOffline(false);
  await recovers(page);
});

for (const [what, body] of [
  ["half a document", '{"id": "0b8f3c52'],
  ["a document of something else", '{"status": "ok"}'],
  ["nothing", "null"],
]) {
  test(`the answer is ${what}`, async (t) => {
    const page = await visit(t);
    await says(page, ANSWERED);
    await intercept(page, (route) => route.fulfill({ contentType: "application/json", body }));
    await page.getByRole("button", { name: "Ring again" }).click();
    await isInTrouble(page, /makes no sense/);
    await page.unrouteAll();
    await recovers(page);
  });
}

test("an answer with markup in it is shown as text", async (t) => {
  const page = await visit(t);
  await says(page, ANSWERED);
  const document = { id: "<b id=planted>", node: "<img src=x>", version: "</pre>" };
  await intercept(page, (route) => route.fulfill({ json: document }));
  await page.getByRole("button", { name: "Ring again" }).click();
  await says(page, "<img src=x> answered in");
  assert.deepEqual(await shown(page), document);
  assert.equal(await page.locator("#planted").count(), 0);
});
