// The project in a folder of its own, where its pipeline runs by gitlab-ci-local: every job in a shell, without its image.

import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import yaml from "js-yaml";

export const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
export const PIPELINE = ".gitlab-ci.yml";
const RUNNER = fileURLToPath(new URL("node_modules/gitlab-ci-local/src/index.js", import.meta.url));

export class Checkout {
  #base = mkdtempSync(join(tmpdir(), "pipeline-"));
  #home = join(this.#base, "home");
  folder = join(this.#base, "project");

  /** What the working tree holds, as the one commit of `main`, here and at the origin. */
  constructor() {
    for (const folder of [this.folder, this.#home]) mkdirSync(folder);
    const files = git(PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard");
    const copy = ["-a", "--from0", "--files-from=-", "--ignore-missing-args", PROJECT, this.folder];
    execFileSync("rsync", copy, { input: files });
    const author = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
    git(this.folder, "init", "--quiet", "--initial-branch=main");
    git(this.folder, "add", "--all");
    git(this.folder, ...author, "commit", "--quiet", "--message=all");
    git(this.folder, "update-ref", "refs/remotes/origin/main", "HEAD");
    git(this.folder, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main");
  }

  /** Everything as it was committed, and no trace of earlier jobs. */
  reset() {
    git(this.folder, "reset", "--quiet", "--hard");
    git(this.folder, "clean", "--quiet", "-ffdx");
  }

  remove() {
    rmSync(this.#base, { recursive: true });
  }

  read(path) {
    return readFileSync(join(this.folder, path), "utf8");
  }

  write(path, text) {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** Puts `to` where `from` stands, which must be there once. */
  edit(path, from, to) {
    const parts = this.read(path).split(from);
    if (parts.length !== 2) throw new Error(`${path}: ${parts.length - 1} times: ${from}`);
    this.write(path, parts.join(to));
  }

  /** A program for jobs; those in `bin` are found before all others. */
  program(path, script) {
    this.write(path, `#!/bin/sh\n${script}`);
    chmodSync(join(this.folder, path), 0o755);
  }

  /** What the file of the pipeline says. */
  pipeline() {
    return yaml.load(this.read(PIPELINE));
  }

  /**
   * The jobs that an event brings, those that wait for someone with a `?`; none where there is no pipeline.
   * `unset` are variables that GitLab does not set then.
   */
  jobs(variables = {}, unset = []) {
    // The runner does not look at the rules of the workflow. It does at those of a job.
    const pipeline = this.pipeline();
    const rules = pipeline.workflow.rules.map(({ auto_cancel: _, ...rule }) => rule);
    pipeline.workflow_itself = { stage: pipeline.stages[0], script: "true", rules };
    this.write(PIPELINE, yaml.dump(pipeline));

    const { status, stdout, stderr } = this.#run(["--list-csv"], variables, unset);
    if (status !== 0) throw new Error(stderr);
    const [, ...jobs] = stdout.trim().split("\n").map((line) => line.split(";"));
    const names = jobs.map(([name, , , when]) => (when === "manual" ? `${name}?` : name));
    return names.includes("workflow_itself") ? names.filter((name) => name !== "workflow_itself") : [];
  }

  /** Sets variables of the type file: jobs find the path of a copy in them. */
  files(paths) {
    this.write(".gitlab-ci-local-variables.yml", yaml.dump(paths));
  }

  /** Runs a job with variables as an operator sets them. Gives its exit status, and all that it printed. */
  job(name, variables = {}) {
    // Whether the file is a pipeline is asked once, where its jobs are listed: it takes half of the time.
    const words = ["--no-json-schema-validation", name];
    const { status, stdout, stderr } = this.#run(words, { DIND_IMAGE: "", ...variables });
    return { status, said: stdout + stderr };
  }

  #run(words, variables, unset = []) {
    const names = Object.keys(variables);
    const options = ["--force-shell-executor", "--ignore-predefined-vars", names.join(",")];
    for (const name of names) options.push("--variable", `${name}=${variables[name]}`);
    for (const name of unset) options.push("--unset-variable", name);
    const PATH = `${join(this.folder, "bin")}:${process.env.PATH}`;
    const env = { PATH, HOME: this.#home, NO_COLOR: "1", LANG: "C.UTF-8" };
    const where = { cwd: this.folder, env, encoding: "utf8" };
    return spawnSync(process.execPath, [RUNNER, ...options, ...words], where);
  }
}

function git(folder, ...words) {
  return execFileSync("git", words, { cwd: folder });
}
