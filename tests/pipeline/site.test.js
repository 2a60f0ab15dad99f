// Everything but the API, by a converge that writes down what it is told: the plan in a merge request, and what is applied.

import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import { Checkout } from "./checkout.js";

const PROGRAM = "target/release/converge";
const REQUEST = { CI_PIPELINE_SOURCE: "merge_request_event" };
const KEY = { CONVERGE_IDENTITY_FILE: "/the/key" };

const checkout = new Checkout();
afterEach(() => checkout.reset());
after(() => checkout.remove());

for (const environment of ["staging", "production"]) {
  const job = `plan-${environment}`;

  test(`${environment}: a merge request shows what would change`, () => {
    const { status, said } = run(job, { ...REQUEST, ...KEY }, "echo '1 change'; echo 'a plan' >plan/site.plan");
    assert.equal(status, 0, said);
    assert.deepEqual(words(), [
      "plan",
      "playbooks/site.rhai",
      ...["--inventory", `inventory/${environment}.toml`],
      ...["--output", "plan/site.plan"],
    ]);
    checkout.read(`inventory/${environment}.toml`);
    assert.match(said, /> 1 change/);
    const kept = `.gitlab-ci-local/artifacts/${job}/plan`;
    assert.equal(checkout.read(`${kept}/changes.txt`), "1 change\n");
    assert.equal(checkout.read(`${kept}/site.plan`), "a plan\n");
    assert.match(checkout.pipeline()[job].artifacts.expose_as, new RegExp(environment));
  });

  test(`${environment}: a plan that cannot be made fails, and is shown as far as it got`, () => {
    const { said } = run(job, { ...REQUEST, ...KEY }, "echo 'api-1 is unreachable'; exit 4");
    assert.match(said, /> api-1 is unreachable/);
    assert.match(said, /FAIL 4/);
  });

  test(`${environment}: a merge request that gets no key is told so, and not held up`, () => {
    const { said } = run(job, REQUEST, "echo planned");
    assert.match(said, /WARN 77/);
    assert.match(said, /nothing is planned: merge requests have no key for \S+\/plan/);
    assert.doesNotMatch(said, /> planned/);
  });
}

test("on main there is no way around the key", () => {
  const { said } = run("plan-production", {}, "exit 4");
  assert.match(said, /FAIL 4/);
});

test("staging gets all of it by itself", () => {
  const { status, said } = run("site-staging", {}, "");
  assert.equal(status, 0, said);
  assert.deepEqual(words(), [
    "playbooks/site.rhai",
    ...["--inventory", "inventory/staging.toml"],
    ...["--lock-wait", "600"],
    ...["--junit", "report.xml"],
  ]);
});

test("production gets what was planned for it, and nothing else", () => {
  const plan = run("plan-production", KEY, "echo 'a plan' >plan/site.plan");
  assert.equal(plan.status, 0, plan.said);
  const { status, said } = run("site-production", {}, "cat plan/site.plan");
  assert.equal(status, 0, said);
  assert.match(said, /> a plan/);
  assert.deepEqual(words(), ["apply", "plan/site.plan", "--lock-wait", "600", "--junit", "report.xml"]);
});

/** Runs a job by a converge that writes down what it is told, and then does this. */
function run(job, variables, then) {
  checkout.write("roles/nginx/README.md", "changed\n");
  checkout.program(PROGRAM, `printf "%s\\n" "$@" >words\n${then}\n`);
  const { status, said } = checkout.job(job, variables);
  return { status, said };
}

function words() {
  return checkout.read("words").trim().split("\n");
}
