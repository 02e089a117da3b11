// Numbers as an analyst reads them, each with its n; few rows show an interval or nothing.

import { SMALL } from "./metrics.js";

export const NOTHING = "–";

export function whole(value) {
  return value === null || value === undefined ? NOTHING : Math.round(value).toLocaleString("en-US");
}

export function money(value, currency) {
  if (value === null || value === undefined) return NOTHING;
  const text = value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return currency ? `${text} ${currency}` : text;
}

/** A sum of money, and of how many payouts it leaves out since no rate converts them. */
export function moneyText(value, currency, unconverted) {
  const text = money(value, currency);
  return unconverted ? `${text}, ${whole(unconverted)} not converted` : text;
}

export function percent(value) {
  if (value === null || value === undefined) return NOTHING;
  const hundred = 100 * value;
  return `${hundred !== 0 && Math.abs(hundred) < 1 ? hundred.toPrecision(2) : hundred.toFixed(1)} %`;
}

export function plain(value, digits = 4) {
  return value === null || value === undefined ? NOTHING : String(Number(value.toPrecision(digits)));
}

/** "83.3 % (70.1 % to 91.4 %), n 54"; with fewer than 20 rows the interval alone. */
export function rateText(found) {
  if (!found || !found.n) return NOTHING;
  const hasInterval = found.low !== null && found.low !== undefined;
  const interval = hasInterval ? `${percent(found.low)} to ${percent(found.high)}` : null;
  const n = `n ${whole(found.n)}`;
  if (found.n < SMALL) return interval ? `${interval}, ${n}` : `${NOTHING} ${n}`;
  return interval ? `${percent(found.value)} (${interval}), ${n}` : `${percent(found.value)}, ${n}`;
}

/** Adjusted p, never a bare 0. */
export function pText(value) {
  if (value === null || value === undefined) return NOTHING;
  return value < 0.0001 ? "< 0.0001" : value.toPrecision(2);
}

export function whereText(where) {
  return Object.entries(where ?? {})
    .map(([name, value]) => `${name} ${value === null ? "unknown" : value}`)
    .join(" and ");
}
