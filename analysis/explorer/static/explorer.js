// The whole explorer in one element: a state, a lens, and the views that listen.

import { mountBar } from "./bar.js";
import { nearestEdge } from "./bins.js";
import { mountCalibration } from "./calibration.js";
import { mountCtit } from "./ctit.js";
import { mountDays } from "./days.js";
import { mountDisagreements } from "./disagree.js";
import { h } from "./dom.js";
import { mountFolds } from "./folds.js";
import { createLens } from "./lens.js";
import { mountPairs } from "./pairs.js";
import { mountPublishers } from "./publishers.js";
import { mountRows, mountStory } from "./rows.js";
import { mountSlices } from "./slices.js";
import { createState, initialState } from "./state.js";
import { mountThreshold } from "./threshold.js";
import { mountUnseen } from "./unseen.js";

const VIEWS = [
  mountDays, mountThreshold, mountSlices, mountRows, mountStory, mountPublishers, mountCtit, mountFolds,
  mountUnseen, mountCalibration, mountDisagreements, mountPairs,
];

/** Payload from gzip bytes. */
export async function unpack(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

/** Draw everything under `root`; `data-ready` tells when each chart stands. */
export async function mountExplorer(root, payload, source) {
  root.classList.add("cw");
  const head = h("header", {}, h("h1", {}, payload.title), h("p", { class: "cw-says" },
    `${payload.subject}s of ${payload.feature_set}, ${payload.from} to ${payload.to} (end excluded), verdicts as known at ${payload.made_at}`));
  root.append(head);
  if (!payload.models.length) {
    root.append(h("p", {}, "No model scored these days."));
    return null;
  }
  const state = createState(initialState(payload, nearestEdge));
  const ctx = { payload, state, lens: createLens(payload), source };
  mountBar(root, ctx);
  if (source.isLive) askForFinerBins(ctx);
  await Promise.all(VIEWS.map((mount) => mount(root, ctx)));
  root.setAttribute("data-ready", "");
  return ctx;
}

/** A pair of segments is not in the bins: the store has it. */
function askForFinerBins({ payload, state, lens, source }) {
  state.on(["slice", "model"], async (now) => {
    if (lens.knows(now)) return;
    const { where } = now.slice;
    const found = await source.ask({ ask: "bins", where, model: now.model }).catch(() => null);
    if (!found?.bins) return;
    for (const [model, columns] of Object.entries(found.bins)) {
      if (model in payload.bins) lens.keepFiner(model, where, columns);
    }
    state.set({ finer: state.get().finer + 1 });
  });
}
