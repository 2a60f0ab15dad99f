import assert from "node:assert/strict";
import { test } from "node:test";

import { Metrics } from "../lib/metrics.js";

/** Reads an exposition the strict way: samples only below the HELP and TYPE of their own family. */
function parse(text) {
  assert.ok(text.endsWith("\n"), "a final newline");
  const families = new Map();
  let family;
  for (const line of text.slice(0, -1).split("\n")) {
    const help = /^# HELP ([a-z_]+) \S.*$/.exec(line);
    const type = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/.exec(line);
    const sample = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (help) {
      assert.ok(!families.has(help[1]), `${help[1]} once`);
      family = { name: help[1], samples: new Map() };
      families.set(family.name, family);
    } else if (type) {
      assert.equal(type[1], family.name);
      family.type = type[2];
    } else {
      assert.ok(sample, `a sample: ${line}`);
      const suffix = family.type === "histogram" ? "_(bucket|sum|count)" : "";
      assert.match(sample[1], new RegExp(`^${family.name}${suffix}$`));
      assert.ok(Number.isFinite(Number(sample[3])), line);
      const key = `${sample[1]}{${sample[2] ?? ""}}`;
      assert.ok(!family.samples.has(key), `${key} once`);
      family.samples.set(key, Number(sample[3]));
    }
  }
  return families;
}

const LABELS = 'endpoint="/",method="GET",status="200"';

function observed(...durations) {
  const metrics = new Metrics({ version: "1.0.0" });
  for (const seconds of durations) {
    metrics.observe({ endpoint: "/", method: "GET", status: 200 }, seconds);
  }
  return parse(metrics.text());
}

test("a bucket holds its upper bound and all below it", () => {
  const { samples } = observed(0.0004, 2, 2.001, 99).get("http_request_duration_seconds");
  const bucket = (le) => samples.get(`http_request_duration_seconds_bucket{${LABELS},le="${le}"}`);
  assert.deepEqual(["0.001", "1", "2", "5", "10", "+Inf"].map(bucket), [1, 1, 2, 3, 3, 4]);
});

test("sum, count and the request counter agree with the buckets", () => {
  const families = observed(0.25, 0.5);
  const { samples } = families.get("http_request_duration_seconds");
  assert.equal(samples.get(`http_request_duration_seconds_sum{${LABELS}}`), 0.75);
  assert.equal(samples.get(`http_request_duration_seconds_count{${LABELS}}`), 2);
  assert.equal(
    families.get("http_requests_total").samples.get(`http_requests_total{${LABELS}}`),
    2,
  );
});

test("what is expected of an entry point is counted from zero", () => {
  const metrics = new Metrics({}, ["/"]);
  const counts = () => [...parse(metrics.text()).get("http_requests_total").samples.values()];
  assert.deepEqual(counts(), [0, 0]);
  metrics.observe({ endpoint: "/", method: "GET", status: 500 }, 0);
  assert.deepEqual(counts(), [0, 1]);
});

test("a request is in flight until it ends", () => {
  const metrics = new Metrics({});
  const inFlight = () =>
    parse(metrics.text()).get("http_requests_in_flight").samples.get("http_requests_in_flight{}");
  const end = metrics.begin("/", "GET");
  assert.equal(inFlight(), 1);
  end(200);
  assert.equal(inFlight(), 0);
});

test("odd methods share one label", () => {
  const metrics = new Metrics({});
  for (const method of ["PUT", "PROPFIND"]) {
    metrics.observe({ endpoint: "other", method, status: 404 }, 0);
  }
  const { samples } = parse(metrics.text()).get("http_requests_total");
  const labels = 'endpoint="other",method="other",status="404"';
  assert.deepEqual([...samples], [[`http_requests_total{${labels}}`, 2]]);
});

test("label values are escaped", () => {
  const text = new Metrics({ version: 'a"b\\c\nd' }).text();
  assert.ok(text.includes('api_build_info{version="a\\"b\\\\c\\nd"} 1\n'), text);
});

test("the process describes itself", () => {
  const families = parse(new Metrics({ version: "1.0.0" }).text());
  const value = (name) => families.get(name).samples.get(`${name}{}`);
  assert.ok(value("process_resident_memory_bytes") > 1e6);
  assert.ok(value("process_cpu_seconds_total") > 0);
  assert.ok(value("process_start_time_seconds") <= Date.now() / 1000);
  assert.equal(families.get("process_cpu_seconds_total").type, "counter");
  const active = "nodejs_eventloop_active_seconds_total";
  assert.ok(value(active) > 0 && value(active) < performance.now() / 1000);
  assert.equal(families.get(active).type, "counter");
});
