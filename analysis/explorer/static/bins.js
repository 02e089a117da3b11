// Sparse columns become typed arrays once; a cube of suffix sums then answers every threshold.

export const FRAUD = 0;
export const HONEST = 1;
export const UNKNOWN = 2;
const CLASSES = 3;

/** Columns of the payload as typed arrays; an unknown value is -1. */
export function typedColumns(columns) {
  const ints = (list) => (list ? Int32Array.from(list, (value) => value ?? -1) : null);
  const typed = {};
  for (const [name, list] of Object.entries(columns)) {
    typed[name] = ["count", "spend", "unconverted"].includes(name) ? Float64Array.from(list) : ints(list);
  }
  return typed;
}

/**
 * Counts and spend by group, class and "in this score bin or above".
 *
 * `by` names the column of groups (one group without it), `from` and `to` bound the days (`to`
 * excluded), `value` keeps one segment, `judge` is "state" (verdicts) or "truth". Bins may be joined
 * where there are too many: counts are exact at the edges `begins` alone (every edge without it).
 */
export function makeCube(columns, { bins, begins = null, groups = 1, by = null, from, to, value = null, judge }) {
  const stride = bins + 1;
  const count = new Float64Array(groups * CLASSES * stride);
  const spend = new Float64Array(groups * CLASSES * stride);
  // Rows whose payout no rate converts; the column is there where there are such rows.
  const unconverted = columns.unconverted ? new Float64Array(groups * CLASSES * stride) : null;
  const verdict = (judge === "truth" && columns.truth) || columns.state;
  const group = by ? columns[by] : null;
  const rows = columns.count.length;
  for (let i = 0; i < rows; i += 1) {
    if (columns.day[i] < from || columns.day[i] >= to) continue;
    if (value !== null && columns.value[i] !== value) continue;
    const g = group ? group[i] : 0;
    if (g < 0) continue;
    const c = verdict && verdict[i] >= 0 ? verdict[i] : UNKNOWN;
    const at = (g * CLASSES + c) * stride + columns.bin[i];
    count[at] += columns.count[i];
    if (columns.spend) spend[at] += columns.spend[i];
    if (unconverted) unconverted[at] += columns.unconverted[i];
  }
  for (let start = 0; start < count.length; start += stride) {
    for (let k = bins - 1; k >= 0; k -= 1) {
      count[start + k] += count[start + k + 1];
      spend[start + k] += spend[start + k + 1];
      if (unconverted) unconverted[start + k] += unconverted[start + k + 1];
    }
  }
  const exact = begins ?? Array.from({ length: bins }, (_, k) => k);
  return { bins, groups, stride, count, spend, unconverted, exact };
}

/** The edge nearest to `edge` at which the cube's counts are exact. */
export function exactEdge(cube, edge) {
  let best = cube.exact[0];
  for (const k of cube.exact) if (Math.abs(k - edge) <= Math.abs(best - edge)) best = k;
  return best;
}

/** Rows of a class in a group whose score bin is `edge` or above. */
export function countAbove(cube, group, kind, edge) {
  return cube.count[(group * CLASSES + kind) * cube.stride + edge];
}

/** Spend of a group, all classes, whose score bin is `edge` or above. */
export function spendAbove(cube, group, edge) {
  return sumAbove(cube.spend, cube, group, edge);
}

/** Rows of a group, all classes, at or above `edge` whose payout no rate converts. */
export function unconvertedAbove(cube, group, edge) {
  return cube.unconverted ? sumAbove(cube.unconverted, cube, group, edge) : 0;
}

function sumAbove(values, cube, group, edge) {
  let sum = 0;
  for (let kind = 0; kind < CLASSES; kind += 1) {
    sum += values[(group * CLASSES + kind) * cube.stride + edge];
  }
  return sum;
}

/** The edge whose score is nearest to `score`. */
export function nearestEdge(edges, score) {
  let best = 0;
  for (let k = 1; k < edges.length; k += 1) {
    if (Math.abs(edges[k] - score) < Math.abs(edges[best] - score)) best = k;
  }
  // The last edge closes the last bin: a threshold there would need the rows that equal it.
  return Math.min(best, edges.length - 2);
}
