import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, test } from "node:test";

import { Service } from "../lib/service.js";

// A grace time and a delay that no test reaches: one that had to wait for them fails before.
const GRACE_MS = 3_600_000;
const DELAY_MS = 60_000;
const PATIENCE = { timeout: 20_000 };

let service;
let origin;
let logged;
let crashes;

beforeEach(() => start({ faults: true }));
afterEach(() => service.drain(0));

async function start(settings) {
  logged = [];
  crashes = 0;
  service = new Service(
    { version: "1.2.3", node: "api-9", ...settings },
    { log: (...line) => logged.push(line), crash: () => (crashes += 1) },
  );
  service.server.listen(0, "127.0.0.1");
  await once(service.server, "listening");
  origin = `http://127.0.0.1:${service.server.address().port}`;
}

async function get(path, options) {
  const response = await fetch(origin + path, options);
  const body = await response.text();
  return { response, status: response.status, body, json: () => JSON.parse(body) };
}

function inject(order) {
  const body = typeof order === "string" ? order : JSON.stringify(order);
  return get("/faults", { method: "POST", body });
}

/** A connection that the service has accepted, on which nothing has been sent yet. */
async function open() {
  const accepted = once(service.server, "connection");
  const socket = connect(service.server.address().port, "127.0.0.1");
  await accepted;
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk) => (text += chunk));
  const closed = once(socket, "close").then(() => text);
  return {
    send: (path) => socket.write(`GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`),
    answered: () => once(socket, "data"),
    closed,
  };
}

test("every document is unique and says who made it and when", async () => {
  const before = Date.now();
  const answers = await Promise.all(
    ["/", "/ring-ring", "/", "/ring-ring?again"].map((path) => get(path)),
  );
  const documents = answers.map((answer) => answer.json());
  assert.equal(new Set(documents.map(({ id }) => id)).size, 4);
  for (const { id, time, version, node } of documents) {
    assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.ok(Date.parse(time) >= before && Date.parse(time) <= Date.now(), time);
    assert.deepEqual([version, node], ["1.2.3", "api-9"]);
  }
});

test("the entry points differ in meaning", async () => {
  const welcome = (await get("/")).json();
  assert.equal(welcome.endpoint, "/");
  assert.deepEqual(welcome.entry_points, ["/", "/ring-ring"]);
  assert.equal(welcome.ring, undefined);

  const rings = [(await get("/ring-ring")).json(), (await get("/ring-ring")).json()];
  assert.deepEqual(
    rings.map(({ ring }) => ring),
    [1, 2],
  );
  assert.deepEqual(
    [rings[0].endpoint, rings[0].message],
    ["/ring-ring", "Ring, ring! api-9 picks up."],
  );
});

test("every answer, an error too, is labelled JSON that nobody may store", async () => {
  for (const path of ["/", "/ring-ring", "/health", "/nowhere"]) {
    const { headers } = (await get(path)).response;
    assert.equal(headers.get("content-type"), "application/json; charset=utf-8");
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("x-version"), "1.2.3");
    assert.equal(headers.get("x-node"), "api-9");
  }
});

test("HEAD has the head of GET and no body", async () => {
  const { response, status, body } = await get("/ring-ring", { method: "HEAD" });
  assert.deepEqual([status, body], [200, ""]);
  assert.ok(Number(response.headers.get("content-length")) > 100);
});

test("other methods are refused with those that are allowed", async () => {
  for (const path of ["/", "/ring-ring", "/health", "/metrics"]) {
    for (const method of ["POST", "DELETE", "OPTIONS"]) {
      const { response, status, json } = await get(path, { method });
      assert.deepEqual([status, response.headers.get("allow")], [405, "GET, HEAD"]);
      assert.match(json().error, /method not allowed/);
    }
  }
});

test("an unknown path is not found, in JSON", async () => {
  for (const path of ["/ring", "/ring-ring/", "/..%2f", "//"]) {
    const { status, json } = await get(path);
    assert.deepEqual([status, json().error], [404, "not found"]);
  }
});

test("the metrics tell requests apart by entry point, method and status", async () => {
  await get("/");
  await get("/ring-ring", { method: "HEAD" });
  await get("/no/such/path");
  const { response, body } = await get("/metrics");
  assert.match(response.headers.get("content-type"), /^text\/plain; version=0\.0\.4/);
  for (const line of [
    'http_requests_total{endpoint="/",method="GET",status="200"} 1',
    'http_requests_total{endpoint="/ring-ring",method="HEAD",status="200"} 1',
    'http_requests_total{endpoint="/ring-ring",method="GET",status="500"} 0',
    'http_requests_total{endpoint="other",method="GET",status="404"} 1',
    "http_requests_in_flight 1",
  ]) {
    assert.ok(body.includes(`\n${line}\n`), line);
  }
  assert.match(body, /^api_build_info\{version="1\.2\.3",node="api-9",nodejs="[\d.]+"\} 1$/m);
  assert.ok(!body.includes("/no/such/path"), "paths of strangers do not become labels");
});

