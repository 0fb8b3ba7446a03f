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
from askmesh_llm.engines.stopping import StopScanner
from askmesh_llm.settings import Settings

MODEL = "askmesh-extractive"
CONTEXT = 16_384

# One token is a word of at most eight letters or a mark, with the blanks before it: close to what a subword
# tokeniser counts for English and code.
_TOKEN = re.compile(r"\s*(?:\w{1,8}|[^\w\s])|\s+$")

INTRODUCTION = (
    "I am askmesh's extractive engine: I have no language model inside. Give me numbered passages and a question, as"
    " askmesh's bot does, and I quote the sentences that answer it, each with the number of its passage. For free"
    " conversation, configure a model: set ASKMESH_LLM_ENGINE to transformers or openai."
)


def create(settings: Settings) -> Engine:
    """The engine for these settings."""
    return ExtractiveEngine(settings.model or MODEL, settings.max_model_len or CONTEXT, settings.default_max_tokens)


class ExtractiveEngine(Engine):
    """Quotes the best sentences of the given passages."""

    def __init__(self, model: str, context: int, default_max_tokens: int) -> None:
        self._info = EngineInfo(model, context)
        self._default_max_tokens = default_max_tokens

    @property
    def info(self) -> EngineInfo:
        return self._info

    async def count_tokens(self, prompt: Prompt) -> TokenCount:
        return TokenCount(_count(prompt))

    async def generate(self, prompt: Prompt, params: SamplingParams) -> AsyncGenerator[Chunk, None]:
        read = _count(prompt)
        budget = completion_budget(read, params, self._info.max_model_len, self._default_max_tokens)
        messages = [Message("user", prompt)] if isinstance(prompt, str) else prompt
        text = await asyncio.to_thread(self._answer, messages)
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

    def _answer(self, messages: Sequence[Message]) -> str:
        grounded = parse(messages)
        if grounded is None:
            return INTRODUCTION
        return compose(grounded, rank(grounded))


def _count(prompt: Prompt) -> int:
    if isinstance(prompt, str):
        return len(_TOKEN.findall(prompt))
    # Four tokens a message frame it, as in OpenAI's own counting.
    return sum(4 + len(_TOKEN.findall(message.content)) for message in prompt)
