"""The LLM service, or any other server of OpenAI's chat API."""

import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from askmesh_bot.peers.cached import Cached
from askmesh_bot.peers.calls import PeerCalls
from askmesh_bot.peers.errors import PeerError, PeerUnavailable
from askmesh_bot.peers.listed import listed
from askmesh_bot.settings import LlmPeer


class Message(TypedDict):
    """One chat message; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True)
class ChatModel:
    """A chat model and how many tokens it reads and writes in all."""

    id: str
    max_model_len: int
    # Whether it says more than what stands in numbered passages. Only our own service knows an engine that does not.
    writes_freely: bool = True


class LlmClient:
    """Messages to text."""

    def __init__(self, settings: LlmPeer) -> None:
        self._settings = settings
        self._calls = PeerCalls("llm", settings)
        self.url = self._calls.url
        self._card = Cached(self._fetch_model)
        # None until the server was asked once; plain OpenAI servers have no /tokenize.
        self._tokenizes: bool | None = None

    async def model(self) -> ChatModel:
        """The model that `stream` uses. Raises PeerUnavailable or PeerError."""
        return await self._card.get()

    async def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0
    ) -> AsyncGenerator[str, None]:
        """The answer, piece by piece. Closing the iteration stops the generation.

        Raises PeerUnavailable also when the stream ends before the model was done.
        """
        body = {
            "model": (await self.model()).id,
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": temperature,
            "stream": True,
        }
        finished = False
        async with self._calls.stream("v1/chat/completions", body) as response:
            async for line in response.aiter_lines():
                if not line.startswith("data:"):
                    continue
                data = line[5:].strip()
                if data == "[DONE]":
                    return
                text, ended = self._delta(data)
                finished = finished or ended
                if text:
                    yield text
        if not finished:
            raise PeerUnavailable("llm", self._calls.url, "it broke off in the middle of an answer")

    async def count_tokens(self, prompt: str | Sequence[Message]) -> int:
        """Tokens of a text, or of messages with everything the model's template puts around them.

        Asks the server's `/tokenize`. A server without one gets an estimate on the safe side: a token per three UTF-8
        bytes and eight per message (English prose has about four bytes to a token, code about three).
        """
        if self._tokenizes is not False:
            try:
                return await self._tokenize(prompt)
            except PeerError as error:
                if error.peer_status not in {404, 405, 501}:
                    raise
                self._tokenizes = False
        return estimate_tokens(prompt)

    async def check(self) -> str | None:
        """A readiness check: asks the service itself, not the cache."""
        await self._calls.json("GET", "v1/models")
        return None

    async def close(self) -> None:
        await self._calls.close()

    async def _tokenize(self, prompt: str | Sequence[Message]) -> int:
        given: dict[str, Any] = {"prompt": prompt} if isinstance(prompt, str) else {"messages": list(prompt)}
        answer = await self._calls.json("POST", "tokenize", {"model": (await self.model()).id, **given})
        return int(answer["count"])

    def _delta(self, data: str) -> tuple[str, bool]:
        try:
            chunk = json.loads(data)
            if error := chunk.get("error"):
                why = error.get("message", error) if isinstance(error, dict) else error
                raise PeerUnavailable("llm", self._calls.url, f"it failed in the middle of an answer ({why})")
            choices = chunk.get("choices") or [{}]
            text = (choices[0].get("delta") or {}).get("content") or ""
            return text, bool(choices[0].get("finish_reason"))
        except (ValueError, AttributeError, TypeError) as error:
            raise PeerError("llm", self._calls.url, "its stream is not OpenAI's.") from error

    async def _fetch_model(self) -> ChatModel:
        self._tokenizes = None
        answer = await self._calls.json("GET", "v1/models")
        entries = {entry["id"]: entry for entry in answer.get("data", [])}
        wanted = self._settings.model or next(iter(entries), "")
        if not wanted:
            raise PeerError("llm", self._calls.url, "it lists no model; set ASKMESH_LLM_MODEL.")
        entry = listed(wanted, entries)
        length = entry.get("max_model_len") or self._settings.context_tokens
        return ChatModel(wanted, int(length), writes_freely=entry.get("engine") != "extractive")


def estimate_tokens(prompt: str | Sequence[Message]) -> int:
    """Tokens, rather too many than too few."""
    if isinstance(prompt, str):
        return len(prompt.encode(errors="replace")) // 3 + 1
    return 8 + sum(8 + estimate_tokens(message["content"]) for message in prompt)
