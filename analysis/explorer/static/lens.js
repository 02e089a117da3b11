// What is looked at now, reduced once: cubes are kept until model, days, slice or judge change.

import { makeCube, typedColumns } from "./bins.js";

/** Cubes for a state; `null` where the bins hold no such slice. */
export function createLens(payload) {
  const columns = new Map();
  const finer = new Map();
  const cubes = new Map();
  const binsOf = (model) => payload.edges[model].length - 1;

  const begins = (model, dimension) => payload.resolution?.[model]?.[dimension] ?? null;

  function of(model, dimension) {
    const key = `${model} ${dimension}`;
    if (!columns.has(key)) columns.set(key, typedColumns(payload.bins[model][dimension]));
    return columns.get(key);
  }

  function remembered(kind, parts, make) {
    const key = JSON.stringify(parts);
    const kept = cubes.get(kind);
    if (kept && kept.key === key) return kept.cube;
    const cube = make();
    cubes.set(kind, { key, cube });
    return cube;
  }

  /** Columns and the one value that hold the slice, or null. */
  function place(model, where) {
    const pairs = Object.entries(where ?? {});
    if (pairs.length === 0) {
      const { name } = payload.dimensions[0];
      return { columns: of(model, name), value: null, begins: begins(model, name) };
    }
    if (pairs.length === 1) {
      const [name, wanted] = pairs[0];
      const dimension = payload.dimensions.find((one) => one.name === name);
      const value = dimension ? dimension.values.indexOf(wanted === null ? null : String(wanted)) : -1;
      if (value >= 0) return { columns: of(model, name), value, begins: begins(model, name) };
    }
    const kept = finer.get(finerKey(model, where));
    return kept ? { columns: kept, value: null, begins: null } : null;
  }

  function cube(kind, state, model, where, shape) {
    const found = place(model, where);
    if (!found) return null;
    const { from, to, judge } = state;
    const parts = [model, where, from, to, judge, shape, state.finer];
    return remembered(`${kind} ${model}`, parts, () =>
      makeCube(found.columns, {
        bins: binsOf(model), begins: found.begins, value: found.value, from, to, judge, ...shape,
      }),
    );
  }

  return {
    binsOf,
    overall: (state, model = state.model) => cube("overall", state, model, state.slice?.where, {}),
    everything: (state, model = state.model) => cube("everything", state, model, null, {}),
    byDay: (state) =>
      cube("day", { ...state, from: 0, to: payload.days.length }, state.model, state.slice?.where, {
        by: "day",
        groups: payload.days.length,
      }),
    byPublisher(state, period = state) {
      const dimension = payload.dimensions.find((one) => one.name === "publisher");
      const found = of(state.model, "publisher");
      const { from, to } = period;
      const parts = [state.model, from, to, state.judge];
      return remembered(period === state ? "publisher" : "publisher before", parts, () =>
        makeCube(found, {
          bins: binsOf(state.model), begins: begins(state.model, "publisher"), by: "value", groups: dimension.values.length,
          from, to, judge: state.judge,
        }),
      );
    },
    /** Keep bins of a finer slice that the store was asked for. */
    keepFiner(model, where, found) {
      finer.set(finerKey(model, where), typedColumns(found));
    },
    knows: (state) => place(state.model, state.slice?.where) !== null,
  };
}

function finerKey(model, where) {
  return JSON.stringify([model, Object.entries(where).sort()]);
}
