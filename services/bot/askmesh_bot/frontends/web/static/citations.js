// Citation marks in an answer, and the card that shows the cited passage on hover, focus or touch.
import { breakable, el, icon } from "/static/dom.js";
import { safeUrl, whereabouts } from "/static/links.js";

const SHOW_AFTER_MS = 120;
const HIDE_AFTER_MS = 220;

/** A mark for a passage: a link that opens the cited place, or a plain button where the address is not a web one. */
export function citationMark(passage, card) {
  const url = safeUrl(passage.url);
  const name = `Source ${passage.number}: ${passage.header || passage.title}`;
  const mark = url
    ? el("a", { class: "cite", href: url, target: "_blank", rel: "noopener noreferrer", "aria-label": `${name}, opens in a new tab` })
    : el("button", { class: "cite", type: "button", "aria-label": name });
  mark.append(String(passage.number));
  card.attach(mark, passage);
  return mark;
}

/** One card for the whole page. The mouse and the keyboard preview with it; a finger reads it before it follows the link. */
export class PassageCard {
  #node = el("aside", { class: "card", id: "passage-card", hidden: true, "aria-label": "Cited passage" });
  #mark = null;
  #timer = 0;
  #touched = false;

  constructor() {
    document.body.append(this.#node);
    this.#node.addEventListener("pointerenter", () => clearTimeout(this.#timer));
    this.#node.addEventListener("pointerleave", () => this.#hideSoon());
    document.addEventListener("pointerdown", (event) => this.#outside(event.target) && this.hide());
    window.addEventListener("resize", () => this.#mark && this.#place());
    window.addEventListener("scroll", () => this.#mark && this.#place(), { passive: true });
  }

  get open() {
    return !this.#node.hidden;
  }

  attach(mark, passage) {
    mark.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && this.#showSoon(mark, passage));
    mark.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.#hideSoon());
    mark.addEventListener("pointerdown", (event) => (this.#touched = event.pointerType !== "mouse"));
    mark.addEventListener("focus", () => this.#touched || this.show(mark, passage));
    mark.addEventListener("blur", () => this.#hideSoon());
    mark.addEventListener("click", (event) => {
      if (!this.#touched && mark.href) return;
      event.preventDefault();
      this.#touched = false;
      if (this.open && this.#mark === mark) this.hide();
      else this.show(mark, passage);
    });
  }

  show(mark, passage) {
    clearTimeout(this.#timer);
    this.#unmark();
    this.#mark = mark;
    mark.setAttribute("aria-describedby", this.#node.id);
    this.#node.replaceChildren(...contents(passage));
    this.#node.hidden = false;
    this.#place();
  }

  hide() {
    clearTimeout(this.#timer);
    this.#unmark();
    this.#node.hidden = true;
  }

  #unmark() {
    this.#mark?.removeAttribute("aria-describedby");
    this.#mark = null;
  }

  #showSoon(mark, passage) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.show(mark, passage), SHOW_AFTER_MS);
  }

  #hideSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#node.contains(document.activeElement) || this.hide(), HIDE_AFTER_MS);
  }

  #outside(target) {
    return this.open && !this.#node.contains(target) && !this.#mark?.contains(target);
  }

  #place() {
    const gap = 8;
    const mark = this.#mark.getBoundingClientRect();
    if (!this.#mark.isConnected || mark.bottom < 0 || mark.top > innerHeight) {
      this.hide();
      return;
    }
    const { width, height } = this.#node.getBoundingClientRect();
    const left = Math.max(gap, Math.min(mark.left - 24, document.documentElement.clientWidth - width - gap));
    const above = mark.bottom + gap + height > innerHeight && mark.top - gap - height > 0;
    const below = Math.max(gap, Math.min(mark.bottom + gap, innerHeight - height - gap));
    this.#node.style.setProperty("left", `${left}px`);
    this.#node.style.setProperty("top", `${above ? mark.top - gap - height : below}px`);
  }
}

function contents(passage) {
  const url = safeUrl(passage.url);
  return [
    el("p", { class: "card-header" }, breakable(passage.header || passage.title)),
    el("p", { class: "card-where" }, whereabouts(passage)),
    el("p", { class: "card-text", "data-kind": passage.kind }, passage.text),
    url && el("a", { class: "card-open", href: url, target: "_blank", rel: "noopener noreferrer" }, "Open the source", icon("open")),
  ].filter(Boolean);
}
