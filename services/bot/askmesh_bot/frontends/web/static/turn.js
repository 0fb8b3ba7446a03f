// One question and its answer, as it grows and as it stands.
import { MarkdownView } from "/static/markdown.js";
import { citationMark } from "/static/citations.js";
import { announce, button, copyText, el, icon } from "/static/dom.js";
import { asMarkdown } from "/static/export.js";
import { feedback } from "/static/feedback.js";
import { notice } from "/static/notices.js";
import { sourceList } from "/static/sources.js";

export class Turn {
  #passages = new Map();
  #text = "";

  /** `actions.retry()` asks the question again; `actions.changed()` is told when there is something to remember. */
  constructor(question, card, actions) {
    Object.assign(this, { question, actions, record: { question } });
    this.body = el("div", { class: "answer-text" });
    this.progress = el("p", { class: "progress" }, el("span", { class: "pulse", "aria-hidden": "true" }), el("span", {}, "Asking…"));
    this.foot = el("div", { class: "answer-foot" });
    this.answer = el("div", { class: "answer", "aria-busy": "true" }, this.body, this.progress, this.foot);
    this.node = el("article", { class: "turn" }, el("h2", { class: "question" }, el("span", { class: "hidden" }, "You asked: "), question), this.answer);
    this.view = new MarkdownView(this.body, (number) => this.#passages.has(number) ? citationMark(this.#passages.get(number), card) : null);
  }

  get text() {
    return this.#text;
  }

  /** Take one event of the stream. Returns true when it was the last. */
  take({ event, data }) {
    if (event === "status") this.#status(data.detail || data.stage);
    else if (event === "sources") this.#learn(data.passages);
    else if (event === "delta") this.#grow(data.text);
    else if (event === "citation") this.#learn([data]);
    else if (event === "done") this.finish(data);
    else if (event === "error") this.fail(data);
    return event === "done" || event === "error";
  }

  finish(result) {
    this.#learn([...(result.passages ?? []), ...(result.citations ?? [])], false);
    const unanswered = result.outcome === "abstained";
    this.#text = result.answer ?? this.#text;
    this.#end({ result }, result.outcome);
    // An abstention stands in its box alone: nothing below it may be taken for an answer.
    if (unanswered) this.body.replaceChildren();
    const cited = this.#cited(result);
    const others = (result.passages ?? []).filter((passage) => !cited.some(({ number }) => number === passage.number));
    this.foot.replaceChildren(
      ...[cited.length && sourceList("Sources", cited),
        others.length && (unanswered ? sourceList("Nearest sources", others) : sourceList(also(others.length, cited.length), others, { open: false })),
        this.#toolbar(result, cited)].flat().filter(Boolean));
    announce(`${unanswered ? "No answer in the sources" : "Answer"}: ${this.#text}`);
  }

  fail(error) {
    this.#end({ error }, "failed");
    this.foot.replaceChildren(notice("failed", { error, retry: this.actions.retry }));
    announce(`No answer: ${error.detail} ${error.fix ?? ""}`);
  }

  /** Stopped by the reader, or cut off by leaving the page. */
  stop(partial = this.#text) {
    this.#text = partial;
    this.#end({ stopped: partial }, "stopped");
    this.foot.replaceChildren(notice("stopped", { retry: this.actions.retry }));
    announce("Stopped.");
  }

  #status(text) {
    this.progress.lastChild.textContent = text;
    announce(text);
  }

  #grow(text) {
    this.#text += text;
    this.view.update(this.#text);
  }

  #learn(passages = [], redraw = true) {
    const fresh = passages.filter(({ number, id }) => this.#passages.get(number)?.id !== id);
    for (const passage of passages) this.#passages.set(passage.number, passage);
    if (redraw && fresh.length && this.#text) this.view.redraw(this.#text);
  }

  #end(outcome, kind) {
    this.progress.remove();
    this.answer.removeAttribute("aria-busy");
    this.answer.dataset.outcome = kind;
    this.view.redraw(this.#text);
    if (kind === "abstained") this.answer.prepend(notice(kind, { error: { detail: this.#text } }));
    if (kind === "sources_only") this.answer.prepend(notice(kind, { error: { detail: outcome.result.reason } }));
    this.record = { question: this.question, verdict: this.record.verdict, ...outcome };
    this.actions.changed();
  }

  #cited(result) {
    const numbers = new Set((result.citations ?? []).map(({ number }) => number));
    return [...this.#passages.values()].filter(({ number }) => numbers.has(number)).sort((a, b) => a.number - b.number);
  }

  #toolbar(result, cited) {
    const markdown = () => asMarkdown({ question: this.question, answer: this.#text, cited });
    const copy = button("copy", "Copy the answer with its links", () => copyText(markdown(), copy));
    const again = button("retry", "Ask again", () => this.actions.retry());
    const votes = result.answer_id ? feedback(result.answer_id, {
      given: this.record.verdict,
      onverdict: (verdict) => {
        this.record.verdict = verdict;
        this.actions.changed();
      },
    }) : { controls: [], box: "" };
    const about = el("span", { class: "about" }, made(result));
    return [el("div", { class: "toolbar", role: "group", "aria-label": "This answer" }, copy, ...votes.controls, again, about), votes.box];
  }

  /** Show a turn remembered from before the page was reloaded. */
  static restore(record, card, actions) {
    const turn = new Turn(record.question, card, actions);
    turn.record = record;
    if (record.result) turn.finish(record.result);
    else if (record.error) turn.fail(record.error);
    else turn.stop(record.stopped ?? "");
    return turn;
  }
}

const also = (count, cited) => `${cited ? "Also read" : "Read"}: ${count} ${count === 1 ? "passage" : "passages"}`;

function made({ model, timings_ms: timings = {} }) {
  const total = timings.total;
  return [model, total && (total < 950 ? `${Math.round(total)} ms` : `${(total / 1000).toFixed(1)} s`)].filter(Boolean).join(" · ");
}
