// The empty state: what was learned, questions to begin with, or how to teach the first source.
import { examples } from "/static/api.js";
import { el } from "/static/dom.js";

/** Fill the welcome section. `ask(question)` is called with the example chosen. */
export async function welcome(container, ask) {
  let found;
  try {
    found = await examples();
  } catch (error) {
    // The examples are an offer; the question box works without them and tells its own errors.
    if (error.status !== 401) container.replaceChildren(el("p", { class: "note" }, `${error.message} ${error.fix}`));
    return;
  }
  container.replaceChildren(...(found.sources.length ? offer(found, ask) : teach()));
}

function offer({ examples: questions, sources }, ask) {
  const names = sources.map(({ title }) => title);
  const shown = names.length > 6 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
  return [
    questions.length && el("ul", { class: "examples", "aria-label": "Example questions" },
      ...questions.map((question) => el("li", {}, el("button", { type: "button", class: "example", onclick: () => ask(question) }, question)))),
    el("p", { class: "learned" }, "Learned so far: ", ...shown.map((name) => el("span", { class: "tag" }, name))),
  ].filter(Boolean);
}

function teach() {
  return [
    el("div", { class: "note" },
      el("p", {}, el("strong", {}, "Nothing has been learned yet."), " Teach it a folder of documents or of Python code:"),
      el("pre", { tabindex: 0 }, el("code", {}, "askmesh learn path/to/docs")),
      el("p", {}, "Then come back and ask.")),
  ];
}
