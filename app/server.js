// The process: settings in, a listening service, a clean end.

import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

import { Service } from "./lib/service.js";
import { readSettings } from "./lib/settings.js";

const SIGNALS = ["SIGTERM", "SIGINT"];

function log(level, event, fields = {}) {
  const line = { time: new Date().toISOString(), level, event, ...fields };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function fail(event, message) {
  log("error", event, { message });
  process.exit(1);
}

const { settings, problems } = readSettings(process.env, hostname());
if (problems.length > 0) fail("bad settings", problems.join("; "));

const { version, node, port, stopDelayMs, stopGraceMs } = settings;
const service = new Service(settings, { log, crash: () => fail("crash", "asked for by a fault") });

async function stop(signal) {
  // A second signal finds no handler, and so ends the process at once.
  for (const name of SIGNALS) process.off(name, stop);
  log("info", "stopping", { signal, delay_ms: stopDelayMs, grace_ms: stopGraceMs });
  service.leave();
  if (stopDelayMs > 0) await sleep(stopDelayMs);
  const cut = await service.drain(stopGraceMs - stopDelayMs);
  log(cut > 0 ? "warn" : "info", "stopped", { requests_cut_off: cut });
  process.exit(0);
}

for (const name of SIGNALS) process.on(name, stop);
process.on("uncaughtException", (error) => fail("uncaught", String(error?.stack ?? error)));
service.server.on("error", (error) => fail("server error", error.message));
service.server.listen(port, () => {
  log("info", "started", { version, node, port: service.server.address().port, pid: process.pid });
});
