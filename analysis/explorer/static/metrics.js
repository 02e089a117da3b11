// What a threshold does, from counts: rates with their n and interval, and money.

import { FRAUD, HONEST, UNKNOWN, countAbove, spendAbove, unconvertedAbove } from "./bins.js";

const Z = 1.959963984540054;

/** Below this many rows a rate is shown by its interval alone. */
export const SMALL = 20;

/** A rate with its Wilson 95 % interval, or null where there is nothing to divide by. */
export function rate(k, n) {
  if (!n) return null;
  const p = k / n;
  const scale = 1 + (Z * Z) / n;
  const middle = (p + (Z * Z) / (2 * n)) / scale;
  const half = (Z / scale) * Math.sqrt((p * (1 - p)) / n + (Z * Z) / (4 * n * n));
  return { value: p, low: Math.max(0, middle - half), high: Math.min(1, middle + half), n, k };
}

/** Counts of a group at an edge. */
export function confusion(cube, edge, group = 0) {
  const tp = countAbove(cube, group, FRAUD, edge);
  const fp = countAbove(cube, group, HONEST, edge);
  const open = countAbove(cube, group, UNKNOWN, edge);
  const fraud = countAbove(cube, group, FRAUD, 0);
  const honest = countAbove(cube, group, HONEST, 0);
  const n = fraud + honest + countAbove(cube, group, UNKNOWN, 0);
  const unconverted = unconvertedAbove(cube, group, edge);
  const spend = knownSpend(cube, group, edge);
  return { tp, fp, open, fraud, honest, n, flagged: tp + fp + open, spend, unconverted };
}

/** Spend at or above an edge; null where there is some and no rate converts any of it. */
export function knownSpend(cube, group, edge) {
  const spend = spendAbove(cube, group, edge);
  return !spend && unconvertedAbove(cube, group, edge) ? null : spend;
}

/** Precision and recall over rows with a verdict, share flagged over all rows. */
export function measures(c) {
  return {
    precision: rate(c.tp, c.tp + c.fp),
    recall: rate(c.tp, c.fraud),
    fpr: rate(c.fp, c.honest),
    share: rate(c.flagged, c.n),
  };
}

/**
 * Money saved by flagging: a fraud stopped saves its payout, a false positive costs payout and
 * dispute, each flag costs a review. Rows without a verdict are left out. Null without a payout.
 */
export function netSaved(c, costs) {
  if (costs.payout === null) return null;
  const { payout, dispute, review } = costs;
  return c.tp * payout - c.fp * (payout + dispute) - (c.tp + c.fp) * review;
}

/** The curve of net saved over every exact edge; the last point flags nobody. */
export function netCurve(cube, edges, costs) {
  return [...cube.exact, cube.bins].map((edge) => (
    { edge, score: edges[edge], net: netSaved(confusion(cube, edge), costs) }
  ));
}

/** The point of the plotted curve that saves most; of equals the highest threshold. */
export function bestPoint(points) {
  let best = null;
  for (const point of points) {
    if (point.net !== null && (best === null || point.net >= best.net)) best = point;
  }
  return best;
}
