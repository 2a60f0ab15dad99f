// The process as a container engine sees it: variables in, signals, exit status and log lines out.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { createInterface } from "node:readline";
import { afterEach, test } from "node:test";
import { fileURLToPath } from "node:url";

const children = [];
afterEach(() => children.splice(0).forEach((child) => child.kill("SIGKILL")));

/** Starts a script; `line()` gives its next log line, `exited` its exit status and signal. */
function run(script, env) {
  const child = spawn(process.execPath, [fileURLToPath(new URL(`../${script}`, import.meta.url))], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, exited, line: async () => JSON.parse((await lines.next()).value) };
}

async function start(env) {
  const server = run("server.js", { PORT: "0", NODE_NAME: "api-9", ...env });
  const started = await server.line();
  assert.equal(started.event, "started");
  return { ...server, started, port: started.port };
}

for (const signal of ["SIGTERM", "SIGINT"]) {
  test(`${signal} in the middle of a request: it is answered, and the exit is clean`, async () => {
    const { child, exited, line, port } = await start({ FAULTS: "1" });
    const origin = `http://127.0.0.1:${port}`;
    const body = JSON.stringify({ path: "/ring-ring", delay_ms: 300 });
    await (await fetch(`${origin}/faults`, { method: "POST", body })).text();
    assert.equal((await line()).event, "fault injected");

    // "100 Continue" tells that the server has the request.
    const request = get(`${origin}/ring-ring`, { headers: { Expect: "100-continue" } });
    await once(request, "continue");
    child.kill(signal);
    const stopping = await line();
    assert.deepEqual([stopping.event, stopping.signal], ["stopping", signal]);

    const [response] = await once(request, "response");
    assert.equal(response.statusCode, 200);
    assert.equal(JSON.parse((await response.setEncoding("utf8").toArray()).join("")).node, "api-9");
    const stopped = await line();
    assert.deepEqual([stopped.event, stopped.requests_cut_off], ["stopped", 0]);
    assert.deepEqual(await exited, [0, null]);
  });
}

test("the start is logged with what runs and where", async () => {
  const { started } = await start({ VERSION: "1.2.3" });
  const { time, port, pid, ...rest } = started;
  assert.deepEqual(rest, { level: "info", event: "started", version: "1.2.3", node: "api-9" });
  assert.ok(Date.parse(time) <= Date.now() && port > 0 && pid > 0);
});

test("bad settings are named, and the exit status is 1", async () => {
  const { exited, line } = run("server.js", { PORT: "eighty", FAULTS: "maybe" });
  const { level, event, message } = await line();
  assert.deepEqual([level, event], ["error", "bad settings"]);
  assert.match(message, /^PORT must be .*, not "eighty"; FAULTS must be 0 or 1, not "maybe"$/);
  assert.deepEqual(await exited, [1, null]);
});

test("a port that is taken is an error, and the exit status is 1", async () => {
  const { port } = await start({});
  const second = run("server.js", { PORT: String(port) });
  const { event, message } = await second.line();
  assert.equal(event, "server error");
  assert.match(message, /EADDRINUSE/);
  assert.deepEqual(await second.exited, [1, null]);
});

test("a crash ends the process with status 1", async () => {
  const { exited, port } = await start({ FAULTS: "1" });
  const url = `http://127.0.0.1:${port}/faults`;
  await fetch(url, { method: "POST", body: '{"crash":true}' });
  assert.deepEqual(await exited, [1, null]);
});

test("the health check follows the health of the service", async () => {
  const { port } = await start({ FAULTS: "1" });
  const check = () => run("healthcheck.js", { PORT: String(port) }).exited;
  assert.deepEqual(await check(), [0, null]);
  const body = JSON.stringify({ path: "/health", status: 503 });
  await fetch(`http://127.0.0.1:${port}/faults`, { method: "POST", body });
  assert.deepEqual(await check(), [1, null]);
});
