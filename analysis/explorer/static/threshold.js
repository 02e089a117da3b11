// View 1: what a threshold saves, what it costs, and whom it touches.

import { countAbove, exactEdge, nearestEdge } from "./bins.js";
import { mountDecision } from "./decision.js";
import { makeChart, COLOURS } from "./charts.js";
import { moveTo } from "./bar.js";
import { field, h, section, shown } from "./dom.js";
import { money, moneyText, NOTHING, plain, rateText, whole } from "./format.js";
import { bestPoint, confusion, measures, netCurve, netSaved } from "./metrics.js";
import { edgeOf } from "./state.js";

const COSTS = [
  ["payout", "Payout of an install"],
  ["dispute", "Cost of a wrong rejection beside the payout"],
  ["review", "Cost of looking at one flagged install"],
];
const METRICS = [
  ["net", "Net saved"], ["best", "Saves most at"], ["best-net", "Net saved there"],
  ["flagged", "Flagged"], ["precision", "Precision"], ["recall", "Recall"],
  ["fpr", "False-positive rate"], ["publishers", "Publishers touched"], ["spend", "Spend flagged"],
];

export function mountThreshold(root, ctx) {
  const view = section("threshold", "Threshold",
    "What flagging from here on saves. Rates and money count rows with a verdict; "
    + "rows whose verdict may still come are flagged but not judged.");
  const numbers = Object.fromEntries(METRICS.map(([name]) => [name, shown(name)]));
  const list = h("dl", { class: "cw-numbers", "aria-live": "polite" },
    ...METRICS.map(([name, label]) => h("div", {}, h("dt", {}, label), numbers[name].element)));
  const toBest = h("button", { type: "button", "data-control": "best", click: () => goToBest(ctx) },
    "go to the optimum");
  const charts = h("div", { class: "cw-charts" });
  const joined = h("p", { class: "cw-note", "data-metric": "joined" });
  const leftOut = [notConverted(ctx.payload)].filter(Boolean);
  view.append(costControls(ctx), ...leftOut, list, joined, h("p", {}, toBest), charts);
  root.append(view);
  showNumbers(ctx, numbers, joined);
  mountDecision(view, ctx);
  return Promise.all([netChart(charts, ctx), rateChart(charts, ctx)].map((chart) => chart.ready()));
}

function costControls({ state }) {
  const controls = COSTS.map(([name, label]) => {
    const set = (event) => {
      const value = event.target.value === "" ? null : Number(event.target.value);
      if (value === null && name !== "payout") return;
      state.set({ costs: { ...state.get().costs, [name]: value } });
      for (const one of both) if (one !== event.target && value !== null) one.value = value;
    };
    const start = state.get().costs[name];
    const top = Math.max(1, Math.ceil(4 * (start ?? 1)));
    const shared = { min: 0, max: top, step: "any", value: start, input: set };
    const range = h("input", { type: "range", "aria-label": `${label}, slider`, ...shared, "data-cost-slider": name });
    const exact = h("input", { type: "number", ...shared, max: false, "data-cost": name });
    const both = [range, exact];
    return h("div", { class: "cw-cost" }, field(label, exact), range);
  });
  return h("div", { class: "cw-costs", role: "group", "aria-label": "Costs" }, ...controls);
}

/** What money leaves out, since no rate converts it; nothing where there is nothing. */
function notConverted({ money: found, currency }) {
  if (!found?.unconverted) return null;
  const stated = found.stated.map((one) =>
    `${money(one.amount, one.currency ?? "of no stated currency")} (n ${whole(one.n)})`);
  return h("p", { class: "cw-note", "data-metric": "unconverted", "data-value": found.unconverted, "data-n": found.priced },
    `${whole(found.unconverted)} of ${whole(found.priced)} payouts are not in ${currency} and no rate converts them: `
    + `${stated.join(", ")}. Sums leave them out, and what is saved counts them at the payout of an install above.`);
}

/** The curve of what is shown, and its best point; null where the bins hold no such slice. */
export function currentCurve({ payload, state, lens }) {
  const now = state.get();
  const cube = lens.overall(now);
  if (!cube) return null;
  const points = netCurve(cube, payload.edges[now.model], now.costs);
  return { points, best: bestPoint(points), cube };
}

function goToBest(ctx) {
  const best = currentCurve(ctx)?.best;
  const last = ctx.payload.edges[ctx.state.get().model].length - 2;
  if (best) moveTo(ctx.state, Math.min(best.edge, last));
}

const WATCHED = ["model", "edges", "from", "to", "slice", "judge", "costs", "finer"];
const WITHOUT_EDGE = WATCHED.filter((key) => key !== "edges");

