// Elements by name, attributes and children; text is always text, never markup.

/** `h("p", {class: "note"}, "text", child)`; functions become listeners, false leaves out. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(key, value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function replace(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

/** A labelled control. */
export function field(label, control) {
  return h("label", { class: "cw-field" }, h("span", {}, label), control);
}

/** A native list of choices: pairs of value and text. */
export function choice(id, pairs, chosen, onChange) {
  const options = pairs.map(([value, text]) =>
    h("option", { value, selected: String(value) === String(chosen) }, text),
  );
  const change = (event) => onChange(event.target.value);
  return h("select", { "data-control": id, change }, ...options);
}

/** A section of the page with its heading and what it answers. */
export function section(id, title, says) {
  const heading = `cw-h-${id}`;
  return h(
    "section",
    { class: "cw-view", "data-view": id, "aria-labelledby": heading },
    h("h2", { id: heading }, title),
    h("p", { class: "cw-says" }, says),
  );
}

/** A shown number: what people read, and what a program can check. */
export function shown(metric) {
  const value = h("dd", { "data-metric": metric });
  return {
    element: value,
    set(text, data = {}) {
      if (value.textContent !== text) value.textContent = text;
      for (const key of ["value", "low", "high", "n"]) {
        const given = data?.[key];
        if (given === null || given === undefined) value.removeAttribute(`data-${key}`);
        else value.setAttribute(`data-${key}`, given);
      }
    },
  };
}

/** Save text as a file from the page itself. */
export function download(name, text, type = "text/csv") {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
