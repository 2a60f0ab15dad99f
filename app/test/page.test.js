import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const page = readFileSync(new URL("../index.html", import.meta.url), "utf8");
const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page)[1];

for (const tag of ["style", "script"]) {
  test(`the policy of the page allows its own ${tag} and no other`, () => {
    const blocks = [...page.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, "gs"))];
    assert.equal(blocks.length, 1);
    const hash = createHash("sha256").update(blocks[0][1]).digest("base64");
    const allowed = policy.split("; ").find((rule) => rule.startsWith(`${tag}-src `));
    assert.equal(allowed, `${tag}-src 'sha256-${hash}'`);
  });
}

test("the page has no style or handler in an attribute, which its policy would block", () => {
  assert.doesNotMatch(page, /<[^>]+\s(style|on[a-z]+)=/);
});

test("the page refers to its own host only", () => {
  const places = [...page.matchAll(/\s(?:href|src|action)="([^"]*)"|url\(([^)]*)\)/g)];
  assert.ok(places.length > 0);
  for (const [, attribute, css] of places) assert.match(attribute ?? css, /^(#|\/api\/|data:)/);
});

test("every reference within the page has its target", () => {
  const ids = new Set([...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id));
  const references = [
    ...page.matchAll(/\shref="#([^"]+)"/g),
    ...page.matchAll(/\saria-labelledby="([^"]+)"/g),
    ...page.matchAll(/\bpart\("([^"]+)"\)/g),
  ];
  assert.ok(references.length > 0);
  for (const [text, id] of references) assert.ok(ids.has(id), text);
});
