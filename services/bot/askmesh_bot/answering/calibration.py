"""How likely the passages hold an answer, from the signals of the gate: a logistic model per embedding model.

Fitted as evals/fit_gate.py does on the dev halves of FURY, the standard library and SQuAD 2.0, with questions from
SelfAware and from the other corpora as those that have no answer; with SQuAD's sample twice and SelfAware asked of each
corpus. The script on a result of the smaller sets gives nearly the same weights.
"""

import math
from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Weights:
    """A weight for each signal, in their order, and the constant term, in log-odds."""

    similarity: float
    coverage: float
    missing: float
    agreement: float
    unknown_name: float
    constant: float

    def chance(
        self, similarity: float, coverage: float, missing: float, agreement: float, unknown_name: float
    ) -> float:
        """The probability of an answer, from 0 to 1."""
        signals = (similarity, coverage, missing, agreement, unknown_name, 1.0)
        odds = sum(weight * signal for weight, signal in zip(astuple(self), signals, strict=True))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))


# By fingerprint, or by model id for the same model at another precision.
WEIGHTS = {
    "sentence-transformers/all-MiniLM-L6-v2": Weights(11.71, 3.14, -3.91, 2.85, -2.68, -5.97),
}

# For embedding models that were not calibrated: cosines of different models do not compare, so the words decide.
DEFAULT = Weights(0.0, 6.17, -4.5, 3.3, -1.69, -2.51)


def weights_of(fingerprint: str, model: str) -> Weights:
    """The weights for an embedding model."""
    return WEIGHTS.get(fingerprint) or WEIGHTS.get(model) or DEFAULT
