"""The next token of each request in a batch: greedy, or drawn with the request's own temperature, top_p and seed."""

from dataclasses import dataclass
from typing import Any

import torch
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessor


@dataclass(slots=True)
class Sampling:
    """One request's way to choose. Without a generator the most likely token is taken."""

    temperature: float = 0.0
    top_p: float = 1.0
    generator: torch.Generator | None = None

    @classmethod
    def of(cls, temperature: float, top_p: float, seed: int | None, device: torch.device) -> "Sampling":
        """Greedy at temperature 0; else a generator of its own, so that a seed repeats whatever else is running."""
        if temperature == 0:
            return cls()
        generator = torch.Generator(device)
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed % 2**63)
        return cls(temperature, top_p, generator)


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
            if sampling.generator is not None:
                scores[row] = _drawn(scores[row], sampling)
        return scores


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
