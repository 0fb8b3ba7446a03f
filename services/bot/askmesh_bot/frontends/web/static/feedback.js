// Thumbs under an answer, and the box for a reason.
import { sendFeedback } from "/static/api.js";
import { announce, button, el } from "/static/dom.js";

const ASK_WHY = { up: "What was good about it? (optional)", down: "What was wrong or missing? (optional)" };

/** The two buttons, and the box that opens below the toolbar. `given` is a verdict restored from an earlier visit. */
export function feedback(answerId, { given = "", onverdict = () => {} } = {}) {
  const box = el("form", { class: "reason", hidden: true });
  const thumbs = { up: thumb("up", "Good answer"), down: thumb("down", "Bad answer") };
  mark(given);
  return { controls: [thumbs.up, thumbs.down], box };

  function thumb(verdict, name) {
    return button(`${verdict}-vote`, name, () => vote(verdict), { "aria-pressed": "false" });
  }

  function mark(verdict) {
    for (const [name, control] of Object.entries(thumbs)) control.setAttribute("aria-pressed", String(name === verdict));
  }

  async function vote(verdict) {
    mark(verdict);
    if (!(await send({ answer_id: answerId, verdict }))) return mark("");
    onverdict(verdict);
    askWhy(verdict);
  }

  function askWhy(verdict) {
    const label = ASK_WHY[verdict];
    const text = el("textarea", { rows: 2, maxlength: 2000, "aria-label": label, placeholder: label });
    box.replaceChildren(text, el("div", { class: "row end" },
      el("button", { type: "button", class: "plain", onclick: () => (box.hidden = true) }, "Skip"),
      el("button", { type: "submit", class: "primary" }, "Send")));
    box.onsubmit = async (event) => {
      event.preventDefault();
      const reason = text.value.trim();
      if (!reason || (await send({ answer_id: answerId, verdict, reason }))) thank();
    };
    box.hidden = false;
    text.focus();
  }

  function thank() {
    box.replaceChildren(el("p", { class: "thanks" }, "Thank you. It was noted."));
    announce("Thank you. It was noted.");
  }

  async function send(body) {
    try {
      await sendFeedback(body);
      return true;
    } catch (error) {
      box.hidden = false;
      box.replaceChildren(el("p", { class: "thanks", role: "alert" }, `The feedback was not saved: ${error.message} ${error.fix ?? ""}`));
      return false;
    }
  }
}
