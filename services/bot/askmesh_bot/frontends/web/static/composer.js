// The question box: grows with its text, Enter asks, Shift+Enter breaks the line, Esc stops.

export class Composer {
  constructor(form, chat) {
    Object.assign(this, { form, chat, box: form.elements.q, send: form.querySelector("#send"), stop: form.querySelector("#stop") });
    form.addEventListener("submit", (event) => this.#submit(event));
    this.box.addEventListener("keydown", (event) => this.#key(event));
    this.box.addEventListener("input", () => this.#fit());
    this.stop.addEventListener("click", () => chat.stop());
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.#escape(event));
    chat.addEventListener("change", () => this.#show());
    this.#show();
  }

  #submit(event) {
    event.preventDefault();
    const question = this.box.value.trim();
    if (!question || this.chat.busy) return;
    this.box.value = "";
    this.#fit();
    this.chat.ask(question);
  }

  #key(event) {
    // While an input method composes, Enter picks a candidate.
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.form.requestSubmit();
    } else if (event.key === "ArrowUp" && this.box.value === "" && this.chat.lastQuestion) {
      event.preventDefault();
      this.box.value = this.chat.lastQuestion;
      this.#fit();
    }
  }

  #escape(event) {
    if (this.chat.card.open) this.chat.card.hide();
    else if (this.chat.busy && !event.defaultPrevented) this.chat.stop();
  }

  #fit() {
    this.box.style.setProperty("height", "auto");
    this.box.style.setProperty("height", `${this.box.scrollHeight}px`);
    this.send.disabled = this.box.value.trim() === "";
  }

  #show() {
    const focused = document.activeElement === this.stop;
    this.send.hidden = this.chat.busy;
    this.stop.hidden = !this.chat.busy;
    if (focused) this.box.focus();
    this.#fit();
  }
}
