// View 9: two models side by side, and the rows where they part.

import { exactEdge } from "./bins.js";
import { makeChart, COLOURS } from "./charts.js";
import { choice, field, h, section } from "./dom.js";
import { money, plain, rateText, whole } from "./format.js";
import { confusion, measures, netSaved } from "./metrics.js";
import { isInside } from "./disagree.js";
import { rowColumns } from "./rows.js";
import { whenSeen } from "./seen.js";
import { edgeOf } from "./state.js";
import { makeTable } from "./table.js";

const SHOWN = [
  ["threshold", "threshold", (one) => plain(one.score, 6)],
  ["flagged", "flagged", (one) => `${whole(one.c.flagged)} of n ${whole(one.c.n)}`],
  ["precision", "precision", (one) => rateText(one.m.precision)],
  ["recall", "recall", (one) => rateText(one.m.recall)],
  ["fpr", "false-positive rate", (one) => rateText(one.m.fpr)],
  ["net", "net saved", (one, ctx) => money(one.net, ctx.payload.currency)],
];

export function mountPairs(root, ctx) {
  const { payload, state } = ctx;
  const view = section("pairs", "Two models side by side",
    "Each at its own threshold over the same days and slice; the rows below are flagged by one alone.");
  root.append(view);
  if (payload.models.length < 2) {
    view.append(h("p", { class: "cw-empty" }, "One model scored these days: score a challenger to compare."));
    return null;
  }
  const versions = payload.models.map((one) => [one.version, one.version]);
  const other = choice("other", versions, state.get().other, (value) => state.set({ other: value }));
  const table = makeTable({
    id: "pairs", caption: "Side by side", key: (row) => row.key,
    columns: [
      { label: "", cell: (row) => row.label },
      { label: "model shown", numeric: true, cell: (row) => row.a },
      { label: "other", numeric: true, cell: (row) => row.b },
    ],
  });
  const counts = h("p", { "data-metric": "pair" });
  const parted = makeTable({
    id: "parted", caption: "Rows where they part", columns: rowColumns(ctx), key: (row) => row.id,
    onPick: (row) => state.set({ row }), empty: "None is here.",
  });
  const charts = h("div", { class: "cw-charts" });
  view.append(field("Compare with", other), table.element, charts, counts, parted.element);
  const chart = curveChart(charts);

  const fill = () => {
    const now = state.get();
    const [a, b] = [now.model, now.other].map((model) => measured(ctx, now, model));
    if (a && b) table.fill(SHOWN.map(([key, label, text]) => ({ key, label, a: text(a, ctx), b: text(b, ctx) })));
    else table.fill([]);
    table.caption(`${now.model} beside ${now.other}`);
    chart.show({ at: [a, b].filter(Boolean).map(point) });
  };
  fill();
  state.on(["model", "other", "from", "to", "slice", "judge", "costs", "edges", "finer"], whenSeen(view, fill));
  state.on(["model", "other", "from", "to", "slice", "judge", "finer"], (now) => {
    const models = now.model === now.other ? [now.model] : [now.model, now.other];
    chart.show({ curves: models.flatMap((model, index) => curve(ctx, now, model, index)) });
    const pair = payload.pairs.find((one) => [one.a, one.b].includes(now.model) && [one.a, one.b].includes(now.other) && now.model !== now.other);
    counts.textContent = pair
      ? `At their operating thresholds, all days: n ${whole(pair.n)}, both flag ${whole(pair.both)}, `
        + `only ${pair.a} ${whole(pair.only_a)}, only ${pair.b} ${whole(pair.only_b)}`
      : "This pair was not compared row by row.";
    parted.fill((pair?.rows ?? []).filter((row) => isInside(payload, now, row)));
  });
  return chart.ready();
}

function measured({ payload, lens }, now, model) {
  const cube = lens.overall(now, model);
  if (!cube) return null;
  const edge = exactEdge(cube, edgeOf(now, model));
  const c = confusion(cube, edge);
  return { model, score: payload.edges[model][edge], c, m: measures(c), net: netSaved(c, now.costs),
    which: model === now.model ? "model shown" : "other" };
}

function point({ m, which }) {
  return { which, precision: m.precision?.value ?? null, recall: m.recall?.value ?? null };
}

function curve({ lens }, now, model, index) {
  const cube = lens.overall(now, model);
  if (!cube) return [];
  const which = index ? "other" : "model shown";
  return cube.exact.map((edge) => {
    const m = measures(confusion(cube, edge));
    return { which, edge, precision: m.precision?.value ?? null, recall: m.recall?.value ?? null };
  }).filter((one) => one.precision !== null && one.recall !== null);
}

function curveChart(holder) {
  const axis = { format: "%" };
  const x = { field: "recall", type: "quantitative", axis, scale: { domain: [0, 1] } };
  const y = { field: "precision", type: "quantitative", axis, scale: { domain: [0, 1] } };
  const color = { field: "which", type: "nominal", scale: { domain: ["model shown", "other"], range: [COLOURS.passed, COLOURS.flagged] } };
  return makeChart(holder, "Precision by recall for both models; dots are their thresholds.", {
    layer: [
      { data: { name: "curves" }, mark: "line",
        encoding: { x, y, color, order: { field: "edge" }, strokeDash: { field: "which", type: "nominal", legend: null } } },
      { data: { name: "at" }, mark: { type: "point", filled: true, size: 90, opacity: 1 }, encoding: { x, y, color } },
    ],
  }, { width: 450, height: 240 });
}
