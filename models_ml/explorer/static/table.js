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

/** Rows as CSV: objects and lists as JSON, unknown as nothing. */
export function csv(rows) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [names, ...rows.map((row) => names.map((name) => row[name]))];
  return `${lines.map((line) => line.map(cell).join(",")).join("\n")}\n`;
}
