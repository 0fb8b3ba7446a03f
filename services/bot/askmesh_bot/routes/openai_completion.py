"""The events of an answer as OpenAI's chat completion, whole or in chunks."""

import json
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from askmesh_kit.errors import openai_error

from askmesh_bot.answering.base import Citation, Delta, Done, Event, Failed, Sources, Status
from askmesh_bot.routes.citation_links import CitationLinks
from askmesh_bot.routes.failures import as_error
from askmesh_bot.routes.openai_messages import NEAREST
from askmesh_bot.routes.openai_schemas import AnswerMessage, ChatCompletion, Choice, Usage

_DONE = b"data: [DONE]\n\n"


class Completion:
    """One answer on its way to an OpenAI client. Its links are made here, by code."""

    def __init__(self, model: str, base_url: str) -> None:
        self._links = CitationLinks(base_url)
        self._streamed = ""
        self._head: dict[str, Any] = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
        }

    async def whole(self, events: AsyncGenerator[Event, None]) -> ChatCompletion:
        """The answer. Raises the error that it failed with."""
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Failed):
                    raise as_error(event)
                if isinstance(event, Done):
                    content = self._text(event)
                    message = AnswerMessage(content=content, annotations=self._links.annotations)
                    return ChatCompletion(**self._head, choices=[Choice(message=message)], usage=_usage(event))
        raise AssertionError("an answer ends with Done or Failed")

    async def stream(self, events: AsyncGenerator[Event, None], *, with_usage: bool) -> AsyncGenerator[bytes, None]:
        """The answer as server-sent chunks, from the moment the search has found what to read.

        A failure before the first chunk is raised; after it, it is the last thing told, and `[DONE]` is not.
        """
        began = False
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Status):
                    continue
                if isinstance(event, Failed):
                    if not began:
                        raise as_error(event)
                    yield _data(openai_error(as_error(event)))
                    return
                if not began:
                    began = True
                    yield self._chunk({"role": "assistant", "content": ""})
                if text := self._text(event):
                    yield self._chunk({"content": text})
                if isinstance(event, Done):
                    for piece in self._last(event, with_usage=with_usage):
                        yield piece

    def _text(self, event: Event) -> str:
        """What an event adds to the content."""
        match event:
            case Sources():
                self._links.know(event.passages)
            case Citation():
                self._links.know([event.passage])
            case Delta():
                self._streamed += event.text
                return self._links.add(event.text)
            case Done():
                self._links.know([*(citation.passage for citation in event.citations), *event.passages])
                return self._rest(event) + self._end(event)
        return ""

    def _rest(self, done: Done) -> str:
        """What the answer has beyond what was streamed. One that became another in between follows it whole."""
        streamed = self._streamed.strip()
        if done.answer.startswith(streamed):
            return self._links.add(done.answer[len(streamed) :])
        return self._links.finish() + self._links.add("\n\n" + done.answer)

    def _end(self, done: Done) -> str:
        text = self._links.finish()
        if done.outcome != "abstained":
            return text
        # Nothing is cited in an abstention: these links are an offer, and no annotations.
        nearest = dict.fromkeys(self._links.link(passage) for passage in done.passages)
        if nearest:
            text += self._links.write("\n\n" + "\n".join([NEAREST, "", *(f"- {link}" for link in nearest)]))
        return text

    def _last(self, done: Done, *, with_usage: bool) -> list[bytes]:
        annotations = [annotation.model_dump() for annotation in self._links.annotations]
        pieces = [self._chunk({"annotations": annotations} if annotations else {}, "stop")]
        usage = _usage(done)
        if with_usage and usage:
            head = self._head | {"object": "chat.completion.chunk"}
            pieces.append(_data(head | {"choices": [], "usage": usage.model_dump()}))
        return [*pieces, _DONE]

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _data(self._head | {"object": "chat.completion.chunk", "choices": [choice]})


def _usage(done: Done) -> Usage | None:
    """None used where no model was asked; otherwise only the LLM service knows."""
    unasked = done.outcome == "abstained" and not done.model
    return Usage(prompt_tokens=0, completion_tokens=0, total_tokens=0) if unasked else None


def _data(payload: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(payload, ensure_ascii=False)}\n\n".encode(errors="replace")