test("health says yes, and no as soon as the service is leaving", async () => {
  const before = await get("/health");
  assert.deepEqual([before.status, before.json().status], [200, "ok"]);
  service.leave();
  const after = await get("/health");
  assert.deepEqual(
    [after.status, after.json()],
    [503, { status: "stopping", version: "1.2.3", node: "api-9" }],
  );
});

test("a service that is leaving still answers, and sends its clients elsewhere", async () => {
  service.leave();
  const { response, status } = await get("/ring-ring");
  assert.deepEqual([status, response.headers.get("connection")], [200, "close"]);
});

test("a stop finishes the running request", PATIENCE, async () => {
  await inject({ path: "/ring-ring", delay_ms: 20 });
  const { send, closed } = await open();
  const drained = once(service.server, "request").then(() => service.drain(GRACE_MS, 0));
  send("/ring-ring");
  const answer = await closed;
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(answer, /\r\nConnection: close\r\n/);
  assert.match(answer, /"message":"Ring, ring! api-9 picks up\."\}\n$/);
  assert.equal(await drained, 0);
});

test("a stop closes idle connections at once and accepts no more", PATIENCE, async () => {
  const { send, answered, closed } = await open();
  send("/health");
  await answered();
  assert.equal(await service.drain(GRACE_MS), 0);
  await closed;
  await assert.rejects(get("/"), /fetch failed/);
});

test("a stop still answers the first request of a connection just opened", PATIENCE, async () => {
  const { send, closed } = await open();
  const drained = service.drain(GRACE_MS);
  send("/ring-ring");
  assert.match(await closed, /^HTTP\/1\.1 200 OK\r\n/);
  assert.equal(await drained, 0);
});

test("a stop does not wait for a connection that stays silent", PATIENCE, async () => {
  const { closed } = await open();
  assert.equal(await service.drain(GRACE_MS, 1), 0);
  assert.equal(await closed, "");
});

test("what is not done within the grace time is cut off and counted", PATIENCE, async () => {
  await inject({ path: "/", delay_ms: DELAY_MS });
  const { send, closed } = await open();
  const drained = once(service.server, "request").then(() => service.drain(1));
  send("/");
  assert.equal(await drained, 1);
  assert.equal(await closed, "");
});

test("a client that leaves before its answer is measured as such", async () => {
  await inject({ path: "/", delay_ms: DELAY_MS });
  const gone = new AbortController();
  const arrived = once(service.server, "request");
  const request = get("/", { signal: gone.signal });
  const [, response] = await arrived;
  const closed = once(response, "close");
  gone.abort();
  await assert.rejects(request, { name: "AbortError" });
  await closed;
  const { body } = await get("/metrics");
  assert.ok(body.includes('http_requests_total{endpoint="/",method="GET",status="499"} 1\n'), body);
});

test("without permission there is no way to inject a fault", async () => {
  await service.drain(0);
  await start({ faults: false });
  const { status, json } = await inject({ crash: true });
  assert.deepEqual([status, json().error, crashes], [404, "not found", 0]);
  assert.equal((await get("/")).status, 200);
});

test("a fault hits one path until it is cleared", async () => {
  const { status, json } = await inject({ path: "/ring-ring", status: 500 });
  assert.deepEqual([status, json()], [200, { faults: { "/ring-ring": { status: 500 } } }]);
  const statuses = async () => [(await get("/")).status, (await get("/ring-ring")).status];
  assert.deepEqual(await statuses(), [200, 500]);
  assert.deepEqual((await inject({})).json(), { faults: {} });
  assert.deepEqual(await statuses(), [200, 200]);
  assert.deepEqual(logged[0], [
    "warn",
    "fault injected",
    { order: { path: "/ring-ring", status: 500 } },
  ]);
});

test("a crash is confirmed before it happens", async () => {
  const arrived = once(service.server, "request");
  const confirmed = inject({ crash: true });
  const [, response] = await arrived;
  const closed = once(response, "close");
  assert.equal((await confirmed).status, 202);
  await closed;
  assert.equal(crashes, 1);
});

for (const [order, complaint] of [
  ["", "the body is not JSON"],
  ["[]", "the body must be a JSON object"],
  ["null", "the body must be a JSON object"],
  [{ path: "/", sttus: 500 }, "unknown field: sttus"],
  [{ path: "/faults", status: 500 }, "path must be one of /, /ring-ring, /health, /metrics"],
  [{ status: 500 }, "path must be one of /, /ring-ring, /health, /metrics"],
  [{ path: "/" }, "status or delay_ms is missing"],
  [{ path: "/", status: 200 }, "status must be a whole number from 400 to 599"],
  [{ path: "/", delay_ms: "1" }, "delay_ms must be a whole number from 0 to 60000"],
  [{ path: "/", crash: true }, "crash must be true and alone"],
]) {
  test(`the fault ${JSON.stringify(order)} is refused`, async () => {
    const { status, json } = await inject(order);
    assert.deepEqual([status, json().error], [400, complaint]);
    assert.equal((await get("/")).status, 200);
  });
}

test("a fault of endless size is refused", async () => {
  assert.equal((await inject(`{"path": "${"x".repeat(5000)}"}`)).status, 413);
});
