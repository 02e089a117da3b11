// Entry of the report: the payload lies in the page itself.

import { mountExplorer, unpack } from "./explorer.js";
import { frozenSource } from "./source.js";

const text = document.getElementById("payload").textContent.trim();
const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const root = document.getElementById("explorer");
unpack(bytes).then((payload) => mountExplorer(root, payload, frozenSource(payload))).catch((error) => {
  root.textContent = `The report cannot be shown: ${error.message}`;
});
