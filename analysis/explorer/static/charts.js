// Vega-Lite charts that are drawn once and then given new rows; those out of sight wait their turn.

import { h } from "./dom.js";
import { whenSeen } from "./seen.js";

const WIDTH = 450;
const HEIGHT = 190;
export const COLOURS = {
  flagged: "var(--cw-flagged)", passed: "var(--cw-passed)", baseline: "var(--cw-baseline)",
  third: "var(--cw-third)", quiet: "var(--cw-quiet)",
};
const CONFIG = {
  background: null,
  font: "system-ui, sans-serif",
  view: { stroke: null },
  axis: {
    labelColor: "var(--cw-ink)", titleColor: "var(--cw-ink)", gridColor: "var(--cw-line)",
    domainColor: "var(--cw-quiet)", tickColor: "var(--cw-quiet)", labelFontSize: 11,
    titleFontSize: 12, titleFontWeight: "normal",
  },
  legend: { labelColor: "var(--cw-ink)", titleColor: "var(--cw-ink)", orient: "top", title: null },
  rule: { color: "var(--cw-ink)" },
  text: { color: "var(--cw-ink)", fontSize: 11 },
  line: { strokeWidth: 2 },
};
// Expressions are interpreted, not compiled: the page's policy forbids evaluating text.
const OPTIONS = { mode: "vega-lite", ast: true, actions: false, renderer: "svg", tooltip: false, logLevel: 0 };

/**
 * A figure whose chart is drawn with its first rows; `label` says in words what it shows.
 *
 * `show({name: rows})` gives its data sets new rows, `mark(score)` moves the line of the threshold,
 * `ready()` waits until it stands. `onView` meets the Vega view, once.
 */
export function makeChart(holder, label, spec, size = {}, onView = () => {}) {
  const place = h("div", { class: "cw-chart" });
  const line = h("i", { class: "cw-rule", hidden: true, "aria-hidden": "true" });
  holder.append(h("figure", { "aria-label": label, role: "figure" }, h("div", { class: "cw-plot" }, place, line),
    h("figcaption", {}, label)));
  const latest = {};
  const changed = new Set();
  let score = null;
  let view = null;
  let standing = null;

  async function embed() {
    await null; // Whoever listens first gives all data sets their rows.
    const size_ = { width: WIDTH, height: HEIGHT, ...size };
    const names = Object.keys(latest);
    const full = { ...size_, datasets: { ...latest }, ...spec, config: CONFIG };
    const drawn = await globalThis.clickwardVega.vegaEmbed(place, full, OPTIONS);
    view = drawn.view;
    place.querySelector("svg").setAttribute("aria-label", label);
    for (const name of names) if (full.datasets[name] === latest[name]) changed.delete(name);
    onView(view, { zoom: () => zoom(place), left: () => left(view) });
    draw();
    moveLine();
  }
  function draw() {
    if (!view || !changed.size) return;
    for (const name of changed) view.data(name, latest[name]);
    changed.clear();
    view.run();
    moveLine();
  }
  function moveLine() {
    if (!view || score === null) return;
    const at = (left(view) + view.scale("x")(score)) / svgWidth(place);
    line.style.insetInlineStart = `${100 * at}%`;
    line.hidden = false;
  }
  const later = whenSeen(place, draw);

  return {
    show(rows) {
      Object.assign(latest, rows);
      for (const name of Object.keys(rows)) changed.add(name);
      if (view) later();
      else if (!standing && Object.values(latest).some((list) => list.length)) standing = embed();
    },
    mark(next) {
      score = next;
      moveLine();
    },
    ready: () => standing,
  };
}

function left(view) {
  return view.padding().left + view.origin()[0];
}

function svgWidth(place) {
  return Number(place.querySelector("svg").getAttribute("width"));
}

/** Units of the chart to a pixel of the page: a chart is scaled to the room it has. */
function zoom(place) {
  const { width } = place.querySelector("svg").getBoundingClientRect();
  return width ? svgWidth(place) / width : 1;
}
