// Builds DOM nodes. Nothing here or elsewhere parses HTML: every string becomes text.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `on…` properties are listeners; null, undefined and false are left out. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An icon of the sheet, hidden from assistive technology: its button carries the name. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** A button with an icon; with `label` it shows the text too, else the text is its accessible name. */
export function button(iconName, text, onclick, { label = false, ...properties } = {}) {
  const named = label ? {} : { "aria-label": text, title: text };
  return el("button", { type: "button", class: "tool", onclick, ...named, ...properties }, icon(iconName), label ? text : null);
}

/** A long technical name, with places where a line may break that read better than the middle of a word. `tail` stays with its end. */
export function breakable(name, tail = null) {
  const parts = name.split(/(?<=[./( ])(?=[^\s./(])/);
  const last = el("span", { class: tail && parts.at(-1).length < 24 ? "together" : null }, parts.pop(), tail);
  return el("span", {}, ...parts.flatMap((part) => [part, el("wbr")]), last);
}

/** Say something to screen readers without moving focus. */
export function announce(text) {
  document.getElementById("live").textContent = text;
}

/** Put text on the clipboard and show on the button that it worked, or that it did not. */
export async function copyText(text, control) {
  const before = [...control.childNodes];
  let done = "Copied";
  try {
    await navigator.clipboard.writeText(text);
    control.replaceChildren(icon("check"), before.length > 1 ? done : "");
  } catch {
    done = "The browser did not allow copying";
    control.replaceChildren(icon("alert"), before.length > 1 ? "Not allowed" : "");
  }
  announce(done);
  setTimeout(() => control.replaceChildren(...before), 1600);
}
