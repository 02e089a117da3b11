// The days: flagged and passed, and the brush that every other view follows.

import { makeChart, COLOURS } from "./charts.js";
import { countAbove, exactEdge } from "./bins.js";
import { h, section } from "./dom.js";
import { whole } from "./format.js";
import { edgeOf } from "./state.js";

export function mountDays(root, { payload, state, lens }) {
  const view = section("days", "Days", "Drag over days to look at them alone; every view follows.");
  const all = h("button", { type: "button", "data-control": "all-days",
    click: () => state.set({ from: 0, to: payload.days.length }) }, "all days");
  const counted = h("p", { "data-metric": "days" });
  const charts = h("div", { class: "cw-charts" });
  view.append(charts, h("p", {}, all), counted);
  root.append(view);
  let drawn = null;
  let brushed = null;
  let forgetting = false;
  const colour = { field: "what", type: "nominal", scale: { domain: ["flagged", "passed"],
    range: [COLOURS.flagged, COLOURS.passed] } };
  const chart = makeChart(charts, "Rows by day, flagged and passed; days left out are pale.", {
    data: { name: "days" },
    params: [{ name: "brush", select: { type: "interval", encodings: ["x"] } }],
    mark: "bar",
    encoding: {
      x: { field: "day", type: "ordinal", title: null, axis: { labelAngle: -45, labelOverlap: true } },
      y: { field: "n", type: "quantitative", title: "rows" },
      color: colour,
      opacity: { field: "inside", type: "nominal", legend: null,
        sort: [true, false], scale: { domain: [true, false], range: [1, 0.3] } },
    },
  }, { width: 1080, height: 140 }, (view_) => {
    drawn = view_;
    drawn.addSignalListener("brush", (_, { day }) => {
      if (forgetting) return;
      const places = (day ?? []).map((one) => payload.days.indexOf(one));
      brushed = places.length ? { from: Math.min(...places), to: Math.max(...places) + 1 } : null;
      state.set(brushed ?? { from: 0, to: payload.days.length });
    });
  });
  state.on(["from", "to"], ({ from, to }) => {
    if (!brushed || (from === brushed.from && to === brushed.to)) return;
    // Other days than those brushed: the brush would tell of what is not shown.
    brushed = null;
    forgetting = true;
    drawn.signal("brush_x", [0, 0]).run();
    forgetting = false;
  });
  state.on(["model", "edges", "from", "to", "slice", "judge", "finer"], (now) => {
    const cube = lens.byDay(now);
    const rows = cube ? payload.days.flatMap((day, index) => bars(cube, day, index, now)) : [];
    chart.show({ days: rows });
    const cubeNow = lens.overall(now);
    const n = cubeNow ? [0, 1, 2].reduce((sum, kind) => sum + countAbove(cubeNow, 0, kind, 0), 0) : null;
    counted.textContent = `${payload.days[now.from]} to ${payload.days[now.to - 1]}: n ${whole(n)}`;
    if (n === null) counted.removeAttribute("data-value");
    else counted.setAttribute("data-value", n);
  });
  return chart.ready();
}

function bars(cube, day, index, now) {
  const sum = (edge) => [0, 1, 2].reduce((total, kind) => total + countAbove(cube, index, kind, edge), 0);
  const flagged = sum(exactEdge(cube, edgeOf(now)));
  const inside = index >= now.from && index < now.to;
  return [
    { day, what: "flagged", n: flagged, inside },
    { day, what: "passed", n: sum(0) - flagged, inside },
  ];
}
