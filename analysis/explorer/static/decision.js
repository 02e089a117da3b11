// A view becomes a decision: save the threshold, or show the command that does.

import { field, h } from "./dom.js";
import { edgeOf } from "./state.js";

export function mountDecision(view, { payload, state, source }) {
  const name = h("input", { type: "text", value: "explored", "data-control": "save-name", required: true, pattern: "[A-Za-z0-9_.\\-]+" });
  const why = h("input", { type: "text", "data-control": "save-why", required: true, placeholder: "what you saw" });
  const command = h("code", { "data-metric": "command", tabindex: 0 });
  const answer = h("p", { role: "status", "data-metric": "saved" });
  const value = () => payload.edges[state.get().model][edgeOf(state.get())];

  function showCommand() {
    const words = ["clickward thresholds set", state.get().model, quote(name.value || "NAME"), value(),
      "--reason", quote(why.value || "WHY")];
    command.textContent = words.join(" ");
  }

  async function save(event) {
    event.preventDefault();
    const asked = { ask: "save_threshold", model: state.get().model, value: value(), name: name.value, why: why.value };
    try {
      const { saved } = await source.ask(asked);
      answer.textContent = `Saved: ${saved.name} of ${saved.model} at ${saved.value}, by ${saved.by}.`;
    } catch (error) {
      answer.textContent = error.hint ? `${error.message} (${error.hint})` : error.message;
    }
  }

  const button = source.isLive
    ? h("button", { type: "submit", "data-control": "save" }, "Save this threshold") : null;
  view.append(
    h("form", { class: "cw-decision", submit: save, "aria-label": "Save the threshold" },
      h("h3", {}, "Make it a decision"),
      field("Name", name), field("Why", why), button,
      h("p", {}, source.isLive ? "The same on the command line: " : "On the command line: ", command),
      answer),
  );
  for (const input of [name, why]) input.addEventListener("input", showCommand);
  state.on(["model", "edges"], showCommand);
}

/** A word that a shell reads as one. */
function quote(text) {
  return /^[\w.@%+=:,/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
