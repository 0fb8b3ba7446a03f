// Renders an answer's Markdown as DOM nodes. Built from text alone, so hostile text stays text.
import { blocks } from "/static/blocks.js";
import { button, copyText, el } from "/static/dom.js";
import { inline } from "/static/inline.js";

/** Shows a text that grows, touching only the blocks that changed: hovering and selecting survive the stream. */
export class MarkdownView {
  #shown = [];

  constructor(container, cite) {
    this.container = container;
    this.cite = cite;
  }

  update(text) {
    const wanted = blocks(text);
    wanted.forEach((block, index) => {
      const old = this.#shown[index];
      if (old?.raw === block.raw) return;
      const node = render(block, this.cite);
      if (old) old.node.replaceWith(node);
      else this.container.append(node);
      this.#shown[index] = { raw: block.raw, node };
    });
    for (const { node } of this.#shown.splice(wanted.length)) node.remove();
  }

  /** Draw everything again, for when what [n] stands for has become known. */
  redraw(text) {
    for (const { node } of this.#shown.splice(0)) node.remove();
    this.update(text);
  }
}

const RENDERERS = {
  paragraph: (block, cite) => el("p", {}, ...inline(block.text, cite)),
  // The page has its own h1 and the question is an h2: an answer's headings stand below them.
  heading: (block, cite) => el(`h${Math.min(block.level + 2, 6)}`, {}, ...inline(block.text, cite)),
  rule: () => el("hr"),
  quote: (block, cite) => el("blockquote", {}, ...block.blocks.map((inner) => render(inner, cite))),
  list: (block, cite) =>
    el(block.ordered ? "ol" : "ul", { start: block.start > 1 && block.start }, ...block.items.map((item) => listItem(item, cite))),
  table: (block, cite) =>
    el("div", { class: "table", tabindex: 0, role: "region", "aria-label": "Table" },
      el("table", {}, el("thead", {}, row("th", block.head, cite)), el("tbody", {}, ...block.rows.map((cells) => row("td", cells, cite))))),
  code: (block) => codeBlock(block),
};

const render = (block, cite) => RENDERERS[block.type](block, cite);

const row = (tag, cells, cite) => el("tr", {}, ...cells.map((cell) => el(tag, {}, ...inline(cell, cite))));

function listItem(item, cite) {
  // A first paragraph stands on the marker's line without a paragraph's margins.
  const [first, ...rest] = item;
  const head = first?.type === "paragraph" ? inline(first.text, cite) : first ? [render(first, cite)] : [];
  return el("li", {}, ...head, ...rest.map((block) => render(block, cite)));
}

function codeBlock({ language, text }) {
  const copy = button("copy", "Copy code", () => copyText(text, copy));
  return el("figure", { class: "code" },
    el("figcaption", {}, el("span", {}, language || "text"), copy),
    el("pre", { tabindex: 0 }, el("code", {}, text)));
}
