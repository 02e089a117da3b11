// One state for every view: who changes it tells nobody, who shows it listens.

/**
 * State: model, edges ({version: index}), from, to (day indices, `to` excluded), slice
 * ({where, index, kind} or null), judge ("state" or "truth"), costs, row, other (second model).
 */
export function createState(initial) {
  let value = initial;
  const listeners = [];
  return {
    get: () => value,
    set(patch) {
      const keys = Object.keys(patch).filter((key) => patch[key] !== value[key]);
      if (!keys.length) return;
      value = { ...value, ...patch };
      for (const [wanted, listener] of listeners) {
        if (keys.some((key) => wanted.includes(key))) listener(value);
      }
    },
    /** Run `listener` now, and whenever one of `keys` changes. */
    on(keys, listener) {
      listeners.push([keys, listener]);
      listener(value);
    },
  };
}

/** The edge of the model shown. */
export function edgeOf(state, model = state.model) {
  return state.edges[model];
}

/** Where a model begins to flag: the operating threshold, else the highest tenth. */
export function initialEdges(payload, nearest) {
  const found = {};
  for (const { version, operating } of payload.models) {
    const edges = payload.edges[version];
    const tenth = Math.floor((edges.length - 1) * 0.9);
    found[version] = operating ? nearest(edges, operating.value) : tenth;
  }
  return found;
}

/** Costs start as they are shown, so that what is shown is what is counted with. */
export function rounded(value) {
  return value === null ? null : Number(value.toFixed(4));
}

/** What the page shows first. */
export function initialState(payload, nearest) {
  const champion = payload.models.find((model) => model.role === "champion") ?? payload.models[0];
  const other = payload.models.find((model) => model !== champion) ?? champion;
  return {
    model: champion.version,
    other: other.version,
    edges: initialEdges(payload, nearest),
    from: 0,
    to: payload.days.length,
    slice: null,
    judge: "state",
    costs: Object.fromEntries(Object.entries(payload.costs).map(([name, value]) => [name, rounded(value)])),
    row: null,
    finer: 0,
  };
}
