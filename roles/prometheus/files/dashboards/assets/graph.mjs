// What a graph shows, and where: no page, no network, no clock.

const ROUND = [1, 2, 2.5, 5, 10];
const BINARY = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS = { m: MINUTE, h: HOUR, d: DAY };
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 7].map((n) => n * DAY),
];

/** Samples are taken about this often, in seconds: there is nothing to see between them. */
const INTERVAL = 5;
const SAMPLES = 240;

/** The seconds of a text such as `15m`, `6h`, `7d`; an hour for what is none. */
export function seconds(span) {
  const [, number, unit] = /^(\d{1,4})([mhd])$/.exec(span ?? "") ?? [null, 1, "h"];
  return number * UNITS[unit];
}

/** What to ask for, to see the `length` before `now`. Whole steps, so that a graph does not tremble as it moves. */
export function span(length, now) {
  const step = Math.max(INTERVAL, Math.ceil(length / SAMPLES / INTERVAL) * INTERVAL);
  const end = Math.floor(now / step) * step;
  return { start: end - length, end, step };
}

/** A matrix of Prometheus as named lines: `[[label]]` in the legend is that label's value. By name. */
export function lines(matrix, legend) {
  const name = (labels) => legend.replace(/\[\[(\w+)\]\]/g, (_, label) => labels[label] ?? "").trim();
  return matrix
    .map(({ metric, values }) => ({
      name: name(metric),
      labels: metric,
      points: values.map(([time, value]) => [time, Number(value)]).filter(([, value]) => Number.isFinite(value)),
    }))
    .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

/** The parts of a line without a gap: one begins where more than a step is missing. */
export function parts(points, step) {
  const all = [];
  for (const [i, point] of points.entries()) {
    if (i === 0 || point[0] - points[i - 1][0] > 1.5 * step) all.push([]);
    all.at(-1).push(point);
  }
  return all;
}

/** Without the lines of hosts that nobody measures any more: `known` are the names of those that are. */
export function present(lines, known) {
  const gone = (name) => name !== undefined && !known.has(name);
  return lines.filter(({ labels }) => !gone(labels.instance) && !gone(labels.server));
}

/**
 * When a version of the API took the place of another, as `{ time, version }`. One that comes back after an outage, with
 * no other since, is no release.
 */
export function releases(matrix, step) {
  const versions = lines(matrix, "[[version]]");
  const last = ({ points }, time) => points.findLast(([at]) => at < time)?.[0] ?? 0;
  const follows = (line, time) => (other) =>
    other !== line && last(other, time) > 0 && last(other, time) >= last(line, time);
  return versions.flatMap((line) =>
    parts(line.points, step)
      .map(([[time]]) => ({ time, version: line.name }))
      .filter(({ time }) => versions.some(follows(line, time))),
  );
}

/** The point that is not further than a step from a time. */
export function nearest(points, time, step) {
  const distance = (point) => Math.abs(point[0] - time);
  const best = points.reduce((a, b) => (distance(b) <= distance(a) ? b : a), [-Infinity]);
  return distance(best) <= step ? best : undefined;
}

/** Round values from 0 to the highest or a little above it, about four apart. */
export function ticks(highest, unit) {
  // Where nothing happens, the scale is still one that says something.
  const least = { "%": 0.01, s: 0.001 }[unit] ?? 1;
  const rough = Math.max(highest, least) / 4;
  const [base, steps] = unit.startsWith("B") ? [1024, BINARY] : [10, ROUND];
  const power = base ** Math.floor(Math.log(rough) / Math.log(base));
  const step = power * steps.find((round) => round * power >= rough * 0.999);
  const count = Math.ceil(Math.max(highest, least) / step - 0.001);
  return Array.from({ length: count + 1 }, (_, i) => i * step);
}

/**
 * Full minutes, hours or days between two times, about `count` at most. `offset` is by how many seconds the reader's
 * clock is ahead of UTC.
 */
export function times(start, end, count, offset) {
  const step = TIME_STEPS.find((step) => (end - start) / step <= count) ?? TIME_STEPS.at(-1);
  const first = Math.ceil((start + offset) / step) * step - offset;
  const all = [];
  for (let time = first; time <= end; time += step) all.push(time);
  return all;
}

/** A value as people write it, in the unit of its graph: `%` of 1, `s`, `B`, `B/s`, `/s`, or none. */
export function written(value, unit) {
  if (unit === "%") return `${digits(value * 100)} %`;
  if (unit === "s") return duration(value);
  if (unit.startsWith("B")) return scaled(value, 1024, ["", "Ki", "Mi", "Gi", "Ti"], unit);
  return scaled(value, 1000, ["", "k", "M", "G"], unit);
}

function duration(value) {
  if (value === 0) return "0 s";
  if (value < 0.001) return `${digits(value * 1e6)} µs`;
  if (value < 1) return `${digits(value * 1000)} ms`;
  if (value < 2 * MINUTE) return `${digits(value)} s`;
  if (value < 2 * HOUR) return `${digits(value / MINUTE)} min`;
  return value < 2 * DAY ? `${digits(value / HOUR)} h` : `${digits(value / DAY)} d`;
}

function scaled(value, base, prefixes, unit) {
  let power = 0;
  while (Math.abs(value) >= base && power < prefixes.length - 1) {
    value /= base;
    power += 1;
  }
  const suffix = prefixes[power] + unit;
  return digits(value) + (suffix ? ` ${suffix}` : "");
}

/** At most three digits that count. */
function digits(value) {
  return String(Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}
