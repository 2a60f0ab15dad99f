import assert from "node:assert/strict";
import { test } from "node:test";

import { readSettings } from "../lib/settings.js";

const DEFAULTS = {
  port: 8080,
  version: "dev",
  node: "box",
  faults: false,
  stopGraceMs: 10_000,
  stopDelayMs: 0,
};

test("nothing set, or set to nothing, gives the defaults", () => {
  assert.deepEqual(readSettings({}, "box"), { settings: DEFAULTS, problems: [] });
  assert.deepEqual(readSettings({ PORT: "", VERSION: "" }, "box").settings, DEFAULTS);
});

test("every setting is read", () => {
  const { settings, problems } = readSettings(
    {
      PORT: "9000",
      VERSION: "2.0.0-rc.1+7",
      NODE_NAME: "api-1",
      FAULTS: "1",
      STOP_GRACE_SECONDS: "4.5",
      STOP_DELAY_SECONDS: "0.25",
    },
    "box",
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(settings, {
    port: 9000,
    version: "2.0.0-rc.1+7",
    node: "api-1",
    faults: true,
    stopGraceMs: 4500,
    stopDelayMs: 250,
  });
});

for (const [name, value] of [
  ["PORT", "65536"],
  ["PORT", "-1"],
  ["PORT", "80a"],
  ["PORT", "1e3"],
  ["VERSION", "1.0\nX-Evil: 1"],
  ["VERSION", "-"],
  ["NODE_NAME", 'a"b'],
  ["FAULTS", "yes"],
  ["FAULTS", "constructor"],
  ["STOP_GRACE_SECONDS", "10s"],
  ["STOP_GRACE_SECONDS", "3601"],
  ["STOP_DELAY_SECONDS", "-1"],
]) {
  test(`${name}=${JSON.stringify(value)} is refused by name and value`, () => {
    const { problems } = readSettings({ [name]: value }, "box");
    assert.equal(problems.length, 1);
    assert.ok(problems[0].startsWith(`${name} must be `), problems[0]);
    assert.ok(problems[0].endsWith(`not ${JSON.stringify(value)}`), problems[0]);
  });
}

test("all problems are reported together", () => {
  assert.equal(readSettings({ PORT: "x", FAULTS: "x", VERSION: " " }, "box").problems.length, 3);
});

test("the delay is a part of the grace time", () => {
  const { problems } = readSettings({ STOP_DELAY_SECONDS: "11" }, "box");
  assert.match(problems.join(), /^STOP_DELAY_SECONDS \(11\) .* STOP_GRACE_SECONDS \(10\)/);
});
