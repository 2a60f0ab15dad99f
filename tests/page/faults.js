// What axe finds wrong with a page as it stands, for people who use it by other means than eyes and a mouse.

import axe from "axe-core";

const STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Each fault, and each place that axe cannot judge, as `RULE: ELEMENT`. */
export async function faults(page) {
  await page.evaluate(axe.source);
  const run = (values) => window.axe.run(document, { runOnly: { type: "tag", values } });
  const { violations, incomplete } = await page.evaluate(run, STANDARDS);
  return [...violations, ...incomplete].flatMap(({ id, nodes }) =>
    nodes.map(({ html }) => `${id}: ${html}`),
  );
}
