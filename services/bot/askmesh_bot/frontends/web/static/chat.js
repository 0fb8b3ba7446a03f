// The conversation: asks, streams, stops, clears, remembers.
import { ApiError, ask, clearConversation } from "/static/api.js";
import { PassageCard } from "/static/citations.js";
import { announce } from "/static/dom.js";
import * as memory from "/static/memory.js";
import { Turn } from "/static/turn.js";

export class Chat extends EventTarget {
  #id = "";
  #turns = [];
  #running = null;

  /** `needKey()` asks for an API key and resolves to whether one was given. */
  constructor(container, needKey) {
    super();
    Object.assign(this, { container, needKey, card: new PassageCard() });
  }

  get busy() {
    return this.#running !== null;
  }

  get empty() {
    return this.#turns.length === 0;
  }

  get lastQuestion() {
    return this.#turns.at(-1)?.question ?? "";
  }

  restore() {
    const { id, turns } = memory.load();
    this.#id = id;
    for (const record of turns) this.#show((actions) => Turn.restore(record, this.card, actions));
    this.#remember();
    announce("");
    this.#changed();
  }

  async ask(question) {
    if (this.busy) return;
    const turn = this.#show((actions) => new Turn(question, this.card, actions));
    const running = new AbortController();
    this.#running = running;
    this.#remember();
    this.#changed();
    turn.node.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    try {
      await this.#stream(turn, running.signal);
    } catch (error) {
      this.#failed(turn, error, running.signal);
    } finally {
      if (this.#running === running) this.#running = null;
      this.#changed();
    }
  }

  stop() {
    this.#running?.abort();
  }

  /** Forget the conversation here and on the server. What the server cannot forget now, it forgets by its own schedule. */
  async clear() {
    const id = this.#id;
    this.stop();
    this.card.hide();
    this.#id = "";
    this.#turns = [];
    this.#running = null;
    this.container.replaceChildren();
    memory.forget();
    this.#changed();
    announce("The conversation was cleared.");
    if (id) await clearConversation(id).catch((error) => announce(`The server still has it: ${error.message}`));
  }

  async #stream(turn, signal) {
    try {
      for await (const item of ask({ question: turn.question, conversationId: this.#id }, signal)) {
        if (signal.aborted) break;
        if (item.event === "done") this.#id = item.data.conversation_id ?? this.#id;
        turn.take(item);
      }
    } catch (error) {
      if (!(await this.#remedied(error))) throw error;
      await this.#stream(turn, signal);
    }
  }

  /** Whether the cause of a refusal was removed, so that asking once more makes sense. */
  async #remedied(error) {
    if (error.status === 401) return this.needKey(error);
    if (error.status === 404 && this.#id) {
      this.#id = ""; // the server no longer knows this conversation: a new one begins
      return true;
    }
    return false;
  }

  #failed(turn, error, signal) {
    if (!this.#turns.includes(turn)) return; // cleared meanwhile
    if (signal.aborted) turn.stop();
    else if (error instanceof ApiError) turn.fail({ code: error.code, detail: error.message, fix: error.fix, retryable: error.retryable });
    else {
      turn.fail({ code: "page_error", detail: "This page met an error of its own.", fix: "Reload the page and ask again." });
      throw error;
    }
  }

  #show(make) {
    let turn = null;
    const actions = { retry: () => this.#retry(turn), changed: () => this.#remember() };
    turn = make(actions);
    this.#turns.push(turn);
    this.container.append(turn.node);
    return turn;
  }

  /** Ask a turn's question again: in place if it brought no answer, else as a new turn. */
  #retry(turn) {
    if (this.busy) return;
    if (!turn.record.result) {
      this.#turns = this.#turns.filter((other) => other !== turn);
      turn.node.remove();
    }
    this.ask(turn.question);
  }

  #remember() {
    memory.save(this.#id, this.#turns.map(({ record }) => record));
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
