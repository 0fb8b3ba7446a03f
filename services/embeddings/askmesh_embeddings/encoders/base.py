"""What the service asks of an encoder, and the values and errors that pass between them.

Queue, batching, caching and HTTP live outside: an encoder turns token ids into unit vectors, nothing else.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int32]
Vectors = NDArray[np.float32]
InputType = Literal["query", "document"]
Dtype = Literal["fp32", "bf16", "int8"]


@dataclass(frozen=True)
class EncoderOptions:
    """What an operator may choose. An encoder ignores what does not apply to it."""

    model: str | None = None
    revision: str | None = None
    # The commit of a model repository's own code that may run, together with a pinned revision. None: no such code.
    code_revision: str | None = None
    dtype: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    runtime: str = "auto"
    max_input_tokens: int | None = None
    dimensions: tuple[int, ...] = ()
    cache_dir: Path | None = None
    # Calls of `encode` at the same time for queries; bulk work may add as many.
    lanes: int = 1
    threads_per_lane: int = 1


@dataclass(frozen=True)
class EncoderInfo:
    """What callers may rely on. Vectors of two encoders are comparable only if the fingerprints are equal."""

    model: str
    dimension: int
    max_input_tokens: int
    fingerprint: str
    dtype: Dtype
    pooling: str
    runtime: str
    # The shorter lengths the model was trained to be cut to (Matryoshka), if any.
    dimensions: tuple[int, ...] = ()
    # Padded tokens at which a batch gains nothing more on this device, and how many run side by side.
    batch_tokens: int = 512
    lanes: int = 1


@dataclass(frozen=True)
class Piece:
    """A token and the characters it stands for; special tokens stand for none."""

    id: int
    text: str
    special: bool
    start: int | None
    stop: int | None


class EncoderError(Exception):
    """An encoder cannot be loaded. `fix` says what to install or set."""

    def __init__(self, detail: str, fix: str) -> None:
        super().__init__(f"{detail} {fix}")
        self.detail, self.fix = detail, fix


class Encoder(ABC):
    """Loaded and ready to use once constructed. The constructor may take long; it raises EncoderError."""

    info: EncoderInfo
    # Reference vectors (see golden.py) that came with the model, if any.
    references: Path | None = None

    @abstractmethod
    def tokenize(self, texts: Sequence[str], input_type: InputType | None, *, truncate: bool) -> list[Tokens]:
        """Token ids with special tokens and the model's own prompt for `input_type`, one array per text.

        Cut to `info.max_input_tokens` only if `truncate`; else the caller compares the lengths. Thread-safe.
        """

    @abstractmethod
    def encode(self, batch: Sequence[Tokens]) -> Vectors:
        """Unit vectors, float32 [len(batch), info.dimension], in order. Thread-safe: one call per lane at a time."""

    def pieces(
        self, texts: Sequence[str], input_type: InputType | None, *, special_tokens: bool
    ) -> list[list[Piece]] | None:
        """The tokens of each text, prompt included, with what they stand for. None where the encoder can't tell."""
        return None

    def close(self) -> None:  # noqa: B027 - most have nothing to release
        """Release what the encoder holds. Called once, after the last `encode`."""
