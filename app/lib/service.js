// The service: which request gets which answer, and how it stops without losing one.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { FaultError, Faults } from "./faults.js";
import { CONTENT_TYPE as METRICS_TYPE, Metrics } from "./metrics.js";

const TIMEOUTS = {
  // Longer than any balancer or web server keeps an idle connection: the side that sends the next
  // request must be the one that closes, or a request meets a connection that is just going away.
  keepAliveTimeout: 75_000,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
};

/** How nginx logs a client that left before its answer; such requests are measured under it too. */
const CLIENT_LEFT = 499;

const READ = ["GET", "HEAD"];
const ENTRY_POINTS = ["/", "/ring-ring"];
const MAX_BODY_BYTES = 4096;

export class Service {
  #node;
  #version;
  #faults;
  #log;
  #metrics;
  #routes;
  /** Connections that have not sent a request yet. */
  #silent = new Set();
  #rings = 0;
  #leaving = false;

  /**
   * `settings` as `readSettings` gives them. `log(level, event, fields)` writes one line;
   * `crash()` ends the process, and is called only when a fault asks for it.
   */
  constructor({ version, node, faults }, { log, crash }) {
    this.#version = version;
    this.#node = node;
    this.#log = log;
    this.#metrics = new Metrics({ version, node, nodejs: process.versions.node }, ENTRY_POINTS);
    this.#routes = new Map([
      ["/", { methods: READ, answer: () => this.#welcome() }],
      ["/ring-ring", { methods: READ, answer: () => this.#ring() }],
      ["/health", { methods: READ, answer: () => this.#health() }],
      ["/metrics", { methods: READ, answer: () => text(200, METRICS_TYPE, this.#metrics.text()) }],
    ]);
    this.#faults = new Faults([...this.#routes.keys()]);
    if (faults) {
      const answer = (request, response) => this.#inject(request, response, crash);
      this.#routes.set("/faults", { methods: ["POST"], answer });
    }

    /** The HTTP server; the caller makes it listen. */
    this.server = createServer(TIMEOUTS, (request, response) => this.#handle(request, response));
    this.server.on("connection", (socket) => {
      this.#silent.add(socket);
      socket.once("close", () => this.#silent.delete(socket));
    });
  }

  /** From now on `/health` says no, and every answer asks its client to come back elsewhere. */
  leave() {
    this.#leaving = true;
  }

  /**
   * Accepts no more connections and resolves when the last one is closed: idle ones at once, busy
   * ones after their answer, those just opened if no request comes within `firstRequestMs`, and
   * whatever is left after `graceMs`. Resolves to the number of requests cut off by the latter.
   */
  async drain(graceMs, firstRequestMs = 1000) {
    this.leave();
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeIdleConnections();

    // Node does not count a connection without any request as idle. Its first request is most
    // likely on its way, so it is waited for; but not as long as for a request that is running.
    const patience = setTimeout(() => {
      for (const socket of this.#silent) socket.destroy();
    }, firstRequestMs);
    let cut = 0;
    const deadline = setTimeout(() => {
      cut = this.#metrics.inFlight;
      this.server.closeAllConnections();
    }, graceMs);

    await closed;
    clearTimeout(patience);
    clearTimeout(deadline);
    return cut;
  }

  async #handle(request, response) {
    this.#silent.delete(request.socket);
    const path = request.url.split("?", 1)[0];
    const route = this.#routes.get(path);
    const end = this.#metrics.begin(route ? path : "other", request.method);
    response.once("close", () =>
      end(response.writableFinished ? response.statusCode : CLIENT_LEFT),
    );
    try {
      this.#send(response, await this.#answer(path, route, request, response));
    } catch (error) {
      if (response.destroyed) return;
      this.#log("error", "request failed", { path, error: String(error?.stack ?? error) });
      this.#send(response, json(500, { error: "internal error" }));
    }
  }

  async #answer(path, route, request, response) {
    if (!route) return json(404, { error: "not found", entry_points: ENTRY_POINTS });
    if (!route.methods.includes(request.method)) {
      const allow = route.methods.join(", ");
      return json(405, { error: `method not allowed; allowed: ${allow}` }, { Allow: allow });
    }
    const { delay_ms, status } = this.#faults.on(path);
    // Without `ref`, the wait for a client that has gone does not keep the process alive.
    if (delay_ms) await sleep(delay_ms, undefined, { ref: false });
    if (status) return json(status, { error: "injected fault" });
    return route.answer(request, response);
  }

  #send(response, { status, headers, body }) {
    response.writeHead(status, {
      ...headers,
      "Content-Length": Buffer.byteLength(body),
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      "X-Version": this.#version,
      "X-Node": this.#node,
      ...(this.#leaving ? { Connection: "close" } : {}),
    });
    response.end(body);
  }

  #welcome() {
    return json(200, {
      ...this.#document("/"),
      service: "ring-ring",
      uptime_seconds: Math.round(process.uptime()),
      entry_points: ENTRY_POINTS,
    });
  }

  #ring() {
    this.#rings += 1;
    return json(200, {
      ...this.#document("/ring-ring"),
      ring: this.#rings,
      message: `Ring, ring! ${this.#node} picks up.`,
    });
  }

  /** What makes every document unlike any other. */
  #document(endpoint) {
    return {
      id: randomUUID(),
      time: new Date().toISOString(),
      version: this.#version,
      node: this.#node,
      endpoint,
    };
  }

  #health() {
    return json(this.#leaving ? 503 : 200, {
      status: this.#leaving ? "stopping" : "ok",
      version: this.#version,
      node: this.#node,
    });
  }

  async #inject(request, response, crash) {
    const body = await readBody(request);
    if (body === undefined) return json(413, { error: `more than ${MAX_BODY_BYTES} bytes` });
    try {
      const order = JSON.parse(body);
      const result = this.#faults.inject(order);
      this.#log("warn", "fault injected", { order });
      if (result.crash) response.once("close", crash);
      return json(result.crash ? 202 : 200, result);
    } catch (error) {
      if (error instanceof SyntaxError) return json(400, { error: "the body is not JSON" });
      if (error instanceof FaultError) return json(400, { error: error.message });
      throw error;
    }
  }
}

/** The whole body as text, or nothing if it is too long. It is read to its end in any case. */
async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size <= MAX_BODY_BYTES ? Buffer.concat(chunks).toString() : undefined;
}

function json(status, document, headers = {}) {
  return text(status, "application/json; charset=utf-8", `${JSON.stringify(document)}\n`, headers);
}

function text(status, type, body, headers = {}) {
  return { status, headers: { "Content-Type": type, ...headers }, body };
}
