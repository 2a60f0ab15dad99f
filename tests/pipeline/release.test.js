// The pipeline for real, in the lab: its registry stands in for Docker Hub, its hosts for staging and for production.
// It leaves the lab with the version that it had at first, and with the page of this working tree.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { Checkout, PROJECT } from "./checkout.js";
import { Packages } from "./packages.js";

const lab = process.env.CONVERGE_LAB !== undefined;
const skip = lab ? false : "there is no lab (CONVERGE_LAB is not set; see tests/lab/README.md)";
const NODES = ["api-1", "api-2"];
const WEB = "web-1";
const TAG = { CI_COMMIT_TAG: "3.0.0-pipeline" };
const REQUEST = { CI_PIPELINE_SOURCE: "merge_request_event" };
const LAB = { INVENTORY: "inventory/lab.toml", API_IMAGE: "10.77.0.5:5000/ring-api" };
const CONVERGE = join(PROJECT, "target/debug/converge");
const PAGE = "/var/www/landing/index.html";

describe("in the lab", { skip }, () => {
  const checkout = new Checkout();
  let packages;
  before(async () => {
    packages = await Packages.start();
    // Neither is where the inventory says: the runner brings both as files.
    checkout.files({
      CONVERGE_IDENTITY_FILE: join(PROJECT, ".lab/key"),
      CONVERGE_KNOWN_HOSTS: join(PROJECT, ".lab/known_hosts"),
    });
    cpSync(join(PROJECT, ".lab/secrets"), join(checkout.folder, ".lab/secrets"), { recursive: true });
  });
  after(async () => {
    checkout.remove();
    await packages.stop();
    run(CONVERGE, "playbooks/site.rhai", "--inventory", LAB.INVENTORY);
  });

  /** Runs a job that must go well, and gives what it printed. */
  const job = (name, variables) => {
    const { status, said } = checkout.job(name, variables);
    assert.equal(status, 0, said);
    return said;
  };
  const page = (text) => checkout.write("roles/nginx/files/index.html", `${checkout.read("roles/nginx/files/index.html")}<!-- ${text} -->\n`);
  const served = () => inside(WEB, "curl", "--silent", "http://127.0.0.1/");

  test("the program that releases is the one that was kept", () => {
    checkout.program("bin/cargo", `cp ${CONVERGE} target/release/converge\n`);
    const variables = { ...TAG, ...packages.variables, CI_COMMIT_REF_PROTECTED: "true" };
    assert.match(job("converge", variables), /> kept: /);
    rmSync(join(checkout.folder, "target"), { recursive: true });
    assert.match(job("converge", variables), /> taken: /);
  });

  test("what the pipeline publishes is what it releases, once for a commit and its tag", (t) => {
    // A push by plain http is taken on the loopback address only.
    const [registry] = run("docker", "port", "converge-lab-registry", "5000/tcp").split("\n");
    const image = `${registry}/ring-api`;
    const version = run("git", "-C", checkout.folder, "rev-parse", "--short=8", "HEAD");
    t.after(() => run("docker", "rmi", `${image}:${version}`, `${image}:${TAG.CI_COMMIT_TAG}`));
    const { version: before } = JSON.parse(inside(NODES[0], "curl", "--silent", "http://127.0.0.1:8080/health"));
    t.after(() =>
      run(CONVERGE, "playbooks/release.rhai", "--inventory", LAB.INVENTORY, "-e", `api_version=${before}`),
    );
    const publish = (variables) => {
      const somebody = { DOCKERHUB_USER: "somebody", DOCKERHUB_TOKEN: "a password" };
      const said = job("publish", { ...variables, ...somebody, API_IMAGE: image, NODE_IMAGE: "converge-lab/node" });
      const [, digest] = /API_DIGEST=(sha256:[0-9a-f]{64})/.exec(said);
      return { said, digest };
    };
    checkout.write("app/lib/service.js", `${checkout.read("app/lib/service.js")}// another one\n`);

    const { digest } = publish({});
    job("staging", LAB);
    // The tag alone would not do: the nodes may have an image of that name from an earlier run of this test.
    for (const node of NODES) {
      const runs = inside(node, "docker", "inspect", "--format", "{{.Image}}", "api");
      const digests = inside(node, "docker", "image", "inspect", "--format", "{{.RepoDigests}}", runs);
      assert.match(digests, new RegExp(`@${digest}\\b`));
      const health = inside(node, "curl", "--silent", "http://127.0.0.1:8080/health");
      assert.equal(JSON.parse(health).version, version);
    }

    // What GitLab keeps of it.
    const { junit } = checkout.pipeline()[".run"].artifacts.reports;
    assert.match(checkout.read(junit), new RegExp(`<testsuite name="${NODES[0]}"`));
    const journals = join(checkout.folder, ".gitlab-ci-local/artifacts/staging/.converge/runs");
    assert.equal(readdirSync(journals).length, 1);

    const tagged = publish(TAG);
    assert.match(tagged.said, /nothing is built/);
    assert.equal(tagged.digest, digest);
    assert.match(job("staging", { ...TAG, ...LAB }), /No changes\./);
  });

  test("another page is shown in the merge request, reaches the web servers, and leaves the API alone", () => {
    const containers = () => NODES.map((node) => inside(node, "docker", "inspect", "--format", "{{.Id}}", "api"));
    const before = containers();
    page("for staging");
    const planned = job("plan-staging", { ...REQUEST, ...LAB });
    assert.match(planned, new RegExp(`~ .*file:${PAGE}`));
    assert.match(planned, /\+<!-- for staging -->/);
    assert.doesNotMatch(planned, /container:api/);
    assert.doesNotMatch(served(), /for staging/);

    job("site-staging", LAB);
    assert.match(served(), /for staging/);
    assert.deepEqual(containers(), before);
  });

  test("what was approved for production is what happens there", () => {
    page("for production");
    assert.match(job("plan-production", LAB), /\+<!-- for production -->/);
    job("site-production", {});
    assert.match(served(), /for production/);
  });

  test("a host that changed after its plan was made is left alone", () => {
    page("too late");
    job("plan-production", LAB);
    inside(WEB, "sh", "-c", `echo '<!-- by hand -->' >>${PAGE}`);
    const { said } = checkout.job("site-production", {});
    assert.match(said, /it changed on the host since the plan was made/);
    assert.match(served(), /by hand/);
    assert.doesNotMatch(served(), /too late/);
  });
});

function run(program, ...words) {
  return execFileSync(program, words, { cwd: PROJECT, encoding: "utf8" }).trim();
}

function inside(host, ...words) {
  return run("docker", "exec", `converge-lab-${host}`, ...words);
}
