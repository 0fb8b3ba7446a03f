"""`/v1/chat/completions` and `/v1/completions`."""

import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from askmesh_kit.connection import while_connected
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Request, Response

from askmesh_llm.engines.base import Chunk, Prompt, SamplingParams, Usage
from askmesh_llm.routes.state import Reader, TheGenerator, TheSettings, check_model
from askmesh_llm.schemas import (
    ERRORS,
    AnswerMessage,
    ChatChoice,
    ChatCompletion,
    ChatCompletionRequest,
    Completion,
    CompletionChoice,
    CompletionRequest,
    SamplingRequest,
    UsageBody,
)
from askmesh_llm.serving import logprobs, requests
from askmesh_llm.serving.connection import DONE, EventStream, event
from askmesh_llm.serving.generation import Generator
from askmesh_llm.settings import Settings

router = APIRouter(prefix="/v1", tags=["generation"], route_class=JsonRoute, responses=ERRORS)

_STREAMED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "The answer, or its events"}
}


@router.post("/chat/completions", summary="Answer a conversation", response_model=ChatCompletion, responses=_STREAMED)
async def chat_completions(
    body: ChatCompletionRequest, request: Request, generator: TheGenerator, settings: TheSettings, caller: Reader
) -> Any:
    prompt = requests.conversation(body.messages, settings.max_messages)
    reply = _Reply(body, generator, settings, f"{caller.name}/{body.user or ''}", "chatcmpl-")
    if body.stream:
        return await reply.stream(request, prompt, _chat_choice, "chat.completion.chunk", opens=True)
    whole = await reply.whole(request, prompt)
    choice = ChatChoice(
        message=AnswerMessage(content=whole.text),
        finish_reason=whole.finish_reason or "stop",
        logprobs=logprobs.of_chat(whole.logprobs) if reply.with_logprobs else None,
    )
    return ChatCompletion(**reply.head, choices=[choice], usage=_usage(whole.usage))


@router.post("/completions", summary="Continue a text", response_model=Completion, responses=_STREAMED)
async def completions(
    body: CompletionRequest, request: Request, generator: TheGenerator, settings: TheSettings, caller: Reader
) -> Any:
    prompt = requests.raw_prompt(body)
    reply = _Reply(body, generator, settings, f"{caller.name}/{body.user or ''}", "cmpl-")
    if body.stream:
        return await reply.stream(request, prompt, _text_choices(), "text_completion", opens=False)
    whole = await reply.whole(request, prompt)
    choice = CompletionChoice(
        text=whole.text,
        finish_reason=whole.finish_reason or "stop",
        logprobs=logprobs.of_text(whole.logprobs) if reply.with_logprobs else None,
    )
    return Completion(**reply.head, choices=[choice], usage=_usage(whole.usage))


class _Reply:
    """One request's answer, whole or as events."""

    def __init__(
        self, body: SamplingRequest, generator: Generator, settings: Settings, caller: str, id_prefix: str
    ) -> None:
        if body.model:
            check_model(body.model, generator.engine, settings)
        info = generator.engine.info
        self._params: SamplingParams = requests.sampling(body, info)
        self.with_logprobs = self._params.logprobs is not None
        self._generator, self._caller, self._settings = generator, caller, settings
        self._with_usage = bool(body.stream_options and body.stream_options.include_usage)
        self.head: dict[str, Any] = {
            "id": id_prefix + secrets.token_hex(12),
            "created": int(time.time()),
            "model": body.model or info.model,
        }

    async def whole(self, request: Request, prompt: Prompt) -> Chunk:
        """The answer as one chunk. Stops when the client goes away."""
        return await while_connected(request, self._collect(prompt))

    async def _collect(self, prompt: Prompt) -> Chunk:
        async with aclosing(self._generator.stream(prompt, self._params, self._caller)) as chunks:
            parts = [chunk async for chunk in chunks]
        entries = tuple(entry for part in parts for entry in part.logprobs)
        return Chunk("".join(part.text for part in parts), parts[-1].finish_reason, parts[-1].usage, entries)

    async def stream(
        self, request: Request, prompt: Prompt, choice: Callable[[Chunk], dict[str, Any]], kind: str, *, opens: bool
    ) -> Response:
        """The answer as events. Errors before the first piece of text are raised, and so keep their status."""
        chunks = self._generator.stream(prompt, self._params, self._caller)
        first = await while_connected(request, _next(chunks))
        return EventStream(self._events(first, chunks, choice, kind, opens), self._settings.stalled_client_s)

    async def _events(
        self,
        first: Chunk,
        chunks: AsyncGenerator[Chunk, None],
        choice: Callable[[Chunk], dict[str, Any]],
        kind: str,
        opens: bool,
    ) -> AsyncGenerator[bytes, None]:
        head = self.head | {"object": kind} | ({"usage": None} if self._with_usage else {})
        async with aclosing(chunks):
            if opens:
                opening = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
                yield event(head | {"choices": [opening | {"logprobs": None}]})
            last = first
            while True:
                if last.text or last.logprobs:
                    yield event(head | {"choices": [choice(Chunk(last.text, logprobs=last.logprobs))]})
                if last.finish_reason:
                    break
                last = await anext(chunks)
            yield event(head | {"choices": [choice(Chunk("", last.finish_reason))]})
            if self._with_usage:
                yield event(head | {"choices": [], "usage": _usage(last.usage).model_dump()})
            yield DONE


async def _next(chunks: AsyncGenerator[Chunk, None]) -> Chunk:
    return await anext(chunks)


def _chat_choice(chunk: Chunk) -> dict[str, Any]:
    delta = {} if chunk.finish_reason else {"content": chunk.text}
    told = logprobs.of_chat(chunk.logprobs).model_dump() if chunk.logprobs else None
    return {"index": 0, "delta": delta, "finish_reason": chunk.finish_reason, "logprobs": told}


def _text_choices() -> Callable[[Chunk], dict[str, Any]]:
    """Chunks as choices of a text completion, whose log-probabilities count characters from the answer's beginning."""
    told_so_far = 0

    def choice(chunk: Chunk) -> dict[str, Any]:
        nonlocal told_so_far
        told = logprobs.of_text(chunk.logprobs, told_so_far).model_dump() if chunk.logprobs else None
        told_so_far += sum(len(entry.token) for entry in chunk.logprobs)
        return {"index": 0, "text": chunk.text, "finish_reason": chunk.finish_reason, "logprobs": told}

    return choice


def _usage(usage: Usage | None) -> UsageBody:
    usage = usage or Usage(0, 0)
    return UsageBody(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
    )
