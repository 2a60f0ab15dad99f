// The pipeline without a lab: what GitLab's schema says of it, which jobs come when and in which order, and what is checked.

import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import { Checkout, PIPELINE } from "./checkout.js";

const checkout = new Checkout();
afterEach(() => checkout.reset());
after(() => checkout.remove());

const CHECKS = ["code", "api", "audit"];
const VERSION = ["converge", "publish", "staging", "production?"];
const SITE = ["converge", "site-staging", "plan-production", "site-production?"];
const PLANS = ["converge", "plan-staging", "plan-production"];
const ALL = ["converge", "publish", "staging", "site-staging", "production?", "plan-production", "site-production?"];
const TAG = { CI_COMMIT_TAG: "1.10" };

// The runner asks the schema that GitLab publishes.
for (const [slip, from, to] of [
  ["a key that is none", "resource_group: publish", "resource_groups: publish"],
  ["a number for an environment", "environment: production/site", "environment: 1"],
  ["a word that is none", "action: access\n  resource_group: production", "action: acces\n  resource_group: production"],
]) {
  test(`a pipeline with ${slip} is refused`, () => {
    checkout.edit(PIPELINE, from, to);
    assert.throws(() => checkout.jobs(TAG), /Invalid .gitlab-ci.yml configuration/);
  });
}

const FIX = { CI_COMMIT_BRANCH: "fix" };
const REQUEST = { CI_OPEN_MERGE_REQUESTS: "group/project!1" };
const OF_REQUEST = { ...REQUEST, CI_PIPELINE_SOURCE: "merge_request_event" };
const OF_FORK = { ...OF_REQUEST, CI_MERGE_REQUEST_PROJECT_ID: "1", CI_MERGE_REQUEST_SOURCE_PROJECT_ID: "2" };
const BRANCH = ["CI_COMMIT_BRANCH"];
for (const [event, changed, variables, unset, jobs] of [
  ["a branch", ["Dockerfile"], FIX, [], CHECKS],
  ["a branch, where a runner has real hosts", ["Dockerfile"], { ...FIX, LAB_RUNNER: "lab" }, [], [...CHECKS.slice(0, 2), "lab", ...CHECKS.slice(2)]],
  ["a branch with a merge request", ["Dockerfile"], { ...FIX, ...REQUEST }, [], []],
  ["the merge request of another image", ["Dockerfile"], OF_REQUEST, BRANCH, CHECKS],
  ["the merge request of another role", ["roles/nginx/main.rhai"], OF_REQUEST, BRANCH, [...CHECKS, ...PLANS]],
  ["the merge request of another page", ["roles/nginx/files/index.html"], OF_REQUEST, BRANCH, [...CHECKS, ...PLANS]],
  ["a merge request from a fork", ["roles/nginx/main.rhai"], OF_FORK, BRANCH, CHECKS],
  ["main, where nothing changed that is delivered", ["docs/kinds.md"], {}, [], CHECKS],
  ["main, where a test of the API changed", ["app/test/service.test.js"], {}, [], CHECKS],
  ["main, where the API changed", ["app/lib/service.js"], {}, [], [...CHECKS, ...VERSION]],
  ["main, where the image changed", ["Dockerfile"], {}, [], [...CHECKS, ...VERSION]],
  ["main, where the page changed", ["roles/nginx/files/index.html"], {}, [], [...CHECKS, ...SITE]],
  ["main, where a role changed", ["roles/nginx/main.rhai"], {}, [], [...CHECKS, ...SITE]],
  ["main, where a playbook changed", ["playbooks/site.rhai"], {}, [], [...CHECKS, ...SITE]],
  ["main, where an inventory changed", ["inventory/production.toml"], {}, [], [...CHECKS, ...SITE]],
  ["main, where the API and its page changed", ["app/server.js", "roles/nginx/files/index.html"], {}, [], [...CHECKS, ...ALL]],
  ["main, where the engine changed", ["engine/lib.rs"], {}, [], [...CHECKS, "converge"]],
  [
    "a schedule, which takes every file for changed",
    ["roles/nginx/files/index.html"],
    { CI_PIPELINE_SOURCE: "schedule" },
    [],
    [...CHECKS, ...VERSION],
  ],
  ["a tag", ["docs/kinds.md"], TAG, BRANCH, [...CHECKS, "tag", ...VERSION]],
]) {
  test(`${event}: ${jobs.join(", ") || "no pipeline"}`, () => {
    for (const path of changed) checkout.write(path, `${checkout.read(path)}changed\n`);
    assert.deepEqual(checkout.jobs(variables, unset), jobs);
  });
}

test("what the image is made of is what makes a new one", () => {
  const copied = checkout.read(".dockerignore").match(/(?<=^!).*/gm);
  const { changes } = checkout.pipeline()[".version"].rules.at(-1);
  const files = changes.map((path) => path.replace("/**/*", ""));
  assert.deepEqual(files.sort(), [...copied, "Dockerfile", ".dockerignore"].sort());
});

const needs = (job) => checkout.pipeline()[job].needs.map((need) => need.job ?? need);

test("where both change, the API goes before what asks it, and a plan is made after it", () => {
  assert.ok(needs("site-staging").includes("staging"));
  assert.ok(needs("plan-production").includes("production"));
  assert.ok(needs("plan-production").includes("site-staging"));
  assert.ok(needs("site-production").includes("plan-production"));
});

test("only one job at a time touches an environment or looks at it", () => {
  const jobs = Object.entries(checkout.pipeline()).filter(([, job]) => job.environment);
  for (const [name, job] of jobs) {
    const [environment] = (job.environment.name ?? job.environment).split("/");
    assert.equal(job.resource_group, environment, name);
  }
  assert.equal(jobs.length, 6);
});

test("the API is tested, and GitLab is told how it went", () => {
  const { status, said } = checkout.job("api");
  assert.equal(status, 0, said);
  const { junit } = checkout.pipeline().api.artifacts.reports;
  assert.match(checkout.read(junit), /<testcase name="/);
});

test("nothing is published or applied before all checks have passed", () => {
  assert.deepEqual(needs("publish"), [...CHECKS, "tag"]);
  for (const check of CHECKS) assert.ok(needs("site-staging").includes(check));
});

for (const [tag, fits] of [
  ["1.10", true],
  ["v2_rc-1", true],
  ["release/1.10", false],
  ["1.10+build", false],
  ["-1", false],
  ["1".repeat(129), false],
]) {
  test(`an image ${fits ? "can" : "cannot"} be called ${tag}`, () => {
    const { status, said } = checkout.job("tag", { CI_COMMIT_TAG: tag });
    assert.equal(status === 0, fits, said);
    if (!fits) assert.match(said, /no image can have the tag/);
  });
}

test("the pipeline and the Dockerfile mean the same Node", () => {
  const [, dockerfile] = /^ARG NODE_IMAGE=(.*)$/m.exec(checkout.read("Dockerfile"));
  const [, pipeline] = /^ {2}NODE_IMAGE: (.*)$/m.exec(checkout.read(PIPELINE));
  assert.equal(pipeline, dockerfile);
});
