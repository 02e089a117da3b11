// Drill-down: the rows of a slice, each with its reasons beside its raw events, and their export.

import { choice, download, field, h, replace, section } from "./dom.js";
import { money, NOTHING, plain, whereText, whole } from "./format.js";
import { edgeOf } from "./state.js";
import { csv, makeTable } from "./table.js";

const SIDES = [ ["flagged", "flagged"], ["passed", "passed"],
  ["missed", "fraud, passed"], ["false_alarm", "honest, flagged"],
];

/** The columns of a row of evidence for the model shown. */
export function rowColumns({ payload, state }) {
  return [
    { label: "id", cell: (row) => row.id },
    { label: "at", cell: (row) => String(row.at).replace("T", " ").slice(0, 19) },
    { label: "app", cell: (row) => row.app },
    { label: "publisher", cell: (row) => row.publisher },
    { label: "sub-publisher", cell: (row) => row.subpublisher },
    { label: "country", cell: (row) => row.country },
    { label: "click to install", numeric: true, cell: (row) => seconds(row.ctit_seconds) },
    { label: "payout", numeric: true, cell: (row) => payout(row, payload.currency) },
    { label: "score", numeric: true, cell: (row) => plain(row.score?.[state.get().model], 4) },
    { label: "verdict", cell: (row) => row.state },
    ...(payload.has_truth ? [{ label: "truth", cell: (row) => row.attack ?? row.truth }] : []),
  ];
}

/** A payout that no rate converts is shown as it is stated. */
function payout(row, currency) {
  const isStated = row.payout_stated !== null && row.payout_stated !== undefined;
  if (row.payout !== null || !isStated) return money(row.payout, currency);
  return `${money(row.payout_stated, row.payout_currency ?? "of no stated currency")}, not converted`;
}

function seconds(value) {
  return value === null || value === undefined ? NOTHING : `${plain(value, 4)} s`;
}

export function mountRows(root, ctx) {
  const { payload, state, source } = ctx;
  const view = section("rows", "Rows",
    source.isLive ? "Rows of the slice, read from the store when you ask."
      : "Rows of the slice: samples frozen when the report was made.");
  const table = makeTable({
    id: "rows", caption: "Rows", columns: rowColumns(ctx), key: (row) => row.id,
    onPick: (row) => state.set({ row }), empty: "No row of this slice is here.",
  });
  const status = h("p", { role: "status", "data-metric": "rows" });
  const sides = source.isLive ? SIDES : [["any", "any"], ...SIDES];
  let side = sides[0][0];
  let rows = [];
  const pick = choice("side", sides, side, (value) => { side = value; read(); });
  const save = () => download("evidence.csv", csv(rows.map((row) => ({ ...row, currency: payload.currency }))));
  const keep = async () => {
    await answered(status, source.ask({ ask: "export", ...question() }), ({ path, count }) =>
      `${whole(count)} rows with their evidence written to ${path}`);
  };
  view.append(
    h("div", { class: "cw-inline" }, field("Side", pick),
      h("button", { type: "button", "data-control": "read-rows", click: () => read() }, "Open rows"),
      h("button", { type: "button", "data-control": "csv", click: save }, "Save as CSV"),
      source.isLive ? h("button", { type: "button", "data-control": "export", click: keep }, "Export as evidence") : null),
    status, table.element);
  root.append(view);

  function question() {
    const now = state.get();
    return {
      where: now.slice?.where ?? {}, index: now.slice?.index, model: now.model, side,
      threshold: payload.edges[now.model][edgeOf(now)],
      from: payload.days[now.from], to: payload.days[now.to] ?? payload.to,
    };
  }
  async function read() {
    status.textContent = "Reading…";
    await answered(status, source.rows(question()), (found) => {
      rows = found.rows;
      table.fill(rows, (row) => state.get().row?.id === row.id);
      const what = whereText(question().where);
      table.caption(`Rows${what ? ` of ${what}` : ""}`);
      status.setAttribute("data-value", rows.length);
      return `${whole(rows.length)} rows${found.note ? `; ${found.note}` : ""}`;
    });
  }
  root.addEventListener("clickward-slice", () => {
    side = state.get().slice?.kind ?? sides[0][0];
    pick.value = side;
    read().then(() => view.scrollIntoView({ block: "nearest" }));
  });
  if (!source.isLive) state.on(["from", "to", "slice", "model"], () => { read(); });
  if (!source.isLive) state.on(["edges"], () => { if (side !== "any") read(); });
}

/** Say what came, or what went wrong and what to do. */
export async function answered(status, promise, say) {
  try {
    status.textContent = say(await promise);
  } catch (error) {
    status.textContent = error.hint ? `${error.message} (${error.hint})` : error.message;
  }
}

export function mountStory(root, { payload, state, source }) {
  const body = h("div", { "data-story": "" });
  const view = section("story", "Why this row", "The reasons in words, beside the raw events inside its windows.");
  view.append(body);
  root.append(view);
  state.on(["row"], async ({ row }) => {
    if (!row) {
      replace(body, h("p", { class: "cw-empty" }, "Choose a row above."));
      return;
    }
    try {
      tell(body, payload, row.reasons && row.events ? row : await source.story(row));
    } catch (error) {
      replace(body, h("p", { role: "status" }, error.hint ? `${error.message} (${error.hint})` : error.message));
    }
  });
}

function tell(body, payload, row) {
  const reasons = row.reasons ?? [];
  const events = row.events ?? [];
  const table = makeTable({
    id: "events", caption: `Raw events, n ${events.length}`, empty: "No event inside its windows.",
    columns: [
      { label: "at", cell: (event) => String(event.at).replace("T", " ") },
      { label: "kind", cell: (event) => event.kind },
      { label: "what it says", cell: (event) => event.says },
      { label: "how it is tied to the row", cell: (event) => (event.relations ?? []).join(", ") },
    ],
  });
  table.fill(events);
  const scores = Object.entries(row.score ?? {}).map(([version, score]) => `${version} ${plain(score, 4)}`);
  replace(body,
    h("p", {}, h("strong", { "data-metric": "story-id" }, row.id), `, ${row.publisher ?? "no publisher"}, ${scores.join(", ")}`),
    h("div", { class: "cw-sides" },
      h("div", {}, h("h3", {}, "Reasons"),
        reasons.length ? h("ul", { "data-list": "reasons" }, ...reasons.map((one) => h("li", {}, one.text ?? one)))
          : h("p", { class: "cw-empty" }, "No reason was kept with this score.")),
      table.element));
}
