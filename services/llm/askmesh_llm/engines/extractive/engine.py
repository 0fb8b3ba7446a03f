"""The engine itself: reads the grounded prompt, ranks, quotes. Deterministic; a few milliseconds."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence

from askmesh_llm.engines.base import (
    Chunk,
    Engine,
    EngineInfo,
    FinishReason,
    Message,
    Prompt,
    SamplingParams,
    TokenCount,
    Usage,
    completion_budget,
)
from askmesh_llm.engines.extractive.answer import compose
from askmesh_llm.engines.extractive.prompt import parse
from askmesh_llm.engines.extractive.ranking import rank
from askmesh_llm.engines.extractive.semantics import Semantics
from askmesh_llm.engines.stopping import StopScanner
from askmesh_llm.settings import Settings

MODEL = "askmesh-extractive"
CONTEXT = 16_384
# The units, best by words first, whose closeness in meaning is asked for.
MOST_EMBEDDED = 12

# One token is a word of at most eight letters or a mark, with the blanks before it: close to what a subword
# tokeniser counts for English and code.
_TOKEN = re.compile(r"\s*(?:\w{1,8}|[^\w\s])|\s+$")
# Characters; a longer text would hold up everybody else while it is counted.
_LONG = 200_000

INTRODUCTION = (
    "I am askmesh's extractive engine: I have no language model inside. Give me numbered passages and a question, as"
    " askmesh's bot does, and I quote the sentences that answer it, each with the number of its passage. For free"
    " conversation, configure a model: set ASKMESH_LLM_ENGINE to transformers or openai."
)


def create(settings: Settings) -> Engine:
    """The engine for these settings. Raises SystemExit where the embeddings service's address is none."""
    if settings.embeddings_url and not settings.embeddings_url.startswith(("http://", "https://")):
        # Closeness in meaning would be left out of every answer, and nobody would know.
        raise SystemExit(f"ASKMESH_LLM_EMBEDDINGS_URL is {settings.embeddings_url!r}: write http://… or https://…")
    semantics = Semantics(settings) if settings.embeddings_url else None
    context = settings.max_model_len or CONTEXT
    return ExtractiveEngine(settings.model or MODEL, context, settings.default_max_tokens, semantics)


class ExtractiveEngine(Engine):
    """Quotes the best sentences of the given passages."""

    def __init__(self, model: str, context: int, default_max_tokens: int, semantics: Semantics | None = None) -> None:
        self._info = EngineInfo(model, context)
        self._default_max_tokens, self._semantics = default_max_tokens, semantics

    @property
    def info(self) -> EngineInfo:
        return self._info

    async def count_tokens(self, prompt: Prompt, model: str = "") -> TokenCount:
        return TokenCount(await _count(prompt))

    async def generate(self, prompt: Prompt, params: SamplingParams) -> AsyncGenerator[Chunk, None]:
        read = await _count(prompt)
        budget = completion_budget(read, params, self._info.max_model_len, self._default_max_tokens)
        messages = [Message("user", prompt)] if isinstance(prompt, str) else prompt
        text = await self._answer(messages)
        pieces = _TOKEN.findall(text)
        reason: FinishReason = "length" if len(pieces) > budget else "stop"
        stop, written = StopScanner(params.stop), 0
        for piece in pieces[:budget]:
            written += 1
            ready, stopped = stop.push(piece)
            if ready:
                yield Chunk(ready)
            if stopped:
                reason = "stop"
                break
        else:
            if rest := stop.flush():
                yield Chunk(rest)
        yield Chunk("", reason, Usage(read, written))

    async def _answer(self, messages: Sequence[Message]) -> str:
        grounded = parse(messages)
        if grounded is None:
            return INTRODUCTION
        ranking = await asyncio.to_thread(rank, grounded)
        if self._semantics:
            texts = [
                f"{candidate.passage.header}: {candidate.unit.text}" for candidate in ranking.candidates[:MOST_EMBEDDED]
            ]
            if closeness := await self._semantics.closeness(grounded.question, texts):
                ranking = ranking.with_closeness(closeness)
        return compose(grounded, ranking)

    async def close(self) -> None:
        if self._semantics:
            await self._semantics.close()


async def _count(prompt: Prompt) -> int:
    """Four tokens a message frame it, as in OpenAI's own counting."""
    texts = [prompt] if isinstance(prompt, str) else [message.content for message in prompt]
    frames = 0 if isinstance(prompt, str) else 4 * len(texts)
    if sum(map(len, texts)) > _LONG:
        return frames + await asyncio.to_thread(_count_one_by_one, texts)
    return frames + sum(len(_TOKEN.findall(text)) for text in texts)


def _count_one_by_one(texts: Sequence[str]) -> int:
    """Slower, but other threads get their turns in between."""
    return sum(1 for text in texts for _ in _TOKEN.finditer(text))
