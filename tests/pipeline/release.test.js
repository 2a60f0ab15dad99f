// The image and its release for real, in the lab: its registry stands in for Docker Hub, its hosts for staging.
// It leaves the lab with the version that it had at first.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { Checkout, PROJECT } from "./checkout.js";

const lab = process.env.CONVERGE_LAB !== undefined;
const skip = lab ? false : "there is no lab (CONVERGE_LAB is not set; see tests/lab/README.md)";
const NODES = ["api-1", "api-2"];
const VERSION = { CI_COMMIT_TAG: "3.0.0-pipeline" };
const LAB = { INVENTORY: "inventory/lab.toml", API_IMAGE: "10.77.0.5:5000/ring-api" };

test("what the pipeline publishes is what it releases", { skip }, (t) => {
  const checkout = new Checkout();
  t.after(() => checkout.remove());

  // A push by plain http is taken on the loopback address only.
  const [registry] = run("docker", "port", "converge-lab-registry", "5000/tcp").split("\n");
  const image = `${registry}/ring-api`;
  t.after(() => run("docker", "rmi", `${image}:${VERSION.CI_COMMIT_TAG}`));
  const published = checkout.job("publish", {
    ...VERSION,
    API_IMAGE: image,
    NODE_IMAGE: "converge-lab/node",
    DOCKERHUB_USER: "somebody",
    DOCKERHUB_TOKEN: "a password",
  });
  assert.equal(published.status, 0, published.said);
  const [, digest] = /API_DIGEST=(sha256:[0-9a-f]{64})/.exec(published.said);

  // Neither is where the inventory says: the runner brings both as files.
  checkout.files({
    CONVERGE_IDENTITY_FILE: join(PROJECT, ".lab/key"),
    CONVERGE_KNOWN_HOSTS: join(PROJECT, ".lab/known_hosts"),
  });
  const converge = join(PROJECT, "target/debug/converge");
  const built = join(checkout.folder, "target/release/converge");
  mkdirSync(dirname(built), { recursive: true });
  copyFileSync(converge, built);
  const { version: before } = JSON.parse(inside(NODES[0], "curl", "--silent", "http://127.0.0.1:8080/health"));
  t.after(() =>
    run(converge, "playbooks/release.rhai", "--inventory", LAB.INVENTORY, "-e", `api_version=${before}`),
  );

  const released = checkout.job("staging", { ...VERSION, ...LAB });
  assert.equal(released.status, 0, released.said);
  // The tag alone would not do: the nodes may have an image of that name from an earlier run of this test.
  for (const node of NODES) {
    const runs = inside(node, "docker", "inspect", "--format", "{{.Image}}", "api");
    const digests = inside(node, "docker", "image", "inspect", "--format", "{{.RepoDigests}}", runs);
    assert.match(digests, new RegExp(`@${digest}\\b`));
    const health = inside(node, "curl", "--silent", "http://127.0.0.1:8080/health");
    assert.equal(JSON.parse(health).version, VERSION.CI_COMMIT_TAG);
  }

  // What GitLab keeps of it.
  const { junit } = checkout.pipeline()[".release"].artifacts.reports;
  assert.match(checkout.read(junit), /<testsuite name="api-1"/);
  const journals = join(checkout.folder, ".gitlab-ci-local/artifacts/staging/.converge/runs");
  assert.equal(readdirSync(journals).length, 1);
});

function run(program, ...words) {
  return execFileSync(program, words, { cwd: PROJECT, encoding: "utf8" }).trim();
}

function inside(host, ...words) {
  return run("docker", "exec", `converge-lab-${host}`, ...words);
}
