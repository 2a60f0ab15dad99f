// The package registry of a GitLab, as far as jobs ask it: what is put there can be had again, by who shows the job's token.
// It runs beside the tests, which stand still while a job runs.

import { createReadStream, createWriteStream, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { isMainThread, Worker, parentPort, workerData } from "node:worker_threads";

const TOKEN = "a token";
const PROJECT = "7";
const STORE = "/storage";

export class Packages {
  #worker;
  #base = mkdtempSync(join(tmpdir(), "packages-"));
  /** The versions of the package converge. */
  folder = join(this.#base, `api/v4/projects/${PROJECT}/packages/generic/converge`);
  variables;

  static async start() {
    const packages = new Packages();
    packages.#worker = new Worker(fileURLToPath(import.meta.url), { workerData: packages.#base });
    const port = await new Promise((resolve) => packages.#worker.once("message", resolve));
    packages.variables = {
      CI_API_V4_URL: `http://127.0.0.1:${port}/api/v4`,
      CI_PROJECT_ID: PROJECT,
      CI_JOB_TOKEN: TOKEN,
    };
    return packages;
  }

  clear() {
    rmSync(this.folder, { recursive: true, force: true });
  }

  async stop() {
    await this.#worker.terminate();
    rmSync(this.#base, { recursive: true });
  }
}

function serve(base) {
  const expected = `Basic ${Buffer.from(`gitlab-ci-token:${TOKEN}`).toString("base64")}`;
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    const answer = (status, more) => response.writeHead(status, more).end(`${status}\n`);
    // Another host keeps the files, as on gitlab.com: it must not see the token.
    const stored = url.startsWith(STORE);
    if (headers.authorization !== (stored ? undefined : expected)) return answer(401);
    if (stored) return pipeline(createReadStream(join(base, url.slice(STORE.length))), response);

    const file = join(base, url);
    if (method === "PUT") {
      mkdirSync(dirname(file), { recursive: true });
      await pipeline(request, createWriteStream(file));
      return answer(201);
    }
    if (!existsSync(file)) return answer(404);
    answer(302, { location: `http://localhost:${server.address().port}${STORE}${url}` });
  });
  server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
}

if (!isMainThread) serve(workerData);
