// View 7: do probabilities hold, where do scores lie, and has the traffic moved?

import { FRAUD, HONEST, UNKNOWN, countAbove } from "./bins.js";
import { makeChart, COLOURS } from "./charts.js";
import { h, section } from "./dom.js";
import { plain, whereText, whole } from "./format.js";
import { rate, SMALL } from "./metrics.js";
import { makeTable } from "./table.js";
import { scoreOf } from "./threshold.js";

export function mountCalibration(root, ctx) {
  const view = section("calibration", "Calibration, score density and drift",
    "Probabilities against verdicts, the scores of the slice beside everyone's, and features that left what training saw.");
  const charts = h("div", { class: "cw-charts" });
  view.append(charts);
  root.append(view);
  drift(view, ctx);
  return Promise.all([calibrationChart(charts, ctx), densityChart(charts, ctx)].map((chart) => chart.ready()));
}

function calibrationChart(holder, { payload, state }) {
  const note = h("p", { class: "cw-note", "data-metric": "calibration-n" });
  holder.append(note);
  const axis = { format: "%" };
  const x = { field: "mean", type: "quantitative", title: "mean probability", axis, scale: { domain: [0, 1] } };
  const y = (name) => ({ field: name, type: "quantitative", title: "share with a verdict", axis, scale: { domain: [0, 1] } });
  const chart = makeChart(holder, "Share of verdicts by predicted probability, with 95 % intervals; the line is perfect.", {
    layer: [
      { data: { values: [{ mean: 0, value: 0 }, { mean: 1, value: 1 }] },
        mark: { type: "line", color: COLOURS.quiet, strokeDash: [4, 4] }, encoding: { x, y: y("value") } },
      { data: { name: "bins" }, mark: { type: "rule", color: COLOURS.passed },
        encoding: { x, y: y("low"), y2: { field: "high" } } },
      { data: { name: "bins" }, transform: [{ filter: `datum.n >= ${SMALL}` }],
        mark: { type: "point", filled: true, color: COLOURS.passed, opacity: 1 }, encoding: { x, y: y("value") } },
    ],
  }, { width: 380, height: 220 });
  state.on(["model"], (now) => {
    const bins = (payload.calibration?.[now.model] ?? [])
      .filter((one) => one.n)
      .map((one) => ({ mean: one.mean_probability, ...rate(one.verdicts, one.n) }));
    const n = bins.reduce((sum, one) => sum + one.n, 0);
    note.textContent = bins.length ? `Calibration, n ${whole(n)}` : "This model tells no probabilities: its scores only rank.";
    chart.show({ bins });
  });
  return chart;
}

function densityChart(holder, { payload, state, lens }) {
  const chart = makeChart(holder, "Density of scores: the slice beside all rows of these days.", {
    layer: [
      { data: { name: "density" }, mark: { type: "line", interpolate: "step-after" },
        encoding: {
          x: { field: "score", type: "quantitative", title: "score" },
          y: { field: "density", type: "quantitative", title: "density (log)", scale: { type: "log" } },
          color: { field: "what", type: "nominal", scale: { domain: ["slice", "all rows"], range: [COLOURS.flagged, COLOURS.passed] } },
          strokeDash: { field: "what", type: "nominal", legend: null },
        } },
    ],
  }, { width: 450, height: 220 });
  const note = h("p", { class: "cw-note" });
  holder.append(note);
  state.on(["model", "from", "to", "slice", "judge", "finer"], (now) => {
    const edges = payload.edges[now.model];
    const parts = [["all rows", lens.everything(now)]];
    if (now.slice) parts.push(["slice", lens.overall(now)]);
    const found = parts.filter(([, cube]) => cube);
    chart.show({ density: found.flatMap(([what, cube]) => density(cube, edges, what)) });
    const ns = found.map(([what, cube]) => `${what} n ${whole(total(cube, 0))}`).join(", ");
    note.textContent = now.slice ? `${ns}; slice: ${whereText(now.slice.where)}` : ns;
  });
  state.on(["edges", "model"], (now) => chart.mark(scoreOf(payload, now)));
  return chart;
}

const total = (cube, edge) => [FRAUD, HONEST, UNKNOWN].reduce((sum, kind) => sum + countAbove(cube, 0, kind, edge), 0);

/** Share of rows by width of the bin; bins without width or rows are left out. */
function density(cube, edges, what) {
  const n = total(cube, 0);
  const rows = [];
  for (const [place, k] of cube.exact.entries()) {
    const next = cube.exact[place + 1] ?? cube.bins;
    const inside = total(cube, k) - total(cube, next);
    const width = edges[next] - edges[k];
    if (inside && width > 0) rows.push({ what, score: edges[k], density: inside / n / width });
  }
  return rows;
}

function drift(view, { payload }) {
  if (!payload.drift.length) {
    view.append(h("p", { class: "cw-empty" }, "No drift is recorded for these days: clickward monitor judges it."));
    return;
  }
  const above = (row) => row.limit !== null && row.psi > row.limit;
  const rows = [...payload.drift]
    .filter((row) => row.psi !== null)
    .sort((a, b) => b.psi / (b.limit ?? 1) - a.psi / (a.limit ?? 1));
  const table = makeTable({
    id: "drift",
    caption: `Feature drift, the furthest above its limit first: ${rows.filter(above).length} of ${rows.length} above`,
    columns: [
      { label: "feature", cell: (row) => row.feature },
      { label: "day", cell: (row) => String(row.day).slice(0, 10) },
      { label: "PSI", numeric: true, cell: (row) => plain(row.psi, 3) },
      { label: "limit", numeric: true, cell: (row) => plain(row.limit, 3) },
      { label: "", cell: (row) => (above(row) ? "above" : "within") },
      { label: "n", numeric: true, cell: (row) => whole(row.n) },
    ],
  });
  table.fill(rows.slice(0, 30));
  view.append(table.element);
}
