// The lab, as these tests see it: where the page is, and how to break what stands behind it.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const PATIENCE_MS = 30_000;

const inventory = readFileSync(new URL("../../inventory/lab.toml", import.meta.url), "utf8");
const addresses = new Map(
  [...inventory.matchAll(/^(\S+) = \{ address = "([^"]+)"/gm)].map(([, name, address]) => [
    name,
    address,
  ]),
);
const apis = [...addresses.keys()].filter((name) => name.startsWith("api-"));

export const PAGE = `http://${addresses.get("web-1")}/`;
/** The same API at another origin than the page's. */
export const BALANCER = `http://${addresses.get("balancer-1")}/`;

/** The start of every dashboard's address, and who may see them. */
export const CONSOLES = `http://${addresses.get("monitor-1")}:9090/consoles/`;
export const administrator = () => ({
  username: "admin",
  password: readFileSync(
    new URL("../../.lab/secrets/prometheus_password", import.meta.url),
    "utf8",
  ).trim(),
});

/** Does something while no node runs the API; they run it again afterwards, whatever happened. */
export async function withoutApi(doing) {
  const order = (verb) => onEach(apis, `docker ${verb} api`);
  await between(
    () => order("stop"),
    () => order("start"),
    doing,
  );
}

/** Does something while the balancer takes connections and answers none. */
export async function withSilentBalancer(doing) {
  const signal = (name) => onEach(["balancer-1"], `systemctl kill --signal=${name} haproxy`);
  await between(
    () => signal("STOP"),
    () => signal("CONT"),
    doing,
  );
}

async function between(harm, mend, doing) {
  try {
    await harm();
    await doing();
  } finally {
    await mend();
    await everyNodeAnswers();
  }
}

async function onEach(hosts, script) {
  const run = (host) =>
    promisify(execFile)("docker", ["exec", `converge-lab-${host}`, "sh", "-c", script]);
  await Promise.all(hosts.map(run));
}

/** Returns when each node has answered on the way that the page takes, or throws after a while. */
async function everyNodeAnswers() {
  const missing = new Set(apis);
  for (const deadline = Date.now() + PATIENCE_MS; missing.size > 0; await sleep(100)) {
    if (Date.now() > deadline)
      throw new Error(`the lab is still broken: no answer from ${[...missing]}`);
    const response = await fetch(`${PAGE}api/ring-ring`).catch(() => undefined);
    if (response?.ok) missing.delete((await response.json()).node);
  }
}
