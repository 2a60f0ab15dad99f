// A new version of the API: its image, by a docker that writes down what it is asked, and its release, by such a converge.

import assert from "node:assert/strict";
import { after, afterEach, beforeEach, test } from "node:test";

import { Checkout, PIPELINE } from "./checkout.js";

const checkout = new Checkout();
beforeEach(() => checkout.write("app/lib/service.js", "changed\n"));
afterEach(() => checkout.reset());
after(() => checkout.remove());

const IMAGE = "docker.io/example/ring-api";
const TAG = { CI_COMMIT_TAG: "1.10" };
const SCHEDULE = { CI_PIPELINE_SOURCE: "schedule" };
const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const OTHER = `sha256:${"fedcba9876543210".repeat(4)}`;
const PUSHED = `1.10: digest: ${DIGEST} size: 1786`;
const PULLED = `1.10: Pulling from example/ring-api\nDigest: ${DIGEST}\nStatus: Image is up to date`;
const UNKNOWN = "Error response from daemon: manifest for ring-api:1.10 not found: manifest unknown: manifest unknown";

test("the image is published under the name of its commit, by a password that no command line shows", () => {
  const version = published();
  assert.match(version, /^[0-9a-f]{8}$/);
  const [login, password, pull, build, ...rest] = asked();
  assert.equal(login, "login --username somebody --password-stdin docker.io");
  assert.equal(password, "  it reads: a password");
  assert.equal(pull, `pull ${IMAGE}:${version}`);
  assert.match(build, new RegExp(`^build --build-arg .*--build-arg VERSION=${version} .*--tag ${IMAGE}:${version} \\.$`));
  assert.deepEqual(rest, [`push ${IMAGE}:${version}`, "logout docker.io"]);
});

test("one commit makes one image: who comes second takes it", () => {
  const version = published({}, { pulled: PULLED });
  assert.deepEqual(asked().slice(2), [`pull ${IMAGE}:${version}`, "logout docker.io"]);
  assert.match(checkout.read("published.env"), new RegExp(`^API_DIGEST=${DIGEST}$`, "m"));
});

for (const [image, answers] of [["new", {}], ["there", { pulled: PULLED }]]) {
  test(`a tag is a second name of the image of its commit, where that is ${image}`, () => {
    const version = published(TAG, answers);
    assert.match(version, /^[0-9a-f]{8}$/);
    const [tag, push] = asked().slice(-3);
    assert.equal(tag, `tag ${IMAGE}:${version} ${IMAGE}:1.10`);
    assert.equal(push, `push ${IMAGE}:1.10`);
  });
}

test("a tag that became the name of another image fails", () => {
  const { status, said } = publish(TAG, { pulled: PULLED, pushed: PUSHED.replace(DIGEST, OTHER) });
  assert.notEqual(status, 0);
  assert.match(said, /1\.10 is another image than/);
});

test("a schedule builds the image anew, on what its base has become", () => {
  const version = published(SCHEDULE, { pulled: PULLED });
  const [build, push] = asked().slice(2);
  assert.match(build, new RegExp(`^build --pull --no-cache .*--tag ${IMAGE}:${version} \\.$`));
  assert.equal(push, `push ${IMAGE}:${version}`);
});

test("where Docker Hub does not say whether the image is there, none is built", () => {
  const { status, said } = publish({}, { refused: "Error response from daemon: toomanyrequests" });
  assert.notEqual(status, 0);
  assert.match(said, /toomanyrequests/);
  assert.doesNotMatch(checkout.read("asked"), /^(build|push)/m);
});

test("each environment gets exactly the image that was published", () => {
  const version = published(TAG);
  checkout.program("target/release/converge", 'printf "%s\\n" "$@" >words\n');
  for (const environment of ["staging", "production"]) {
    const { status, said } = checkout.job(environment, TAG);
    assert.equal(status, 0, said);
    assert.deepEqual(checkout.read("words").trim().split("\n"), [
      "playbooks/release.rhai",
      ...["--inventory", `inventory/${environment}.toml`],
      ...["--lock-wait", "600"],
      ...["--junit", "report.xml"],
      ...["--var", `api_image='${IMAGE}'`],
      ...["--var", `api_version='${version}'`],
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

test("an image whose digest nobody knows is not released", () => {
  const { status } = publish(TAG, { pushed: "1.10: pushed" });
  assert.notEqual(status, 0);
  checkout.program("target/release/converge", "echo released\n");
  assert.doesNotMatch(checkout.job("staging", TAG).said, /> released/);
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
  const program = "target/release/converge playbooks/release.rhai";
  checkout.edit(PIPELINE, `exec ${program}`, program);
  assert.equal(count(), direct + 1);
});

/** Publishes by a docker that answers so, and writes down what it is asked and what it reads. */
function publish(variables, { pulled, refused = UNKNOWN, pushed = PUSHED } = {}) {
  const answer = pulled ? `echo '${pulled}'` : `{ echo '${refused}' >&2; exit 1; }`;
  checkout.program(
    "bin/docker",
    `echo "$@" >>asked
    case $1 in
      login) sed 's/^/  it reads: /' >>asked && echo >>asked ;;
      pull) ${answer} ;;
      push) echo '${pushed}' ;;
    esac\n`,
  );
  const somebody = { DOCKERHUB_USER: "somebody", DOCKERHUB_TOKEN: "a password" };
  return checkout.job("publish", { ...somebody, ...variables });
}

/** Publishes an image, and gives its version. */
function published(variables = {}, answers = {}) {
  const { status, said } = publish(variables, answers);
  assert.equal(status, 0, said);
  return /^(?:pull|push) \S+:(\S+)$/m.exec(checkout.read("asked"))[1];
}

function asked() {
  return checkout.read("asked").trim().split("\n");
}
