// View 3: click-to-install time of flagged, passed and the app's baseline.

import { exactEdge } from "./bins.js";
import { makeChart, COLOURS } from "./charts.js";
import { h, section, choice, field } from "./dom.js";
import { whole } from "./format.js";
import { edgeOf } from "./state.js";

const SERIES = ["flagged", "passed", "baseline"];

export function mountCtit(root, { payload, state }) {
  const view = section("ctit", "Click-to-install time",
    "Seconds from the click to the install. Injected clicks come too soon, flooded ones too late. "
    + "The baseline is the app's own.");
  root.append(view);
  if (!payload.ctit) {
    view.append(h("p", { class: "cw-empty" }, "Only installs have a click-to-install time."));
    return null;
  }
  const apps = payload.dimensions.find((one) => one.name === "app").values;
  let app = "";
  const pick = choice("ctit-app", [["", "all apps"], ...apps.map((name, index) => [index, name ?? "unknown"])], "",
    (value) => { app = value; reduceAndShow(state.get()); });
  const counts = h("p", { "data-metric": "ctit-n" });
  const charts = h("div", { class: "cw-charts" });
  view.append(field("App", pick), charts, counts);
  const chart = makeChart(charts, "Share of installs by click-to-install time, log axis.", {
    data: { name: "ctit" },
    mark: { type: "line", interpolate: "step-after" },
    encoding: {
      x: { field: "seconds", type: "quantitative", title: "click-to-install time (seconds, log)",
        scale: { type: "log" }, axis: { format: "~s" } },
      y: { field: "share", type: "quantitative", title: "share of its rows", axis: { format: "%" } },
      color: { field: "what", type: "nominal", scale: { domain: SERIES,
        range: [COLOURS.flagged, COLOURS.passed, COLOURS.baseline] } },
      strokeDash: { field: "what", type: "nominal", legend: null, sort: SERIES },
    },
  }, { width: 1080, height: 220 });

  let reduced = null;
  function reduceAndShow(now) {
    reduced = reduce(payload, now, app === "" ? wantedApp(now, apps) : Number(app));
    show(now);
  }
  function show(now) {
    const lists = { ...split(reduced, exactEdge(reduced, edgeOf(now))), baseline: reduced.baseline };
    const rows = [];
    const sums = {};
    for (const what of SERIES) {
      sums[what] = lists[what].reduce((total, n) => total + n, 0);
      lists[what].forEach((n, bin) => {
        if (sums[what]) rows.push({ what, seconds: beginOf(payload.ctit.edges, bin), share: n / sums[what], n });
      });
    }
    chart.show({ ctit: rows });
    const without = reduced.untimed ? `; without a time n ${whole(reduced.untimed)}` : "";
    counts.textContent = `${SERIES.map((what) => `${what} n ${whole(sums[what])}`).join(", ")}${without}`;
    for (const what of SERIES) counts.setAttribute(`data-${what}`, sums[what]);
  }
  state.on(["model", "from", "to", "slice"], reduceAndShow);
  state.on(["edges"], show);
  return chart.ready();
}

/** Where a bin begins; bin 0 is all below the first edge, bin b begins at edge b - 1. */
function beginOf(edges, bin) {
  return bin === 0 ? edges[0] ** 2 / edges[1] : edges[bin - 1];
}

/** The app of the slice, since its times are its own. */
function wantedApp(now, apps) {
  const name = now.slice?.where?.app;
  return name === undefined ? null : apps.indexOf(String(name));
}

/** Suffix sums over score bins for each bin of time: `above[time * stride + edge]`. */
function reduce(payload, now, app) {
  const rows = payload.ctit.rows[now.model];
  const stride = payload.edges[now.model].length;
  // Below the first edge, between edges, above the last; what has no time stands apart.
  const times = payload.ctit.edges.length + 1;
  let untimed = 0;
  const above = new Float64Array(times * stride);
  for (let i = 0; i < rows.count.length; i += 1) {
    if (rows.day[i] < now.from || rows.day[i] >= now.to) continue;
    if (app !== null && rows.app[i] !== app) continue;
    if (rows.ctit[i] >= times) {
      untimed += rows.count[i];
      continue;
    }
    above[rows.ctit[i] * stride + rows.score_bin[i]] += rows.count[i];
  }
  for (let time = 0; time < times; time += 1) {
    for (let k = stride - 2; k >= 0; k -= 1) above[time * stride + k] += above[time * stride + k + 1];
  }
  const names = payload.dimensions.find((one) => one.name === "app").values;
  const baseline = new Array(times).fill(0);
  for (const [name, counts] of Object.entries(payload.ctit.baseline)) {
    if (app !== null && (names[app] ?? "") !== name) continue;
    counts.slice(0, times).forEach((n, time) => { baseline[time] += n; });
  }
  const exact = payload.resolution?.[now.model]?.ctit ?? Array.from({ length: stride - 1 }, (_, k) => k);
  return { above, stride, times, baseline, untimed, exact };
}

function split({ above, stride, times }, edge) {
  const flagged = [];
  const passed = [];
  for (let time = 0; time < times; time += 1) {
    const n = above[time * stride + edge];
    flagged.push(n);
    passed.push(above[time * stride] - n);
  }
  return { flagged, passed };
}