function showNumbers(ctx, numbers, joined) {
  const { payload, state, lens } = ctx;
  const { currency } = payload;
  let best = null;
  state.on(WITHOUT_EDGE, () => {
    const curve = currentCurve(ctx);
    best = curve?.best ?? null;
    const nobody = best && best.edge === payload.edges[state.get().model].length - 1;
    const text = nobody ? "above every score: flag nobody" : plain(best?.score, 6);
    numbers.best.set(best ? text : NOTHING, { value: best?.score });
    numbers["best-net"].set(money(best?.net, currency), { value: best?.net });
  });
  state.on(WATCHED, (now) => {
    const cube = lens.overall(now);
    if (!cube) {
      for (const [name] of METRICS) numbers[name].set("not in the bins: ask the notebook");
      return;
    }
    const edge = exactEdge(cube, edgeOf(now));
    const c = confusion(cube, edge);
    joined.textContent = edge === edgeOf(now) ? ""
      : `Bins of this slice are joined: counted at ${plain(payload.edges[now.model][edge], 6)}, the nearest threshold they hold.`;
    const { precision, recall, fpr, share } = measures(c);
    const net = netSaved(c, now.costs);
    numbers.net.set(`${money(net, currency)}, n ${whole(c.fraud + c.honest)} with a verdict`,
      { value: net, n: c.fraud + c.honest });
    numbers.flagged.set(`${whole(c.flagged)} of ${whole(c.n)}: ${rateText(share)}`, { value: c.flagged, n: c.n });
    numbers.precision.set(rateText(precision), precision);
    numbers.recall.set(rateText(recall), recall);
    numbers.fpr.set(rateText(fpr), fpr);
    numbers.spend.set(`${moneyText(c.spend, currency, c.unconverted)}, n ${whole(c.flagged)}`, { value: c.spend, n: c.flagged });
    const touched = publishersTouched(ctx, now);
    numbers.publishers.set(touched ? touched.text : "known without a slice only", touched ?? {});
  });
}

/** Publishers with a flagged row; those beyond the largest are one group. */
function publishersTouched({ payload, lens }, now) {
  if (now.slice) return null;
  const cube = lens.byPublisher(now);
  const edge = exactEdge(cube, edgeOf(now));
  const { values } = payload.dimensions.find((one) => one.name === "publisher");
  const has = (g, k) => [0, 1, 2].some((kind) => countAbove(cube, g, kind, k) > 0);
  let touched = 0;
  let n = 0;
  let others = false;
  values.forEach((name, g) => {
    if (name === "other") others = has(g, edge);
    else {
      n += has(g, 0) ? 1 : 0;
      touched += has(g, edge) ? 1 : 0;
    }
  });
  const text = `${touched} of ${n}${others ? ", and some of the smaller ones" : ""}`;
  return { text, value: touched, n };
}

function netChart(holder, ctx) {
  const { payload, state } = ctx;
  const listen = (view, { zoom, left }) => view.addEventListener("click", (event) => {
    const score = view.scale("x").invert(event.offsetX * zoom() - left());
    moveTo(state, nearestEdge(payload.edges[state.get().model], score));
  });
  const x = { field: "score", type: "quantitative", title: "threshold (score)" };
  const y = { field: "net", type: "quantitative", title: "net saved" };
  const chart = makeChart(holder,
    "Net saved by threshold; the dot is the optimum, the dashed line the threshold.", {
      layer: [
        { data: { name: "curve" }, mark: { type: "line", color: COLOURS.passed }, encoding: { x, y } },
        { data: { name: "best" }, mark: { type: "point", filled: true, size: 90, opacity: 1, color: COLOURS.flagged },
          encoding: { x, y } },
      ],
    }, {}, listen);
  state.on(WITHOUT_EDGE, () => {
    const curve = currentCurve(ctx);
    const points = curve?.best ? curve.points : [];
    chart.show({ curve: points, best: curve?.best ? [curve.best] : [] });
  });
  state.on(["edges", "model"], (now) => chart.mark(scoreOf(payload, now)));
  return chart;
}

function rateChart(holder, { payload, state, lens }) {
  const x = { field: "score", type: "quantitative", title: "threshold (score)" };
  const colour = {
    field: "what", type: "nominal",
    scale: { domain: ["precision", "recall", "false-positive rate"],
      range: [COLOURS.flagged, COLOURS.passed, COLOURS.baseline] },
  };
  const y = (name, title) => ({ field: name, type: "quantitative", title, axis: { format: "%" } });
  const chart = makeChart(holder,
    "Precision, recall and false-positive rate by threshold, with 95 % intervals.", {
      layer: [
        { data: { name: "rates" }, mark: { type: "area", opacity: 0.2 },
          encoding: { x, y: y("low", "share"), y2: { field: "high" }, color: colour } },
        { data: { name: "rates" }, mark: "line",
          encoding: { x, y: y("value", "share"), color: colour, strokeDash: { field: "what", type: "nominal", legend: null } } },
      ],
    });
  state.on(WITHOUT_EDGE.filter((key) => key !== "costs"), (now) => {
    const cube = lens.overall(now);
    const rates = [];
    (cube?.exact ?? []).forEach((edge) => {
      const score = payload.edges[now.model][edge];
      const { precision, recall, fpr } = measures(confusion(cube, edge));
      for (const [what, found] of [["precision", precision], ["recall", recall], ["false-positive rate", fpr]]) {
        if (found) rates.push({ score, what, ...found, value: found.n < 20 ? null : found.value });
      }
    });
    chart.show({ rates });
  });
  state.on(["edges", "model"], (now) => chart.mark(scoreOf(payload, now)));
  return chart;
}

/** The score from which the model shown flags. */
export function scoreOf(payload, now) {
  return payload.edges[now.model][edgeOf(now)];
}
