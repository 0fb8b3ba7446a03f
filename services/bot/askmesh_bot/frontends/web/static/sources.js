// The list of sources under an answer.
import { breakable, el, icon } from "/static/dom.js";
import { safeUrl, whereabouts } from "/static/links.js";

let lists = 0;

/** A titled list of passages. `open` false folds it behind its title. */
export function sourceList(title, passages, { open = true } = {}) {
  lists += 1;
  const items = el("ol", { class: "sources-list" }, ...passages.map(sourceItem));
  if (open) return el("section", { class: "sources", "aria-label": title }, el("h3", {}, title), items);
  return el("details", { class: "sources" }, el("summary", {}, icon("chevron"), title), items);
}

function sourceItem(passage) {
  const url = safeUrl(passage.url);
  const id = `passage-${lists}-${passage.number}`;
  const name = passage.header || passage.title;
  const text = el("p", { class: "passage", id, hidden: true, "data-kind": passage.kind }, passage.text);
  const toggle = el("button",
    { class: "tool fold", type: "button", "aria-expanded": "false", "aria-controls": id, "aria-label": `Passage ${passage.number}`, title: "Show the passage",
      onclick: () => {
        text.hidden = !text.hidden;
        toggle.setAttribute("aria-expanded", String(!text.hidden));
      } },
    icon("chevron"));
  const heading = url
    ? el("a", { class: "source-name", href: url, target: "_blank", rel: "noopener noreferrer" }, breakable(name, icon("open")))
    : el("span", { class: "source-name" }, breakable(name));
  return el("li", { class: "source" },
    el("span", { class: "source-number", "aria-hidden": "true" }, String(passage.number)),
    el("div", { class: "source-body" }, heading, el("span", { class: "source-where" }, whereabouts(passage)), text),
    toggle);
}
