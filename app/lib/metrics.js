// What Prometheus scrapes: requests as they end, the process as it is, in text format 0.0.4.

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Upper bounds in seconds; 2 is among them because a request that takes longer has failed. */
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10];

/** Methods with a label of their own; all others share one, so that no client grows the memory. */
const METHODS = new Set(["GET", "HEAD", "POST"]);

/** What an entry point answers as a rule, and when something is wrong. */
const EXPECTED_STATUSES = [200, 500];

export class Metrics {
  #build;
  #inFlight = 0;
  /** Label text -> what was measured under these labels. */
  #series = new Map();

  /**
   * `build` becomes the labels of `api_build_info`. What is expected at the `endpoints` is counted
   * from zero: by how much a counter grew that was not there before, Prometheus cannot know, and so
   * would miss the first errors.
   */
  constructor(build, endpoints = []) {
    this.#build = build;
    for (const endpoint of endpoints) {
      for (const status of EXPECTED_STATUSES) this.#under({ endpoint, method: "GET", status });
    }
  }

  /** Marks the begin of a request; the function returned takes the status and marks its end. */
  begin(endpoint, method) {
    const start = performance.now();
    this.#inFlight += 1;
    return (status) => {
      this.#inFlight -= 1;
      this.observe({ endpoint, method, status }, (performance.now() - start) / 1000);
    };
  }

  /** Requests that have begun and not ended. */
  get inFlight() {
    return this.#inFlight;
  }

  observe({ endpoint, method, status }, seconds) {
    const known = METHODS.has(method) ? method : "other";
    const series = this.#under({ endpoint, method: known, status });
    const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
    series.counts[bucket === -1 ? BUCKETS.length : bucket] += 1;
    series.sum += seconds;
  }

  /** The series with these labels, at first with nothing in it. */
  #under(labels) {
    const key = labelText(labels);
    let series = this.#series.get(key);
    if (!series) {
      series = { labels, sum: 0, counts: new Array(BUCKETS.length + 1).fill(0) };
      this.#series.set(key, series);
    }
    return series;
  }

  /** The whole exposition, with a final newline. */
  text() {
    const memory = process.memoryUsage();
    const cpu = process.cpuUsage();
    const series = [...this.#series.values()];
    return [
      family("api_build_info", "gauge", "The version that runs, as labels; always 1.", [
        sample("", this.#build, 1),
      ]),
      family(
        "http_requests_total",
        "counter",
        "Requests that ended; 499: the client left first.",
        series.map(({ labels, counts }) => sample("", labels, total(counts))),
      ),
      family(
        "http_request_duration_seconds",
        "histogram",
        "Time from a request's head to its end.",
        series.flatMap(histogram),
      ),
      family(
        "http_requests_in_flight",
        "gauge",
        "Requests being answered now, this one included.",
        [sample("", {}, this.#inFlight)],
      ),
      family("process_cpu_seconds_total", "counter", "User and system CPU time spent.", [
        sample("", {}, (cpu.user + cpu.system) / 1e6),
      ]),
      family("process_resident_memory_bytes", "gauge", "Resident memory.", [
        sample("", {}, memory.rss),
      ]),
      family(
        "nodejs_eventloop_active_seconds_total",
        "counter",
        "Time that the event loop was not idle; 1 a second: it has no time left.",
        [sample("", {}, performance.eventLoopUtilization().active / 1000)],
      ),
      family("nodejs_heap_size_used_bytes", "gauge", "Heap in use.", [
        sample("", {}, memory.heapUsed),
      ]),
      family("nodejs_heap_size_total_bytes", "gauge", "Heap reserved.", [
        sample("", {}, memory.heapTotal),
      ]),
      family("process_start_time_seconds", "gauge", "Start of the process, Unix time.", [
        sample("", {}, performance.timeOrigin / 1000),
      ]),
    ].join("");
  }
}

function family(name, type, help, samples) {
  const lines = samples.map((line) => `${name}${line}\n`).join("");
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines}`;
}

/** One sample without the name of its family. */
function sample(suffix, labels, value) {
  return `${suffix}${labelText(labels)} ${value}`;
}

/** The buckets of one series, each of which counts those below it too, then its sum and count. */
function histogram({ labels, sum, counts }) {
  const buckets = counts.map((_, i) =>
    sample("_bucket", { ...labels, le: BUCKETS[i] ?? "+Inf" }, total(counts.slice(0, i + 1))),
  );
  return [...buckets, sample("_sum", labels, sum), sample("_count", labels, total(counts))];
}

function total(counts) {
  return counts.reduce((sum, count) => sum + count, 0);
}

function labelText(labels) {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(String(value))}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value) {
  return value.replace(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`));
}
