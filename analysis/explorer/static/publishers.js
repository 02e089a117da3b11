// View 5: publishers by how much of their traffic is flagged, and where they move.

import { countAbove, exactEdge, unconvertedAbove } from "./bins.js";
import { h, section } from "./dom.js";
import { moneyText, NOTHING, percent, rateText, whole } from "./format.js";
import { knownSpend, rate, SMALL } from "./metrics.js";
import { whenSeen } from "./seen.js";
import { edgeOf } from "./state.js";
import { makeTable } from "./table.js";

export function mountPublishers(root, ctx) {
  const { payload, state } = ctx;
  const view = section("publishers", "Publishers by risk",
    "Share flagged at this threshold in these days, ranked by the low end of its interval, so that a few rows "
    + "never lead. The movement compares the equally long period before. Choose one to slice by it.");
  const table = makeTable({
    id: "publishers",
    caption: "Publishers by risk",
    key: (row) => row.publisher,
    onPick: (row) => state.set({ slice: { where: row.where }, row: null }),
    columns: [
      { label: "publisher", cell: (row) => row.publisher },
      { label: "n", numeric: true, cell: (row) => whole(row.n) },
      { label: "flagged", numeric: true, cell: (row) => whole(row.flagged) },
      { label: "share flagged (95 %)", numeric: true, cell: (row) => marked(rateText(row.share), row.share) },
      { label: "", cell: (row) => interval(row.share) },
      { label: "before", numeric: true, cell: (row) => rateText(row.before) },
      { label: "movement", numeric: true, cell: movement },
      { label: "spend flagged", numeric: true, cell: (row) => moneyText(row.spend, payload.currency, row.unconverted) },
    ],
  });
  view.append(table.element);
  root.append(view);
  const fill = () => {
    const now = state.get();
    table.fill(rank(ctx, now), (row) => now.slice?.where?.publisher === row.where.publisher);
  };
  fill();
  state.on(["model", "edges", "from", "to", "judge", "slice"], whenSeen(view, fill));
}

function rank({ payload, lens }, now) {
  const { values } = payload.dimensions.find((one) => one.name === "publisher");
  const cube = lens.byPublisher(now);
  const length = now.to - now.from;
  const before = now.from - length >= 0
    ? lens.byPublisher(now, { from: now.from - length, to: now.from }) : null;
  const edge = exactEdge(cube, edgeOf(now));
  const total = (from, g, k) => [0, 1, 2].reduce((sum, kind) => sum + countAbove(from, g, kind, k), 0);
  const rows = values.map((publisher, g) => {
    const n = total(cube, g, 0);
    const flagged = total(cube, g, edge);
    return {
      publisher: publisher ?? "unknown", where: { publisher }, n, flagged,
      share: rate(flagged, n),
      before: before ? rate(total(before, g, edge), total(before, g, 0)) : earlier(payload, now, publisher),
      spend: knownSpend(cube, g, edge),
      unconverted: unconvertedAbove(cube, g, edge),
    };
  });
  return rows.filter((row) => row.n).sort((a, b) => b.share.low - a.share.low || b.n - a.n);
}

/** Before the payload's first day: known at the operating threshold of the model that acts. */
function earlier(payload, now, publisher) {
  const model = payload.models.find((one) => one.version === now.model);
  const isWhole = now.from === 0 && now.to === payload.days.length;
  const isOperating = model.operating && payload.edges[now.model][edgeOf(now)] === model.operating.value;
  if (!isWhole || !isOperating || model.role !== "champion") return null;
  const rows = payload.publishers.filter((one) => one.publisher === publisher && one.previous_n);
  const n = rows.reduce((sum, one) => sum + one.previous_n, 0);
  return rate(rows.reduce((sum, one) => sum + Math.round(one.previous_share * one.previous_n), 0), n);
}

function movement({ share, before }) {
  if (!before || share.n < SMALL || before.n < SMALL) return NOTHING;
  const moved = share.value - before.value;
  const isSure = share.low > before.high || share.high < before.low;
  return `${moved > 0 ? "▲ +" : moved < 0 ? "▼ −" : ""}${percent(Math.abs(moved))}${isSure ? "" : " (may be chance)"}`;
}

function marked(text, found) {
  return h("span", { "data-value": found.value, "data-low": found.low, "data-high": found.high, "data-n": found.n }, text);
}

/** The interval as a bar from 0 to 100 %. */
function interval({ low, high }) {
  const bar = h("span", { class: "cw-interval", "aria-hidden": "true" }, h("i"));
  bar.firstChild.style.marginInlineStart = `${100 * low}%`;
  bar.firstChild.style.inlineSize = `${Math.max(1, 100 * (high - low))}%`;
  return bar;
}
