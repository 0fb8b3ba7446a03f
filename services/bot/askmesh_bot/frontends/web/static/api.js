// The bot's HTTP API as the page uses it. Every failure is an ApiError that says what to do.
import { readEvents } from "/static/sse.js";

const KEY = "askmesh.key";

export class ApiError extends Error {
  constructor({ code, detail, fix = "", retryable = true, status = 0 }) {
    super(detail);
    Object.assign(this, { code, detail, fix, retryable, status });
  }
}

export const apiKey = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (key) => sessionStorage.setItem(KEY, key),
  forget: () => sessionStorage.removeItem(KEY),
};

/** Ask, and yield the events `{event, data}` until `done` or `error`. Raises ApiError, or AbortError when stopped. */
export async function* ask({ question, conversationId }, signal) {
  const body = { question, stream: true };
  if (conversationId) body.conversation_id = conversationId;
  const response = await call("POST", "/v1/ask", { body, signal, accept: "text/event-stream" });
  if (!isType(response, "text/event-stream")) {
    yield { event: "done", data: await response.json() };
    return;
  }
  for await (const item of broken(readEvents(response.body))) {
    yield item;
    if (item.event === "done" || item.event === "error") return;
  }
  throw cutShort();
}

export const examples = async () => (await call("GET", "/v1/examples")).json();

export const clearConversation = (id) => call("DELETE", `/v1/conversations/${encodeURIComponent(id)}`);

export const sendFeedback = (feedback) => call("POST", "/v1/feedback", { body: feedback });

async function call(method, path, { body, signal, accept = "application/json" } = {}) {
  const headers = { accept };
  if (body) headers["content-type"] = "application/json";
  if (apiKey.get()) headers.authorization = `Bearer ${apiKey.get()}`;
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: body && JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({
      code: "unreachable",
      detail: "askmesh can't be reached.",
      fix: "Check your connection, and that the bot is running, then try again.",
    });
  }
  if (!response.ok) throw await failure(response);
  return response;
}

async function failure(response) {
  const body = isType(response, "json") ? await response.json().catch(() => ({})) : {};
  // Problem details on our own routes, OpenAI's error object where a proxy or an OpenAI-shaped route speaks.
  const { code, detail, message, fix, retryable } = body.error ?? body;
  const wait = response.headers.get("retry-after");
  return new ApiError({
    status: response.status,
    code: code ?? `http_${response.status}`,
    detail: detail ?? message ?? `The server answered with status ${response.status}.`,
    fix: fix ?? (response.status === 429 && wait ? `Try again in ${wait} s.` : ""),
    retryable: retryable ?? (response.status >= 500 || response.status === 429 || response.status === 401),
  });
}

/** The same events; a connection that breaks in the middle is told as such. */
async function* broken(events) {
  try {
    yield* events;
  } catch (error) {
    throw error.name === "AbortError" ? error : cutShort();
  }
}

const cutShort = () =>
  new ApiError({
    code: "cut_short",
    detail: "The connection closed before the answer was complete.",
    fix: "Ask again.",
  });

const isType = (response, type) => (response.headers.get("content-type") ?? "").includes(type);
