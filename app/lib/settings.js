// The settings: the environment as text in, checked values out.

const NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;

/**
 * Reads every setting from `env`; an empty variable counts as unset.
 *
 * Returns `{ settings, problems }`. All problems are reported together, so that one look at the log
 * is enough to mend them; `settings` is of use only when there is none.
 */
export function readSettings(env, hostname) {
  const problems = [];
  const take = (name, fallback, expected, parse) => {
    const text = env[name] ?? "";
    if (text === "") return fallback;
    const value = parse(text);
    if (value === undefined) {
      problems.push(`${name} must be ${expected}, not ${JSON.stringify(text)}`);
    }
    return value;
  };

  const settings = {
    port: take("PORT", 8080, "an integer from 0 to 65535", port),
    version: take("VERSION", "dev", "letters, digits and . _ + - (128 at most)", name),
    node: take("NODE_NAME", hostname, "letters, digits and . _ + - (128 at most)", name),
    faults: take("FAULTS", false, "0 or 1", flag),
    stopGraceMs: take("STOP_GRACE_SECONDS", 10_000, "a number from 0 to 3600", seconds),
    stopDelayMs: take("STOP_DELAY_SECONDS", 0, "a number from 0 to 3600", seconds),
  };
  if (settings.stopDelayMs > settings.stopGraceMs) {
    problems.push(
      `STOP_DELAY_SECONDS (${settings.stopDelayMs / 1000}) must not be more than ` +
        `STOP_GRACE_SECONDS (${settings.stopGraceMs / 1000}), of which it is a part`,
    );
  }
  return { settings, problems };
}

function port(text) {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

// Versions and node names travel in headers and metric labels, so only harmless characters pass.
function name(text) {
  return NAME.test(text) ? text : undefined;
}

function flag(text) {
  return text === "1" ? true : text === "0" ? false : undefined;
}

/** Seconds as text to milliseconds. */
function seconds(text) {
  return /^\d{1,4}(\.\d{1,3})?$/.test(text) && Number(text) <= 3600
    ? Math.round(Number(text) * 1000)
    : undefined;
}
