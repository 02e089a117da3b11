// View 6: recall on attacks that training never saw, by model.

import { h, section, replace } from "./dom.js";
import { NOTHING, percent, whole } from "./format.js";
import { SMALL } from "./metrics.js";

export function mountUnseen(root, { payload }) {
  const view = section("unseen", "Attacks that training had not seen",
    "Recall, with its 95 % interval, on an attack left out of training; marked \"new\" where nothing was left out "
    + "and it began only after the training data. Darker is more recall; below 20 rows the interval alone.");
  root.append(view);
  if (!payload.unseen.length) {
    view.append(h("p", { class: "cw-empty" },
      "None is recorded: clickward validate --leave-one-attack-out measures it."));
    return;
  }
  const models = [...new Set(payload.unseen.map((one) => one.model))];
  const attacks = [...new Set(payload.unseen.map((one) => one.attack))].sort();
  const heldOutFirst = [...payload.unseen].sort((a, b) => isHeldOut(b) - isHeldOut(a));
  const find = (attack, model) => heldOutFirst.find((one) => one.attack === attack && one.model === model);
  const head = h("tr", {}, h("th", { scope: "col" }, "attack"), ...models.map((name) => h("th", { scope: "col" }, name)));
  const body = h("tbody");
  replace(body, ...attacks.map((attack) => h("tr", { "data-key": attack },
    h("th", { scope: "row" }, attack.replaceAll("_", " ")),
    ...models.map((model) => cell(find(attack, model), attack, model)))));
  view.append(h("div", { class: "cw-scroll" },
    h("table", { class: "cw-heat", "data-table": "unseen" },
      h("caption", {}, "Recall on attacks that training had not seen, by model"), h("thead", {}, head), body)));
}

function isHeldOut(one) {
  return one.variant.includes("held_out:");
}

function cell(found, attack, model) {
  if (!found || !found.n || found.recall === null) return h("td", { class: "cw-number" }, NOTHING);
  const interval = found.low === null ? "" : `${percent(found.low)} to ${percent(found.high)}`;
  const isSmall = found.n < SMALL;
  const element = h("td", {
    class: "cw-number", "data-attack": attack, "data-model": model,
    "data-value": found.recall, "data-n": found.n, "data-low": found.low, "data-high": found.high,
  }, h("strong", {}, isSmall ? "" : percent(found.recall)), ` ${interval || (isSmall ? NOTHING : "")} n ${whole(found.n)}${isHeldOut(found) ? "" : ", new"}`);
  if (!isSmall) {
    element.style.setProperty("--cw-heat", `${Math.round(60 * found.recall)}%`);
  }
  return element;
}
