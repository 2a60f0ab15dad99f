// Faults on demand, so that a test can see what the balancer and a release do about them.

const MAX_DELAY_MS = 60_000;

/** A fault that cannot be injected; the message is for the client. */
export class FaultError extends Error {}

export class Faults {
  #paths;
  #byPath = new Map();

  /** `paths` are those that can be made to fail. */
  constructor(paths) {
    this.#paths = paths;
  }

  /** What `path` suffers: `{ status, delay_ms }`, either of which may be missing. */
  on(path) {
    return this.#byPath.get(path) ?? {};
  }

  /**
   * Takes one order: `{ path, status, delay_ms }` sets the fault of a path, `{}` clears them all,
   * `{ crash: true }` ends the process. Returns what is now in force.
   */
  inject(order) {
    const { path, status, delay_ms, crash } = checked(order, this.#paths);
    if (crash) return { crash: true };
    if (path === undefined) this.#byPath.clear();
    else this.#byPath.set(path, { status, delay_ms });
    return { faults: Object.fromEntries(this.#byPath) };
  }
}

function checked(order, paths) {
  const refuse = (message) => {
    throw new FaultError(message);
  };
  if (typeof order !== "object" || order === null || Array.isArray(order)) {
    refuse("the body must be a JSON object");
  }
  const { path, status, delay_ms, crash, ...unknown } = order;
  const names = Object.keys(unknown);
  if (names.length > 0) refuse(`unknown field: ${names.join(", ")}`);
  if (Object.keys(order).length === 0) return order;
  if (crash !== undefined) {
    if (crash !== true || Object.keys(order).length > 1) refuse("crash must be true and alone");
    return order;
  }
  if (!paths.includes(path)) refuse(`path must be one of ${paths.join(", ")}`);
  if (status === undefined && delay_ms === undefined) refuse("status or delay_ms is missing");
  if (status !== undefined && !isWithin(status, 400, 599)) {
    refuse("status must be a whole number from 400 to 599");
  }
  if (delay_ms !== undefined && !isWithin(delay_ms, 0, MAX_DELAY_MS)) {
    refuse(`delay_ms must be a whole number from 0 to ${MAX_DELAY_MS}`);
  }
  return order;
}

function isWithin(value, low, high) {
  return Number.isInteger(value) && value >= low && value <= high;
}
