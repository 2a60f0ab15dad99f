// Pictures of the page, and of the dashboards, for the documentation.
//
// usage: npm run screenshots     and look at what it made before it is kept

import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { CONSOLES, administrator } from "./lab.js";
import { ANSWERED, says, shown, tab, visit } from "./visit.js";

const RINGS = 4;

const image = (name) => fileURLToPath(new URL(`../../docs/images/${name}`, import.meta.url));

for (const colorScheme of ["light", "dark"]) {
  test(`a picture of the page, ${colorScheme}`, async (t) => {
    const page = await visit(t, { colorScheme, viewport: { width: 1200, height: 780 } });
    await says(page, ANSWERED);
    for (let ring = 0; ring < RINGS; ring++) {
      const { id } = await shown(page);
      await page.getByRole("button").click();
      await page.locator("#json").filter({ hasNotText: id }).waitFor();
    }
    await page.mouse.move(0, 0);
    await page.screenshot({ path: image(`landing-${colorScheme}.png`) });
  });
}

test("a picture of the overview of the dashboards", async (t) => {
  const options = { httpCredentials: administrator(), viewport: { width: 1240, height: 800 } };
  const { page } = await tab(t, options);
  await page.goto(`${CONSOLES}index.html?span=15m`);
  await says(page, /^as of/);
  await page.screenshot({ path: image("dashboards.png"), fullPage: true });
});
