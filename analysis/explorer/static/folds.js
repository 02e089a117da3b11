// View 2: how each model held over time, by verdicts known then and verdicts matured.

import { makeChart, COLOURS } from "./charts.js";
import { choice, field, h, section } from "./dom.js";
import { rateText, whole } from "./format.js";
import { makeTable } from "./table.js";

const PALETTE = [COLOURS.passed, COLOURS.flagged, COLOURS.baseline, COLOURS.third, COLOURS.quiet];

export function mountFolds(root, { payload }) {
  const view = section("folds", "Folds over time",
    "The latest validation: each fold trains on the past, waits for verdicts, and tests on what came next. "
    + "Provisional verdicts (known) are what you would have seen on the day.");
  root.append(view);
  if (!payload.folds.length) {
    view.append(h("p", { class: "cw-empty" }, "No validation is recorded: clickward validate makes one."));
    return null;
  }
  const metrics = [...new Set(payload.folds.map((one) => one.metric))];
  const models = [...new Set(payload.folds.map((one) => one.model))];
  const charts = h("div", { class: "cw-charts" });
  const table = makeTable({
    id: "folds", caption: "Folds",
    columns: [
      { label: "model", cell: (row) => [row.model, row.variant].filter((one) => one && one !== "as_is").join(" ") },
      { label: "test from", cell: (row) => dayOf(row.test_from) },
      { label: "verdicts", cell: (row) => row.segment },
      { label: "value", numeric: true, cell: foldText },
    ],
  });
  let metric = metrics[0];
  const pick = choice("metric", metrics.map((name) => [name, name.replaceAll("_", " ")]), metric,
    (value) => { metric = value; show(); });
  view.append(field("Measure", pick), charts, h("details", {}, h("summary", {}, "As a table"), table.element));
  const x = { field: "day", type: "temporal", title: "test from" };
  const colour = { field: "model", type: "nominal", scale: { domain: models, range: PALETTE } };
  const y = { field: "value", type: "quantitative", title: "value", scale: { zero: false } };
  const chart = makeChart(charts, "Value by fold with its interval; dotted lines are days an attack began.", {
    layer: [
      { data: { name: "attacks" }, mark: { type: "rule", strokeDash: [2, 3], color: COLOURS.quiet }, encoding: { x } },
      { data: { name: "attacks" }, mark: { type: "text", align: "left", dx: 3, angle: 270, baseline: "top" },
        encoding: { x, y: { value: HEIGHT_OF_NAMES }, text: { field: "attack" } } },
      { data: { name: "folds" }, mark: { type: "rule" },
        encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color: colour } },
      { data: { name: "folds" }, mark: { type: "line", point: true },
        encoding: { x, y, color: colour, detail: { field: "variant" }, strokeDash: { field: "segment", type: "nominal" } } },
    ],
  }, { width: 1080, height: 260 });

  function show() {
    const rows = payload.folds.filter((one) => one.metric === metric && one.value !== null)
      .map((one) => ({ ...one, day: dayOf(one.test_from) }));
    const firsts = rows.map((row) => row.day).sort();
    const began = payload.attacks.filter((one) => one.began)
      .map((one) => ({ ...one, day: dayOf(one.began) }))
      .filter((one) => one.day >= firsts[0]);
    chart.show({ folds: rows, attacks: began });
    table.caption(`Folds, ${metric.replaceAll("_", " ")}`);
    table.fill(rows);
  }
  show();
  return chart.ready();
}

const HEIGHT_OF_NAMES = 250;

function dayOf(text) {
  return String(text).slice(0, 10);
}

function foldText(row) {
  const isShare = row.value >= 0 && row.value <= 1;
  if (isShare) return rateText(row);
  return `${row.value.toPrecision(4)}, n ${whole(row.n)}${row.low === null ? "" : ` (${row.low.toPrecision(3)} to ${row.high.toPrecision(3)})`}`;
}

