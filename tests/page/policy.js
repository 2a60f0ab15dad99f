// What the page may do, and what others may do with it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BALANCER, PAGE } from "./lab.js";
import { ANSWERED, says, shown, tab, visit } from "./visit.js";

test("the page is one file, and asks its own host for nothing but an answer", async (t) => {
  const { page, requests, errors } = await tab(t);
  await page.goto(PAGE);
  await says(page, ANSWERED);
  const first = await shown(page);
  await page.getByRole("button").click();
  await page.locator("#json").filter({ hasNotText: first.id }).waitFor();
  const answer = `${PAGE}api/ring-ring`;
  assert.deepEqual(
    requests.filter((url) => !url.startsWith("data:")),
    [PAGE, answer, answer],
  );
  assert.deepEqual(errors, []);
  assert.deepEqual(await page.context().cookies(), []);
});

test("script and style that are not the page's own are not run", async (t) => {
  const page = await visit(t, { complaints: /Content Security Policy/ });
  await says(page, ANSWERED);
  const planted = await page.evaluate(() => {
    document.body.append(
      Object.assign(document.createElement("script"), { textContent: "window.planted = true" }),
    );
    document.head.append(
      Object.assign(document.createElement("style"), { textContent: "body { color: red }" }),
    );
    return [window.planted, getComputedStyle(document.body).color];
  });
  assert.equal(planted[0], undefined);
  assert.notEqual(planted[1], "rgb(255, 0, 0)");
});

test("no other origin can be asked, not even for the same answer", async (t) => {
  const page = await visit(t, { complaints: /Content Security Policy/ });
  const ask = (url) =>
    page.evaluate(
      (url) =>
        fetch(url, { mode: "no-cors" }).then(
          () => "answered",
          () => "refused",
        ),
      url,
    );
  assert.equal(await ask(`${PAGE}api/ring-ring`), "answered");
  assert.equal(await ask(`${BALANCER}ring-ring`), "refused");
});

test("the page cannot be shown inside of another", async (t) => {
  const { page, errors } = await tab(t);
  const refused = page.waitForEvent("console", (message) =>
    message.text().includes("frame-ancestors"),
  );
  await page.setContent(`<iframe src="${PAGE}"></iframe>`);
  await refused;
  assert.equal(errors.length, 1);
  assert.equal(await page.frameLocator("iframe").getByRole("heading").count(), 0);
});
