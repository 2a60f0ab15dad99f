// Pictures of the page for the documentation.
//
// usage: npm run screenshots     and look at what it made before it is kept

import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { ANSWERED, says, shown, visit } from "./visit.js";

const RINGS = 4;

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
    const file = new URL(`../../docs/images/landing-${colorScheme}.png`, import.meta.url);
    await page.screenshot({ path: fileURLToPath(file) });
  });
}
