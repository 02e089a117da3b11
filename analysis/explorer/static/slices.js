// View 4: the segments where the model errs most; choosing one slices every view and opens its rows.

import { choice, field, h, section } from "./dom.js";
import { percent, plain, pText, rateText, whereText, whole } from "./format.js";
import { makeTable } from "./table.js";

const KINDS = { missed: "fraud missed", false_alarm: "honest flagged" };

export function mountSlices(root, ctx) {
  const { payload, state } = ctx;
  const view = section("slices", "Where the model errs",
    "Segments and pairs of them whose error rate is above the overall one at the operating threshold; p is corrected for "
    + "how many were looked at. Choose one: every view follows, and its rows open below.");
  const table = makeTable({
    id: "slices",
    caption: "Segments where the model errs",
    empty: "No segment errs more than the others do.",
    key: (row) => row.index,
    onPick: pick,
    columns: [
      { label: "segment", cell: (row) => whereText(row.where) },
      { label: "error", cell: (row) => KINDS[row.kind] ?? row.kind },
      { label: "n", numeric: true, cell: (row) => whole(row.n) },
      { label: "errors", numeric: true, cell: (row) => whole(row.errors) },
      { label: "rate", numeric: true, cell: (row) => rateText({ value: row.rate, low: row.low, high: row.high, n: row.n }) },
      { label: "overall", numeric: true, cell: (row) => percent(row.overall) },
      { label: "effect", numeric: true, cell: (row) => plain(row.effect, 3) },
      { label: "p", numeric: true, cell: (row) => pText(row.p_value) },
      { label: "adjusted p", numeric: true, cell: (row) => pText(row.p_adjusted) },
    ],
  });
  view.append(sliceByHand(ctx), table.element);
  root.append(view);

  function pick(row) {
    state.set({ slice: { where: row.where, index: row.index, kind: row.kind }, row: null });
    view.dispatchEvent(new CustomEvent("clickward-slice", { bubbles: true }));
  }
  state.on(["model", "slice"], (now) => {
    const rows = payload.slices.map((row, index) => ({ ...row, index })).filter((row) => row.model === now.model);
    const sure = rows.filter((row) => row.p_adjusted !== null && row.p_adjusted < 0.05).length;
    table.caption(`Segments where the model errs: ${sure} of the ${rows.length} listed are significant (adjusted p below 0.05)`);
    table.fill(rows, (row) => now.slice?.index === row.index);
  });
}

/** Any value of any dimension, without the finder. */
function sliceByHand({ payload, state }) {
  const byName = Object.fromEntries(payload.dimensions.map((one) => [one.name, one]));
  const holder = h("span");
  let picked = null;
  const fill = (name) => {
    const { values } = byName[name];
    const pairs = values.map((value, place) => [place, value ?? "unknown"]);
    const value = choice("slice-value", [["", "(any)"], ...pairs], "", (place) => {
      picked = place === "" ? null : { where: { [name]: values[place] } };
      state.set({ slice: picked, row: null });
    });
    holder.replaceChildren(field("is", value));
  };
  state.on(["slice"], ({ slice }) => {
    if (picked && slice !== picked) holder.querySelector("select").value = "";
  });
  const names = payload.dimensions.filter((one) => one.values.length > 1).map((one) => [one.name, one.label ?? one.name]);
  fill(names[0][0]);
  return h("div", { class: "cw-inline" }, field("Slice by", choice("slice-dimension", names, names[0][0], fill)), holder);
}
