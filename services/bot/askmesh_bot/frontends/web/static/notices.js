// What stands beside an answer that is not a plain one: abstained, sources only, stopped, failed.
import { button, el, icon } from "/static/dom.js";

const NOTICES = {
  abstained: { icon: "compass", title: "Not in the sources", text: "Nothing that was learned answers this, so there is no answer rather than a guess." },
  sources_only: { icon: "book", title: "The sources, without a written answer", text: "The language model can't be reached. These are the best sentences of the sources themselves." },
  stopped: { icon: "stop", title: "Stopped", text: "" },
  failed: { icon: "alert", title: "No answer this time", text: "" },
};

/** A labelled box. `error` brings `detail` and `fix`, `retry` a button that asks again. */
export function notice(kind, { error = {}, retry } = {}) {
  const { icon: name, title, text } = NOTICES[kind];
  const { detail, fix, retryable = true, code } = error;
  return el("div", { class: `notice ${kind}`, role: kind === "failed" ? "alert" : null },
    el("span", { class: "notice-icon" }, icon(name)),
    el("div", { class: "notice-body" },
      el("p", { class: "notice-title" }, title),
      (detail || text) && el("p", {}, detail || text),
      fix && el("p", { class: "fix" }, fix),
      code && el("p", { class: "code-name" }, code)),
    retry && retryable && button("retry", kind === "stopped" ? "Ask again" : "Try again", () => retry(), { label: true, class: "plain" }));
}
