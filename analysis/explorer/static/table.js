// Tables with captions; a row that can be chosen has a button, so that the keyboard reaches it.

import { h, replace } from "./dom.js";
import { NOTHING } from "./format.js";

/**
 * A table that is filled again at will. Columns: {label, cell(row) -> text or node, numeric}.
 * `onPick(row, index)` makes the first cell a button; `key(row)` marks the row for programs.
 */
export function makeTable({ id, caption, columns, onPick, key, empty = "Nothing to show." }) {
  const heads = columns.map((column) =>
    h("th", { scope: "col", class: column.numeric ? "cw-number" : false }, column.label),
  );
  const title = h("caption", {}, caption);
  const body = h("tbody");
  const element = h("div", { class: "cw-scroll" },
    h("table", { "data-table": id }, title, h("thead", {}, h("tr", {}, ...heads)), body));

  function makeRow(row, index, isChosen) {
    const cells = columns.map((column, at) => {
      const content = column.cell(row, index) ?? NOTHING;
      const picks = onPick && at === 0;
      const click = () => onPick(row, index);
      const inside = picks ? h("button", { type: "button", class: "cw-row", click }, content) : content;
      return h("td", { class: column.numeric ? "cw-number" : false }, inside);
    });
    return h("tr", {
      "data-key": key ? key(row, index) : index,
      "aria-selected": isChosen ? "true" : false,
    }, ...cells);
  }

  return {
    element,
    caption: (text) => { title.textContent = text; },
    fill(rows, isChosen = () => false) {
      if (!rows.length) {
        replace(body, h("tr", {}, h("td", { colspan: columns.length, class: "cw-empty" }, empty)));
        return;
      }
      replace(body, ...rows.map((row, index) => makeRow(row, index, isChosen(row, index))));
    },
  };
}

// As `analysis/spreadsheets.py` has it: what a spreadsheet would run as a formula, also in full width
// or after spaces, quotes and what is not seen.
const SKIPPED = "[\\s\\x00-\\x20\\x7f\\u00a0\\u00ad\\u200b-\\u200f\\u2028-\\u202f\\u2060\\u3000\\ufeff\"'`\\u2018\\u2019\\u201c\\u201d\\uff02\\uff07]*";
const FORMULA = new RegExp(`^(?:[\\t\\r\\n]|${SKIPPED}[=+\\-@\\uff1d\\uff0b\\uff0d\\uff20\\u2212\\ufe62\\ufe63\\ufe66\\ufe6b])`);

/** A text that a spreadsheet takes for a formula with an apostrophe before it; numbers as they are. */
export function asText(value) {
  return typeof value === "string" && FORMULA.test(value) ? `'${value}` : value;
}

/** Rows as CSV for spreadsheets: objects and lists as JSON, unknown as nothing. */
export function csv(rows) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    const text = typeof value === "object" ? JSON.stringify(value) : String(asText(value));
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [names, ...rows.map((row) => names.map((name) => row[name]))];
  return `${lines.map((line) => line.map(cell).join(",")).join("\n")}\n`;
}
