// Where rows come from: samples frozen in the report, or the store behind a notebook.

import { isInside } from "./disagree.js";

/** Rows of a report: every sample of the payload once, cut to what is asked. */
export function frozenSource(payload) {
  return {
    isLive: false,
    ask: async () => {
      throw new Error("a report cannot write: use the command shown");
    },
    story: async (row) => row,
    async rows(question) {
      const { where, index, model, side, threshold } = question;
      const own = index === undefined ? undefined : payload.rows[String(index)];
      const names = Object.entries(where);
      const range = { from: payload.days.indexOf(question.from), to: lastDay(payload, question.to) };
      const rows = (own ?? everyRow(payload))
        .filter((row) => isInside(payload, range, row))
        .filter((row) => own || names.every(([name, value]) => name in row && String(row[name]) === String(value)))
        .filter((row) => isOnSide(row, side, row.score?.[model], threshold));
      return { rows, note: "a sample, frozen when the report was made" };
    },
  };
}

function lastDay(payload, to) {
  const place = payload.days.indexOf(to);
  return place < 0 ? payload.days.length : place;
}

function everyRow(payload) {
  const lists = [
    ...Object.values(payload.rows),
    ...Object.values(payload.disagreements ?? {}).flatMap((sides) => Object.values(sides)),
    ...payload.pairs.map((pair) => pair.rows),
  ];
  return [...new Map(lists.flat().map((row) => [row.id, row])).values()];
}

function isOnSide(row, side, score, threshold) {
  const isFlagged = score !== null && score !== undefined && score >= threshold;
  if (side === "flagged") return isFlagged;
  if (side === "passed") return !isFlagged;
  if (side === "missed") return row.state === "fraud" && !isFlagged;
  if (side === "false_alarm") return row.state === "honest" && isFlagged;
  return true;
}

/** Questions to Python over the widget's channel, answered by id. */
export function liveSource(model) {
  const waiting = new Map();
  let last = 0;
  model.on("msg:custom", (message) => {
    const pending = waiting.get(message.id);
    if (!pending) return;
    waiting.delete(message.id);
    if (message.error) pending.reject(Object.assign(new Error(message.error), { hint: message.hint }));
    else pending.resolve(message);
  });
  const ask = (question) => new Promise((resolve, reject) => {
    last += 1;
    const id = `${Date.now()}-${last}`;
    waiting.set(id, { resolve, reject });
    model.send({ id, ...question });
  });
  return {
    isLive: true,
    ask,
    rows: (question) => ask({ ask: "rows", ...question }),
    story: async (row) => ({ ...row, ...(await ask({ ask: "story", row: row.id })).story }),
  };
}
