// The pipeline without a lab: what GitLab's schema says of it, which jobs come when, and what they do: for real where
// that needs neither a container nor a server, else by programs that write down what they are asked.

import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import { Checkout, PIPELINE } from "./checkout.js";

const checkout = new Checkout();
afterEach(() => checkout.reset());
after(() => checkout.remove());

const CHECKS = ["code", "api"];
const VERSION = ["converge", "publish", "staging", "production?"];
const RELEASE = [...CHECKS, ...VERSION];
const TAG = { CI_COMMIT_TAG: "1.10" };
const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

// The runner asks the schema that GitLab publishes, each time it reads a pipeline.
for (const [slip, from, to] of [
  ["a key that is none", "resource_group: staging", "resource_groups: staging"],
  ["a number for an environment", "environment: production", "environment: 1"],
  ["a word that is none", "when: manual", "when: manually"],
]) {
  test(`a pipeline with ${slip} is refused`, () => {
    checkout.edit(PIPELINE, from, to);
    assert.throws(() => checkout.jobs(TAG), /Invalid .gitlab-ci.yml configuration/);
  });
}

const FIX = { CI_COMMIT_BRANCH: "fix" };
const REQUEST = { CI_OPEN_MERGE_REQUESTS: "group/project!1" };
for (const [event, changed, variables, unset, jobs] of [
  ["a branch", "Dockerfile", FIX, [], CHECKS],
  ["a branch with a merge request", "Dockerfile", { ...FIX, ...REQUEST }, [], []],
  [
    "the merge request",
    "Dockerfile",
    { CI_PIPELINE_SOURCE: "merge_request_event", ...REQUEST },
    ["CI_COMMIT_BRANCH"],
    CHECKS,
  ],
  ["main, where the API is as it was", "docs/kinds.md", {}, [], CHECKS],
  ["main, where the API changed", "app/lib/service.js", {}, [], RELEASE],
  ["main, where the image changed", "Dockerfile", {}, [], RELEASE],
  ["a tag", "docs/kinds.md", TAG, ["CI_COMMIT_BRANCH"], [...CHECKS, "tag", ...VERSION]],
]) {
  test(`${event}: ${jobs.join(", ") || "no pipeline"}`, () => {
    checkout.write(changed, "changed\n");
    assert.deepEqual(checkout.jobs(variables, unset), jobs);
  });
}

test("the API is tested, and GitLab is told how it went", () => {
  const { status, said } = checkout.job("api");
  assert.equal(status, 0, said);
  const { junit } = checkout.pipeline().api.artifacts.reports;
  assert.match(checkout.read(junit), /<testcase name="/);
});

test("nothing is published before all checks have passed", () => {
  const names = checkout.pipeline().publish.needs.map((need) => need.job ?? need);
  assert.deepEqual(names, [...CHECKS, "tag"]);
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

test("the image is published under a version of its own, by a password that no command line shows", () => {
  checkout.write("app/lib/service.js", "changed\n");
  const version = published();
  assert.match(version, /^\d+-[0-9a-f]{8}$/);
  const image = `docker.io/example/ring-api:${version}`;
  const [login, password, build, ...rest] = checkout.read("asked").trim().split("\n");
  assert.equal(login, "login --username somebody --password-stdin docker.io");
  assert.equal(password, "  it reads: a password");
  assert.match(build, new RegExp(`^build .*--build-arg VERSION=${version} .*--tag ${image} \\.$`));
  assert.deepEqual(rest, [`push ${image}`, "logout docker.io"]);
});

test("each environment gets exactly the image that was published", () => {
  assert.equal(published(TAG), "1.10");
  checkout.program("target/release/converge", 'printf "%s\\n" "$@" >words\n');
  for (const environment of ["staging", "production"]) {
    const { status, said } = checkout.job(environment, TAG);
    assert.equal(status, 0, said);
    assert.deepEqual(checkout.read("words").trim().split("\n"), [
      "playbooks/release.rhai",
      ...["--inventory", `inventory/${environment}.toml`],
      ...["--lock-wait", "600"],
      ...["--junit", "release.xml"],
      ...["--var", "api_image='docker.io/example/ring-api'"],
      ...["--var", "api_version='1.10'"],
      ...["--var", `api_digest='${DIGEST}'`],
    ]);
    checkout.read(`inventory/${environment}.toml`);
  }
});

test("a release that was reverted fails its job", () => {
  published(TAG);
  checkout.program("target/release/converge", "exit 5\n");
  const { status, said } = checkout.job("staging", TAG);
  assert.notEqual(status, 0);
  assert.match(said, /FAIL 5/);
});

// The runner ends a job by a signal to all of its processes, and where its shell goes, the container goes.
test("converge stands in the place of the shell of its job", () => {
  published(TAG);
  const ancestors = "p=$$ n=0; while [ $p -gt 1 ]; do p=$(ps -o ppid= -p $p) n=$((n + 1)); done";
  checkout.program("target/release/converge", `${ancestors}; echo $n >ancestors\n`);
  const count = () => {
    const { status, said } = checkout.job("staging", TAG);
    assert.equal(status, 0, said);
    return Number(checkout.read("ancestors"));
  };
  const direct = count();
  checkout.edit(PIPELINE, "exec target/release/converge", "target/release/converge");
  assert.equal(count(), direct + 1);
});

test("an image whose digest nobody knows is not released", () => {
  const { status } = publish("1.10: pushed", TAG);
  assert.notEqual(status, 0);
  checkout.program("target/release/converge", "echo released\n");
  assert.doesNotMatch(checkout.job("staging", TAG).said, /> released/);
});

test("the pipeline and the Dockerfile mean the same Node", () => {
  const [, dockerfile] = /^ARG NODE_IMAGE=(.*)$/m.exec(checkout.read("Dockerfile"));
  const [, pipeline] = /^ {2}NODE_IMAGE: (.*)$/m.exec(checkout.read(PIPELINE));
  assert.equal(pipeline, dockerfile);
});

/** Publishes by a docker that answers a push so, and writes down what it is asked and what it reads. */
function publish(answer, variables) {
  checkout.program(
    "bin/docker",
    `echo "$@" >>asked
    case $1 in
      login) sed 's/^/  it reads: /' >>asked && echo >>asked ;;
      push) echo '${answer}' ;;
    esac\n`,
  );
  const somebody = { DOCKERHUB_USER: "somebody", DOCKERHUB_TOKEN: "a password" };
  return checkout.job("publish", { ...somebody, ...variables });
}

/** Publishes an image, and gives its version. */
function published(variables) {
  const { status, said } = publish(`1.10: digest: ${DIGEST} size: 1786`, variables);
  assert.equal(status, 0, said);
  return /^push \S+:(\S+)$/m.exec(checkout.read("asked"))[1];
}
