"""The interface every text engine implements, with its value types and errors. Knows nothing of HTTP."""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from askmesh_kit.errors import InvalidRequest, Unavailable, Unsupported

# The folder of a commit in Hugging Face's cache; between the marks is the model's id, its slash written as two dashes.
_CACHED = re.compile(r"models--([^/]+)/snapshots/\w+$")

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "content_filter"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


# A conversation, or raw text to be continued as it stands.
Prompt = Sequence[Message] | str


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How to write. `max_tokens` None means: as many as the engine's default and the context allow."""

    # One of EngineInfo.others; empty: the engine's main model.
    model: str = ""
    max_tokens: int | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    # None: no log-probabilities; n: those of each token written, and of the n likeliest at its place.
    logprobs: int | None = None
    # Parameters that only some engines have (see EngineInfo.supports), in OpenAI's own names and shapes.
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts, by the engine's own tokeniser."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token's text, its natural log-probability under the model, and the likeliest tokens at its place."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of text as it is written. The last chunk, and only it, has a finish reason and the usage."""

    text: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenCount:
    """How long a prompt is, template included. `ids` is empty for engines without token ids."""

    count: int
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine serves. `max_model_len` counts prompt and completion tokens; None: not known.

    `others` are further models, with their own lengths. `capacity_tokens` is how many tokens all running requests may
    hold together; None: no such limit.
    """

    model: str
    max_model_len: int | None
    owned_by: str = "askmesh"
    created: int = 0
    supports: frozenset[str] = frozenset()
    others: Mapping[str, int | None] = field(default_factory=dict)
    capacity_tokens: int | None = None


class Engine(ABC):
    """Turns a prompt into text. One instance serves many concurrent callers from one event loop."""

    @property
    @abstractmethod
    def info(self) -> EngineInfo:
        """The model and its limits; complete once `ready` returns None."""

    # Whether another `start` would end as the last one did: the model was read, and is not what it should be.
    hopeless = False

    async def start(self) -> None:  # noqa: B027 - most engines have nothing to load
        """Load what takes time. Called in the background, and again while `ready` gives a reason why not."""

    async def ready(self) -> str | None:
        """None when requests can be answered, else the reason why not."""
        return None

    @abstractmethod
    def generate(self, prompt: Prompt, params: SamplingParams) -> AsyncGenerator[Chunk, None]:
        """Write the answer piece by piece. Closing the generator stops the work before its next token.

        Raises ContextLengthExceeded before the first chunk when prompt and `max_tokens` don't fit; any other
        ServiceError at any time.
        """

    @abstractmethod
    async def count_tokens(self, prompt: Prompt, model: str = "") -> TokenCount:
        """The length of the prompt as `generate` would see it. `model` as in SamplingParams. Raises ServiceError."""

    async def weigh(self, prompt: Prompt, params: SamplingParams) -> int:
        """Tokens that this request may come to hold; asked only of engines that have a capacity.

        Raises what `generate` would raise for a prompt that does not fit.
        """
        raise Unsupported("This engine has no capacity in tokens.")

    async def detokenize(self, ids: Sequence[int]) -> str:
        """The text behind token ids. Raises UnsupportedParameter where the engine has none."""
        raise UnsupportedParameter(
            "This engine has no token ids.", fix="Use an engine with a tokeniser, such as transformers.", param="tokens"
        )

    async def close(self) -> None:  # noqa: B027 - most engines hold nothing
        """Stop what runs and free what is held. May be called twice."""


class ContextLengthExceeded(InvalidRequest):
    """The prompt, or the prompt and the tokens asked for, are longer than the model's context."""

    code = "context_length_exceeded"


class UnsupportedParameter(InvalidRequest):
    """A parameter of OpenAI's API that this engine can't honour."""

    code = "unsupported_parameter"


class ModelLoading(Unavailable):
    """The model is not in memory yet, or failed to load."""

    code = "model_loading"


def model_name(model: str) -> str:
    """What callers know a model by: its id on the hub, or its folder's name, which tells nobody where it lies."""
    if not Path(model).is_dir():
        return model
    folder = Path(model).resolve()
    cached = _CACHED.search(folder.as_posix())
    return cached[1].replace("--", "/", 1) if cached else folder.name


def completion_budget(prompt_tokens: int, params: SamplingParams, context: int | None, default: int) -> int:
    """How many tokens may be written. Raises ContextLengthExceeded with both numbers when they don't fit."""
    asked = params.max_tokens
    if context is None:
        return asked or default
    needed = prompt_tokens + (asked or 1)
    if needed > context:
        split = f" and {asked} for the completion" if asked else ""
        raise ContextLengthExceeded(
            f"This model's maximum context length is {context} tokens, but you asked for {needed}:"
            f" {prompt_tokens} in the prompt{split or ', which leaves no room to answer'}.",
            fix="Shorten the prompt or ask for fewer tokens.",
            param="messages",
        )
    return asked or min(default, context - prompt_tokens)
