// The program that releases: by a compiler that writes down when it is called, and a package registry that keeps files.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, beforeEach, test } from "node:test";

import { Checkout, PIPELINE } from "./checkout.js";
import { Packages } from "./packages.js";

const PROGRAM = "target/release/converge";
const TAG = { CI_COMMIT_TAG: "1.10", CI_COMMIT_REF_PROTECTED: "true" };

const packages = await Packages.start();
const checkout = new Checkout();
beforeEach(() => checkout.program("bin/cargo", `echo "$@" >>compiled\necho a program >${PROGRAM}\n`));
afterEach(() => {
  checkout.reset();
  packages.clear();
});
after(async () => {
  checkout.remove();
  await packages.stop();
});

test("the program is compiled once, and kept with its digest", () => {
  assert.match(brought().said, /> kept: /);
  checkout.write(PROGRAM, "what an earlier job left\n");
  assert.match(brought().said, /> taken: /);
  assert.equal(compiled(), 1);
  assert.equal(checkout.read(PROGRAM), "a program\n");
  accessSync(join(checkout.folder, PROGRAM), constants.X_OK);

  const [version] = versions();
  const where = { cwd: join(packages.folder, version), encoding: "utf8" };
  assert.equal(execFileSync("sha256sum", ["--check", "converge.sha256"], where), "converge: OK\n");
});

for (const [what, path, from, to] of [
  ["engine", "engine/lib.rs", "//!", "//! "],
  ["dependency", "Cargo.lock", "version = 4", "version = 3"],
  ["compiler", PIPELINE, "RUST_IMAGE: rust:1.95", "RUST_IMAGE: rust:1.96"],
]) {
  test(`another ${what} is another program`, () => {
    brought();
    checkout.write(path, checkout.read(path).replace(from, to));
    brought();
    assert.equal(compiled(), 2);
    assert.equal(versions().length, 2);
  });
}

test("nothing else is compiled for", () => {
  brought();
  for (const path of ["app/lib/service.js", "roles/nginx/main.rhai", "README.md"]) checkout.write(path, "changed\n");
  brought();
  assert.equal(compiled(), 1);
});

test("a program that is not what its digest says is not released with", () => {
  brought();
  writeFileSync(join(packages.folder, versions()[0], "converge"), "another one\n");
  const { status, said } = bring(TAG);
  assert.notEqual(status, 0);
  assert.match(said, /is not what converge.sha256 says/);
});

test("a registry that refuses is not one that has nothing", () => {
  const { status, said } = bring({ ...TAG, CI_JOB_TOKEN: "another token" });
  assert.notEqual(status, 0);
  assert.match(said, /converge.sha256: 401/);
  assert.equal(compiled(), 0);
});

test("what anyone may push is compiled, and not kept", () => {
  const { status, said } = bring({ ...TAG, CI_COMMIT_REF_PROTECTED: "false" });
  assert.equal(status, 0, said);
  assert.equal(compiled(), 1);
  assert.ok(!existsSync(packages.folder));
});

test("no command line shows the token", () => {
  const curl = execFileSync("which", ["curl"], { encoding: "utf8" }).trim();
  checkout.program("bin/curl", `echo "$@" >>asked\nexec ${curl} "$@"\n`);
  brought();
  brought();
  const lines = checkout.read("target/release/asked").trim().split("\n");
  assert.equal(lines.length, 5);
  assert.ok(!lines.join().includes(packages.variables.CI_JOB_TOKEN));
});

function bring(variables) {
  return checkout.job("converge", { ...packages.variables, ...variables });
}

function brought() {
  const result = bring(TAG);
  assert.equal(result.status, 0, result.said);
  return result;
}

/** How often there was something to compile. */
function compiled() {
  return existsSync(join(checkout.folder, "compiled")) ? checkout.read("compiled").trim().split("\n").length : 0;
}

function versions() {
  return readdirSync(packages.folder);
}
