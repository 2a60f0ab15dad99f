// The dashboards in Prometheus's web interface: drawn, fresh, explained, and for everyone who has the password.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";

import { faults } from "./faults.js";
import { CONSOLES, administrator } from "./lab.js";
import { says, tab } from "./visit.js";

const names = readdirSync(
  new URL("../../roles/prometheus/files/dashboards/consoles/", import.meta.url),
);
const FRESH = /^as of \d\d:\d\d:\d\d$/;

/**
 * Opens a dashboard for the test `t`. In the end it has asked nobody else, and complained of nothing but `complaints`.
 * `answers` takes the place of Prometheus: what a path of its API is answered.
 */
async function open(t, name, { complaints, answers = {}, ...options } = {}) {
  const { page, requests, errors } = await tab(t, { httpCredentials: administrator(), ...options });
  t.after(() => {
    const own = new URL("/", CONSOLES).href;
    const elsewhere = requests.filter((url) => !url.startsWith(own) && !url.startsWith("data:"));
    assert.deepEqual(elsewhere, []);
    const wrong = errors.filter((text) => !complaints?.test(text));
    assert.deepEqual(wrong, []);
  });
  for (const [path, answer] of Object.entries(answers)) {
    await page.route(`**/api/v1/${path}?*`, (route) => route.fulfill(answer));
  }
  await page.goto(CONSOLES + name);
  return page;
}

for (const name of names) {
  test(`${name} draws its graphs`, async (t) => {
    const page = await open(t, name);
    await says(page, FRESH);
    const drawn = await page.locator("figure svg").count();
    const empty = await page.locator("figure .nothing").count();
    assert.equal(drawn + empty, await page.locator("figure").count());
    assert.ok(drawn > 0 && (await page.locator("path.line[d^=M]").count()) > 0);
    assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, "nothing hangs over the edge");
  });
}

test("the span of the graphs is chosen once, for all pages", async (t) => {
  const page = await open(t, "index.html");
  await says(page, FRESH);
  const current = () => page.locator("[aria-current]").allTextContents();
  assert.deepEqual(await current(), ["Overview", "1h"]);
  await page.getByRole("link", { name: "15m" }).click();
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "API" }).click();
  await says(page, FRESH);
  assert.deepEqual(await current(), ["API", "15m"]);
});

test("below the pointer the legend tells the values of that time", async (t) => {
  const page = await open(t, "hosts.html?span=15m");
  await says(page, FRESH);
  const picture = page.locator("figure svg").first();
  const { width, height } = await picture.boundingBox();
  await picture.hover({ position: { x: width * 0.9, y: height / 2 } });
  assert.match(await picture.locator(".moment").textContent(), /^\d\d:\d\d$/);
  await page.mouse.move(0, 0);
  assert.equal(await picture.locator(".moment").textContent(), "");
});

const alert = (severity, job, summary, state = "firing") => ({
  labels: { alertname: "Test", severity, job },
  annotations: { summary, description: "`systemctl` & <b>more</b>" },
  state,
  activeAt: "2026-01-31T09:30:00Z",
});
const alerts = [
  alert("info", "node", "a host"),
  alert("critical", "api", "the API"),
  alert("critical", "api", "not yet", "pending"),
  alert("warning", "node", "another host"),
];

for (const [name, expected] of [
  ["index.html", ["the API", "another host", "a host"]],
  ["hosts.html", ["another host", "a host"]],
  ["web.html", []],
]) {
  test(`${name} explains what fires there, the worst first`, async (t) => {
    const page = await open(t, name, { answers: { alerts: { json: { data: { alerts } } } } });
    await says(page, FRESH);
    const list = page.locator(".alerts");
    assert.deepEqual(await list.locator("strong").allTextContents(), expected);
    const texts = expected.map(() => "systemctl & <b>more</b>");
    assert.deepEqual(await list.locator("p").allTextContents(), texts);
    assert.equal(await list.getByText("No alert fires.").count(), expected.length === 0 ? 1 : 0);
  });
}

test("what is not measured any more is in no graph", async (t) => {
  const answers = { query: { json: { data: { result: [] } } } };
  const page = await open(t, "hosts.html", { answers });
  await says(page, FRESH);
  assert.equal(await page.locator("figure svg").count(), 0);
});

/** A version that ran from `from` minutes ago to `to` minutes ago, as Prometheus tells it in steps of 15 seconds. */
function ran(version, from, to) {
  const now = Math.floor(Date.now() / 15_000) * 15;
  const time = (n) => now - from * 60 + n * 15;
  return { metric: { version }, values: Array.from({ length: (from - to) * 4 + 1 }, (_, n) => [time(n), "1"]) };
}

test("releases are marked in the graphs", async (t) => {
  const page = await open(t, "hosts.html?span=1h");
  await page.route("**/api/v1/query_range?*api_build_info*", (route) =>
    route.fulfill({ json: { data: { result: [ran("1.0.0", 30, 20), ran("2.0.0", 20, 0)] } } }),
  );
  await page.reload();
  await says(page, FRESH);
  const pictures = await page.locator("figure svg").count();
  assert.ok(pictures > 0);
  assert.deepEqual(
    await page.locator("svg .version").allTextContents(),
    Array(pictures).fill("2.0.0"),
  );
});

test("a page that gets no new answers says so, and keeps the numbers that it has", async (t) => {
  const answers = { query_range: { status: 503 } };
  const page = await open(t, "index.html", { answers, complaints: /status of 503/ });
  await says(page, "not refreshed: Prometheus answers 503");
  assert.ok((await page.locator(".tile dd").count()) > 10);
});

test("without a script the numbers are there all the same", async (t) => {
  const page = await open(t, "index.html", { javaScriptEnabled: false });
  assert.match(await page.locator(".tile", { hasText: "Hosts up" }).innerText(), /\d+ of \d+/);
});

for (const colorScheme of ["light", "dark"]) {
  for (const name of names) {
    test(`axe finds no fault with ${name}, ${colorScheme}`, async (t) => {
      const page = await open(t, name, {
        colorScheme,
        answers: { alerts: { json: { data: { alerts } } } },
      });
      await says(page, FRESH);
      // Of texts in a picture axe cannot tell what is behind them. They are hidden from screen readers.
      const found = (await faults(page)).filter((fault) => !fault.includes("<text "));
      assert.deepEqual(found, []);
    });
  }
}
