// Entry of the notebook: the payload is a trait, questions go over the widget's channel.

import { mountExplorer, unpack } from "./explorer.js";
import { liveSource } from "./source.js";

async function render({ model, el }) {
  const view = model.get("payload");
  const bytes = new Uint8Array(view.buffer ?? view, view.byteOffset ?? 0, view.byteLength);
  const payload = await unpack(bytes);
  const root = document.createElement("div");
  el.append(root);
  await mountExplorer(root, payload, liveSource(model));
}

export default { render };
