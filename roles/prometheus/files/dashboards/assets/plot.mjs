// Pictures of what was measured: lines over time, and bands of states. Elements in, nothing fetched.

import { nearest, parts, ticks, times, written } from "./graph.mjs";

const HEIGHT = 150;
const EDGE = { left: 58, right: 8, top: 8, bottom: 20 };
const BAND = { least: 26, most: 52, gap: 0.35 };
const LETTER = 6.2;
const TIME_WIDTH = 75;
const COLOURS = 8;
const DAY = 86_400;

/** An element of HTML. */
export const make = (tag, attributes, ...content) =>
  filled(document.createElement(tag), attributes, content);

const shape = (tag, attributes, ...content) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, content);

function filled(element, attributes, content) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...content);
  return element;
}

/**
 * The picture of some lines and its legend, as elements. `asked` is the time that they span, `{ start, end, step }`
 * in seconds; `width` is in pixels; `marks` are releases, each `{ time, version }`.
 */
export function plot(lines, unit, asked, width, marks) {
  if (lines.length === 0) return [make("p", { class: "nothing" }, "nothing measured")];
  const isState = unit === "state";
  // Beside a line stand values, beside a band its name.
  const longest = Math.max(...lines.map(({ name }) => name.length));
  const left = isState ? Math.min(width / 2, longest * LETTER + 12) : EDGE.left;
  const right = width - EDGE.right;
  const x = (time) => left + ((time - asked.start) / (asked.end - asked.start)) * (right - left);
  const frame = { asked, unit, left, right, x };
  const drawn = isState ? bands(lines, frame) : curves(lines, frame);
  const picture = shape("svg", { width, height: drawn.height, "aria-hidden": "true" }, ...drawn.shapes);
  const offset = -60 * new Date(asked.end * 1000).getTimezoneOffset();
  for (const time of times(asked.start, asked.end, (right - left) / TIME_WIDTH, offset)) {
    const place = { x: x(time), y: drawn.height - 4, class: "time" };
    picture.append(shape("text", place, clock(time, asked)));
  }
  for (const { time, version } of marks) {
    const bottom = drawn.height - EDGE.bottom;
    const line = shape("path", { d: `M${x(time)} ${EDGE.top}V${bottom}`, class: "release" });
    const [side, anchor] = x(time) < (left + right) / 2 ? [3, "start"] : [-3, "end"];
    const place = { x: x(time) + side, y: EDGE.top + 4, "text-anchor": anchor, class: "version" };
    picture.append(line, shape("text", place, version));
  }
  drawn.watch?.(picture);
  return [picture, make("ol", { class: "legend" }, ...drawn.legend)];
}

function clock(time, { start, end }) {
  const day = end - start > DAY ? { weekday: "short" } : {};
  return new Date(time * 1000).toLocaleString("en-GB", { ...day, hour: "2-digit", minute: "2-digit" });
}

/** A line for each; the legend holds the last values, or those below the pointer. */
function curves(lines, { asked, unit, left, right, x }) {
  const highest = Math.max(0, ...lines.flatMap(({ points }) => points.map(([, value]) => value)));
  const marks = ticks(highest, unit);
  const bottom = HEIGHT - EDGE.bottom;
  const y = (value) => bottom - (value / marks.at(-1)) * (bottom - EDGE.top);
  const place = ([time, value]) => `${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
  // A part of a single point has no length, and would not be seen.
  const way = (part) => `M${part.map(place).join("L")}${part.length === 1 ? "h1" : ""}`;
  const shapes = [
    ...marks.flatMap((mark) => [
      shape("path", { d: `M${left} ${y(mark)}H${right}`, class: "grid" }),
      shape("text", { x: left - 7, y: y(mark) + 4, class: "mark" }, written(mark, unit)),
    ]),
    ...lines.map(({ points }, i) => {
      const d = parts(points, asked.step).map(way).join("");
      return shape("path", { d, class: `line c${i % COLOURS}` });
    }),
  ];

  const values = lines.map(() => make("b", {}));
  const show = (time) => {
    for (const [i, { points }] of lines.entries()) {
      const point = nearest(points, time, asked.step);
      values[i].textContent = point ? written(point[1], unit) : "–";
    }
  };
  show(asked.end);
  const legend = lines.map(({ name }, i) =>
    make("li", { class: `c${i % COLOURS}` }, `${name} `, values[i]),
  );
  const watch = (picture) => {
    const cursor = shape("path", { class: "cursor" });
    const moment = shape("text", { class: "moment", y: EDGE.top + 4 });
    picture.append(cursor, moment);
    picture.addEventListener("pointermove", ({ offsetX }) => {
      const share = (offsetX - left) / (right - left);
      const time = asked.start + Math.min(1, Math.max(0, share)) * (asked.end - asked.start);
      show(time);
      cursor.setAttribute("d", `M${x(time)} ${EDGE.top}V${bottom}`);
      moment.setAttribute("x", x(time) + (share < 0.5 ? 6 : -6));
      moment.setAttribute("text-anchor", share < 0.5 ? "start" : "end");
      moment.textContent = clock(time, asked);
    });
    picture.addEventListener("pointerleave", () => {
      show(asked.end);
      cursor.removeAttribute("d");
      moment.textContent = "";
    });
  };
  return { shapes, legend, watch, height: HEIGHT };
}

/** A band for each name, coloured by the state that it was in. */
function bands(lines, { asked, left, right, x }) {
  const names = [...new Set(lines.map(({ name }) => name))];
  const room = (HEIGHT - EDGE.top - EDGE.bottom) / names.length;
  const pitch = Math.min(BAND.most, Math.max(BAND.least, room));
  const thick = pitch * (1 - BAND.gap);
  const top = (name) => EDGE.top + names.indexOf(name) * pitch;
  const band = (line) => (part) => {
    const [from, to] = [x(part[0][0]), Math.min(right, x(part.at(-1)[0] + asked.step))];
    const size = { x: from, y: top(line.name), width: Math.max(1, to - from), height: thick };
    return shape("rect", { ...size, class: `state ${line.labels.state}` });
  };
  const label = (name) =>
    shape("text", { x: left - 7, y: top(name) + thick / 2 + 4, class: "mark" }, name);
  const seen = [...new Set(lines.map(({ labels }) => labels.state))].sort();
  return {
    shapes: [...lines.flatMap((line) => parts(line.points, asked.step).map(band(line))), ...names.map(label)],
    legend: seen.map((state) => make("li", { class: `state ${state}` }, state)),
    height: EDGE.top + names.length * pitch + EDGE.bottom,
  };
}
