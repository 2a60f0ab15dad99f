// node --test: what the graphs show, and where.

import assert from "node:assert/strict";
import { test } from "node:test";

import { lines, nearest, parts, present, releases, seconds, span, ticks, times, written } from "../files/dashboards/assets/graph.mjs";

test("a span is a number and a unit; anything else is an hour", () => {
  assert.deepEqual(["15m", "6h", "7d"].map(seconds), [900, 21_600, 604_800]);
  for (const odd of [null, undefined, "", "h", "1y", "1h ", "12345d"]) assert.equal(seconds(odd), 3600);
});

test("what is asked for ends at a whole step, and is never finer than the samples", () => {
  assert.deepEqual(span(900, 1_000_007), { start: 999_105, end: 1_000_005, step: 5 });
  const week = span(604_800, 1_000_007);
  assert.deepEqual([week.end % week.step, week.step % 5, week.end - week.start], [0, 0, 604_800]);
  assert.ok(604_800 / week.step <= 240);
});

test("lines are named by their labels, in order, without what is no number", () => {
  const matrix = [
    { metric: { instance: "api-10", endpoint: "/" }, values: [[1, "1"], [2, "NaN"], [3, "+Inf"], [4, "2.5"]] },
    { metric: { instance: "api-2" }, values: [] },
  ];
  const found = lines(matrix, "[[instance]] [[endpoint]]");
  assert.deepEqual(found.map(({ name }) => name), ["api-2", "api-10 /"]);
  assert.deepEqual(found[1].points, [[1, 1], [4, 2.5]]);
});

test("a line ends where samples are missing", () => {
  const points = [[0, 1], [15, 1], [45, 1], [60, 1]];
  assert.deepEqual(parts(points, 15), [points.slice(0, 2), points.slice(2)]);
  assert.deepEqual(parts([], 15), []);
});

test("the point below the pointer is at most a step away", () => {
  const points = [[0, 1], [15, 2]];
  assert.deepEqual(nearest(points, 9, 15), [15, 2]);
  assert.equal(nearest(points, 31, 15), undefined);
  assert.equal(nearest([], 0, 15), undefined);
});

for (const [highest, unit, marks] of [
  [0, "/s", ["0 /s", "0.25 /s", "0.5 /s", "0.75 /s", "1 /s"]],
  [0, "%", ["0 %", "0.25 %", "0.5 %", "0.75 %", "1 %"]],
  [33, "/s", ["0 /s", "10 /s", "20 /s", "30 /s", "40 /s"]],
  [40, "/s", ["0 /s", "10 /s", "20 /s", "30 /s", "40 /s"]],
  [0.94, "%", ["0 %", "25 %", "50 %", "75 %", "100 %"]],
  [1, "%", ["0 %", "25 %", "50 %", "75 %", "100 %"]],
  [0.0041, "s", ["0 s", "2 ms", "4 ms", "6 ms"]],
  [90 * 2 ** 20, "B", ["0 B", "32 MiB", "64 MiB", "96 MiB"]],
]) {
  test(`a scale for ${highest} ${unit} has round marks and room for it`, () => {
    const found = ticks(highest, unit);
    assert.deepEqual(found.map((mark) => written(mark, unit)), marks);
    assert.ok(found.at(-1) >= highest);
  });
}

test("every scale holds what it is for, with few marks", () => {
  for (const unit of ["", "/s", "%", "s", "B", "B/s"]) {
    for (let highest = 1e-5; highest < 1e12; highest *= 1.37) {
      const marks = ticks(highest, unit);
      assert.ok(marks.at(-1) >= highest * 0.999 && marks.length <= 6, `${highest} ${unit}: ${marks}`);
    }
  }
});

test("times are full hours where the reader is", () => {
  const hour = 3600;
  assert.deepEqual(times(0.5 * hour, 4 * hour, 4, 0), [hour, 2 * hour, 3 * hour, 4 * hour]);
  assert.deepEqual(times(0, hour, 4, 0), [0, 900, 1800, 2700, 3600]);
  const india = 5.5 * hour;
  assert.deepEqual(times(0, 3 * hour, 3, india), [0.5 * hour, 1.5 * hour, 2.5 * hour]);
});

for (const [value, unit, text] of [
  [0.123456, "%", "12.3 %"],
  [0.00001234, "s", "12.3 µs"],
  [0.25, "s", "250 ms"],
  [90, "s", "90 s"],
  [3600, "s", "60 min"],
  [172_800, "s", "2 d"],
  [0, "s", "0 s"],
  [1536, "B/s", "1.5 KiB/s"],
  [12_345, "/s", "12.3 k/s"],
  [1234, "", "1.23 k"],
  [998.7, "", "999"],
  [0, "", "0"],
]) {
  test(`${value} in ${unit || "no unit"} is written ${text}`, () => assert.equal(written(value, unit), text));
}

test("a host that nobody measures any more has no line, as instance or as a node of the balancer", () => {
  const all = [{ instance: "api-1" }, { instance: "api-3" }, { instance: "balancer-1", server: "api-3" }, { le: "1" }];
  const left = present(all.map((labels) => ({ labels })), new Set(["api-1", "balancer-1"]));
  assert.deepEqual(left.map(({ labels }) => labels), [all[0], all[3]]);
});

test("a release is where a version takes the place of another, also one that ran before", () => {
  const matrix = [
    { metric: { version: "1.0.0" }, values: [[5, "2"], [10, "2"], [15, "1"], [30, "1"], [35, "2"]] },
    { metric: { version: "2.0.0" }, values: [[15, "1"], [20, "2"], [25, "2"], [30, "1"]] },
  ];
  assert.deepEqual(releases(matrix, 5), [{ time: 30, version: "1.0.0" }, { time: 15, version: "2.0.0" }]);
});

test("what ran from the start, or comes back after an outage, is no release; what follows an outage is", () => {
  const outage = { metric: { version: "1.0.0" }, values: [[5, "2"], [10, "2"], [50, "1"], [55, "2"]] };
  assert.deepEqual(releases([outage], 5), []);
  const next = { metric: { version: "1.0.1" }, values: [[90, "1"], [95, "1"]] };
  assert.deepEqual(releases([outage, next], 5), [{ time: 90, version: "1.0.1" }]);
});
