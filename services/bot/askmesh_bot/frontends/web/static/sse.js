// Reads server-sent events from a fetch response (EventSource can't POST or send a key).

/** Splits a stream of text into events, whatever the chunk borders and line endings are. */
export class EventParser {
  #rest = "";
  #event = "";
  #data = [];

  *push(text) {
    // A carriage return at the very end may be half of a line ending: it waits for what follows.
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length) yield { event: this.#event || "message", data: this.#data.join("\n") };
        this.#event = "";
        this.#data = [];
      } else this.#field(line);
    }
  }

  #field(line) {
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (name === "event") this.#event = value;
    else if (name === "data") this.#data.push(value);
  }
}

/** The events of a response body, each `{event, data}` with its data parsed as JSON. */
export async function* readEvents(body) {
  const parser = new EventParser();
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      for (const { event, data } of parser.push(value)) yield { event, data: JSON.parse(data) };
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
