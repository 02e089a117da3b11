// The bar above all views: model, judge, threshold, days, slice.

import { nearestEdge } from "./bins.js";
import { choice, field, h, replace } from "./dom.js";
import { plain, whereText } from "./format.js";
import { edgeOf } from "./state.js";

const JUDGES = [["state", "verdicts known"], ["truth", "hidden truth (simulated)"]];

export function mountBar(root, { payload, state }) {
  const models = payload.models.map((one) => [one.version, labelOf(one)]);
  const slider = h("input", {
    type: "range", min: 0, step: 1, class: "cw-slider", "data-control": "threshold",
    "aria-label": "Threshold",
    input: (event) => moveTo(state, Number(event.target.value)),
  });
  const output = h("output", { "data-metric": "threshold" });
  const named = h("span", { class: "cw-buttons" });
  const chip = h("span", { class: "cw-chip", "data-metric": "slice" });
  const modelChoice = choice("model", models, state.get().model, (model) => state.set({ model }));
  const judge = choice("judge", JUDGES, "state", (value) => state.set({ judge: value }));

  const ends = payload.days.map((day, index) => [index, day]);
  const first = choice("from", ends, 0, (value) => {
    const from = Number(value);
    state.set({ from, to: Math.max(state.get().to, from + 1) });
  });
  const last = choice("to", ends, payload.days.length - 1, (value) => {
    const to = Number(value) + 1;
    state.set({ to, from: Math.min(state.get().from, to - 1) });
  });

  root.append(
    h("div", { class: "cw-bar", role: "group", "aria-label": "What is looked at" },
      field("Model", modelChoice),
      payload.has_truth ? field("Judged by", judge) : null,
      h("label", { class: "cw-field cw-wide" }, h("span", {}, "Threshold ", output), slider),
      named,
      field("From", first),
      field("To (included)", last),
      chip),
  );

  state.on(["model", "edges"], (now) => {
    const edges = payload.edges[now.model];
    slider.max = edges.length - 2;
    slider.value = edgeOf(now);
    output.textContent = plain(edges[edgeOf(now)], 6);
    output.setAttribute("data-value", edges[edgeOf(now)]);
    slider.setAttribute("aria-valuetext", `flag a score of ${output.textContent} and above`);
  });
  state.on(["model"], (now) => {
    const model = payload.models.find((one) => one.version === now.model);
    replace(named, ...(model.thresholds ?? []).map((one) => thresholdButton(payload, state, one)));
    modelChoice.value = now.model;
  });
  state.on(["from", "to"], (now) => {
    first.value = now.from;
    last.value = now.to - 1;
  });
  state.on(["slice"], (now) => {
    const clear = () => state.set({ slice: null, row: null });
    replace(chip, ...(now.slice
      ? [`Slice: ${whereText(now.slice.where)} `,
        h("button", { type: "button", "data-control": "clear-slice", click: clear }, "show all")]
      : ["All rows"]));
  });
}

/** Set the edge of the model shown. */
export function moveTo(state, edge) {
  const { edges, model } = state.get();
  if (edges[model] !== edge) state.set({ edges: { ...edges, [model]: edge } });
}

function thresholdButton(payload, state, { name, value }) {
  const click = () => moveTo(state, nearestEdge(payload.edges[state.get().model], value));
  return h("button", { type: "button", "data-threshold": name, click }, name);
}

function labelOf({ version, role, n }) {
  return `${version}${role ? ` (${role})` : ""}, n ${n.toLocaleString("en-US")}`;
}
