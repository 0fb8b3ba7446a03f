"""The next token of each request in a batch: greedy, or drawn with the request's own temperature, top_p and seed."""

from dataclasses import dataclass, field
from typing import Any

import torch
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessor

from askmesh_llm.engines.base import SamplingParams


@dataclass(frozen=True, slots=True)
class Note:
    """A step's log-probability of the token taken, and those of the likeliest tokens, likeliest first."""

    logprob: float
    top: tuple[tuple[int, float], ...]


@dataclass(slots=True)
class Sampling:
    """One request's way to choose. Without a generator the most likely token is taken."""

    temperature: float = 0.0
    top_p: float = 1.0
    generator: torch.Generator | None = None
    # How many likely tokens to note at each step, under the model's own distribution; None: no notes.
    logprobs: int | None = None
    notes: list[Note] = field(default_factory=list)

    @classmethod
    def of(cls, params: SamplingParams, device: torch.device) -> "Sampling":
        """Greedy at temperature 0; else a generator of its own, so that a seed repeats whatever else is running."""
        if params.temperature == 0:
            return cls(logprobs=params.logprobs)
        generator = torch.Generator(device)
        if params.seed is None:
            generator.seed()
        else:
            generator.manual_seed(params.seed % 2**63)
        return cls(params.temperature, params.top_p, generator, params.logprobs)


class BatchSampler(ContinuousBatchingLogitsProcessor):
    """Rewrites each row of logits so that its largest entry is the token to take.

    Drawing is by the Gumbel-max trick: the largest of logits plus Gumbel noise is distributed as softmax of the logits
    (Maddison, Tarlow, Minka 2014, "A* Sampling", section 2). The batcher itself only ever takes the largest.
    """

    supported_kwargs = {"sampling": Sampling}  # noqa: RUF012 - the library's own declaration
    ignored_kwargs = ()

    def __init__(self) -> None:
        self._rows: list[Sampling] = []

    def fill_defaults(self, int32_tensor: torch.Tensor) -> None:
        int32_tensor.zero_()

    def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> torch.Tensor:
        """Notes who is in the batch, row by row. The library's tensor of arguments stays empty."""
        self._rows = [request.state.logit_processor_kwargs["sampling"] for request in requests_with_new_token]
        return torch.zeros(len(self._rows), dtype=torch.int32)

    def __call__(self, scores: torch.Tensor, tensor_arg: torch.Tensor) -> torch.Tensor:
        for row, sampling in enumerate(self._rows[: scores.size(0)]):
            own = scores[row].log_softmax(-1) if sampling.logprobs is not None else None
            if sampling.generator is not None:
                scores[row] = _drawn(scores[row], sampling)
            if own is not None:
                sampling.notes.append(_note(own, int(scores[row].argmax()), sampling.logprobs or 0))
        return scores


def _note(logprobs: torch.Tensor, taken: int, count: int) -> Note:
    values, ids = logprobs.topk(count)
    return Note(float(logprobs[taken]), tuple(zip(ids.tolist(), values.tolist(), strict=True)))


def _drawn(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Logits (shape [vocabulary]) of the nucleus, with noise."""
    logits = logits / sampling.temperature
    if sampling.top_p < 1:
        ordered, places = logits.sort(descending=True)
        before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
        logits = logits.masked_fill(
            torch.zeros_like(logits, dtype=torch.bool).scatter(0, places, before >= sampling.top_p), -torch.inf
        )
    uniform = torch.rand(logits.shape, generator=sampling.generator, device=logits.device).clamp_(1e-20, 1 - 1e-7)
    return logits - torch.log(-torch.log(uniform))
