"""The next token from logits: the likeliest, or a draw with temperature, nucleus and seed; and log-probabilities."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from askmesh_llm.engines.base import SamplingParams

Logits = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sampler:
    """One request's way to choose. Without a generator the likeliest token is taken."""

    temperature: float = 0.0
    top_p: float = 1.0
    random: Any = None

    @classmethod
    def of(cls, params: SamplingParams) -> "Sampler":
        """A random generator of its own, so that a seed repeats its answer."""
        if params.temperature == 0:
            return cls()
        seed = None if params.seed is None else params.seed % 2**63
        return cls(params.temperature, params.top_p, np.random.default_rng(seed))

    def choose(self, logits: Logits) -> int:
        """The id taken; logits have the shape [vocabulary]."""
        if self.random is None:
            return int(logits.argmax())
        scaled = logits.astype(np.float64) / self.temperature
        order = np.argsort(-scaled, kind="stable")
        chances = np.exp(scaled[order] - scaled[order[0]])
        chances /= chances.sum()
        nucleus = int(np.searchsorted(np.cumsum(chances), self.top_p)) + 1
        kept = chances[:nucleus] / chances[:nucleus].sum()
        return int(order[self.random.choice(len(kept), p=kept)])


@dataclass(frozen=True, slots=True)
class Watched(Sampler):
    """Greedy, and notes each token with its margin over the next likeliest, in nats."""

    steps: list[tuple[int, float]] = field(default_factory=list)

    def choose(self, logits: Logits) -> int:
        """The likeliest id. A margin between logits is one between log-probabilities."""
        second, first = np.partition(logits, -2)[-2:]
        taken = int(logits.argmax())
        self.steps.append((taken, float(first - second)))
        return taken
