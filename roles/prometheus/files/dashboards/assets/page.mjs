// Draws the graphs of a page, says what its alerts mean, and keeps all of it fresh.

import { lines, present, releases, seconds, span } from "./graph.mjs";
import { make, plot } from "./plot.mjs";

const REFRESH_MS = 15_000;
const VERSIONS = 'count by (version) (api_build_info{job="api"})';
const SEVERITIES = ["critical", "warning", "info"];

// Not the page's own address: that may hold a password, which `fetch` refuses.
const here = new URL(location.pathname + location.search, location.origin);
const wanted = seconds(here.searchParams.get("span"));
const figures = [...document.querySelectorAll("figure")];

async function get(url) {
  const response = await fetch(url, { cache: "no-store" });
  if (!response.ok) throw new Error(`Prometheus answers ${response.status} ${response.statusText}`);
  return response;
}

async function api(path, parameters) {
  const url = new URL(`../api/v1/${path}?${new URLSearchParams(parameters)}`, here);
  return (await (await get(url)).json()).data;
}

async function draw(figure, asked, known, marks) {
  const { unit, legend, expression } = figure.dataset;
  const { result } = await api("query_range", { query: expression, ...asked });
  const caption = figure.querySelector("figcaption");
  const picture = plot(present(lines(result, legend), known), unit, asked, caption.clientWidth, marks);
  figure.replaceChildren(caption, ...picture);
}

/** The names of what is measured now. */
async function measured() {
  const { result } = await api("query", { query: "up" });
  return new Set(result.map(({ metric }) => metric.instance));
}

async function released(asked) {
  const { result } = await api("query_range", { query: VERSIONS, ...asked });
  return releases(result, asked.step);
}

async function drawAll(asked) {
  const [known, marks] = await Promise.all([measured(), released(asked)]);
  await Promise.all(figures.map((figure) => draw(figure, asked, known, marks)));
}

/** Puts what Prometheus wrote anew in the place of what it wrote before. */
async function renew() {
  const fresh = new DOMParser().parseFromString(await (await get(here)).text(), "text/html");
  const parts = fresh.querySelectorAll("[data-live]");
  for (const [i, part] of document.querySelectorAll("[data-live]").entries()) {
    part.replaceChildren(...parts[i].childNodes);
  }
}

async function explain(list) {
  const jobs = new RegExp(`^(?:${list.dataset.jobs})$`);
  const { alerts } = await api("alerts");
  const firing = alerts.filter(({ state, labels }) => state === "firing" && jobs.test(labels.job));
  firing.sort((a, b) => rank(a) - rank(b) || a.activeAt.localeCompare(b.activeAt));
  const items = firing.map(({ labels, annotations, activeAt }) => {
    const since = new Date(activeAt).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
    const title = make("strong", {}, annotations.summary ?? labels.alertname);
    const detail = make("p", {}, ...marked(annotations.description ?? ""));
    return make("li", { class: labels.severity }, title, make("small", {}, ` since ${since}`), detail);
  });
  list.replaceChildren(...(items.length > 0 ? items : [make("li", { class: "well" }, "No alert fires.")]));
}

/** A text in which `what is to be typed` is set off. */
const marked = (text) => text.split("`").map((part, i) => (i % 2 ? make("code", {}, part) : part));

const rank = ({ labels }) => SEVERITIES.indexOf(labels.severity);

async function refresh() {
  const fresh = document.getElementById("fresh");
  try {
    const asked = span(wanted, Date.now() / 1000);
    const lists = [...document.querySelectorAll(".alerts")];
    await Promise.all([renew(), ...lists.map(explain), drawAll(asked)]);
    fresh.textContent = `as of ${new Date().toLocaleTimeString("en-GB")}`;
  } catch (error) {
    fresh.textContent = `not refreshed: ${error.message}`;
  }
  fresh.classList.toggle("stale", fresh.textContent.startsWith("not"));
}

/** One refresh after the other, and none while nobody looks. */
async function follow() {
  if (!document.hidden) await refresh();
  setTimeout(follow, REFRESH_MS);
}

document.addEventListener("visibilitychange", () => document.hidden || refresh());
window.addEventListener("resize", () => refresh());
follow();
