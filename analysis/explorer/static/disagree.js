// View 8: where model and label part most, on both sides, since a label is partly an opinion too.

import { h, section } from "./dom.js";
import { rowColumns } from "./rows.js";
import { makeTable } from "./table.js";

const SIDES = [
  ["missed", "A verdict of fraud, and the lowest scores"],
  ["flagged_without_verdict", "The highest scores, and no verdict"],
];

export function mountDisagreements(root, ctx) {
  const { payload, state } = ctx;
  const view = section("disagreements", "Model against label",
    "The rows where they differ most. Either may be wrong: open a row and judge its events.");
  const tables = SIDES.map(([side, caption]) => [side, caption, makeTable({
    id: side, caption, columns: rowColumns(ctx), key: (row) => row.id,
    onPick: (row) => state.set({ row }), empty: "None.",
  })]);
  view.append(h("div", {}, ...tables.map(([, , table]) => table.element)));
  root.append(view);
  state.on(["model", "from", "to"], (now) => {
    for (const [side, caption, table] of tables) {
      const rows = (payload.disagreements?.[now.model]?.[side] ?? [])
        .filter((row) => isInside(payload, now, row));
      table.caption(`${caption}, n ${rows.length}`);
      table.fill(rows);
    }
  });
}

/** Whether a row lies in the days looked at. */
export function isInside(payload, now, row) {
  const day = String(row.at).slice(0, 10);
  return day >= payload.days[now.from] && day <= payload.days[now.to - 1];
}
