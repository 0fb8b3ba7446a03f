"""How much each sign counts. Fitted by evals/fit_quotes.py on the dev halves of FURY, the standard library, the chat and
SQuAD 2.0.

A weighted sum of a unit's signs is its log-odds: its share of the chance is exp(sum) over the sum of exp(sum) of all units
(a conditional logit). One sum is for the chance that the unit says the answer, the other for that its passage does.
"""

from dataclasses import dataclass
from typing import NamedTuple


class Signs(NamedTuple):
    """What is known of a unit. Shares are of the question's words, by their rarity among the passages, 0 to 1."""

    # In the unit itself, or fewer in its header and what leads to it.
    words: float
    # In the unit and the ones before and after it.
    around: float
    # In the whole passage.
    passage: float
    # 1 / (1 + the passage's rank): the retriever's opinion.
    rank: float
    # 1 where it is shorter than five words. For a passage it counts as for a unit: a fit would quote “thanks!” for a title.
    fragment: float
    # What it adds that the question calls the symbol or the parameter by name.
    named: float
    # 1, 0 or -1: whether it has the kind of thing that is asked for.
    expected: float
    # 1 for a passage's first unit.
    opens: float
    # The cosine to the question; 0 where it is not known.
    meaning: float = 0.0

    def score(self, weights: "Signs") -> float:
        """The weighted sum."""
        return sum(sign * weight for sign, weight in zip(self, weights, strict=True))


@dataclass(frozen=True, slots=True)
class Weights:
    """What the signs of a unit count for the unit itself, and for its passage."""

    unit: Signs
    passage: Signs


WITH_MEANING = Weights(
    unit=Signs(
        words=4.94,
        around=3.57,
        passage=-1.46,
        rank=2.34,
        fragment=-4.3,
        named=10.32,
        expected=1.23,
        opens=0.31,
        meaning=8.57,
    ),
    passage=Signs(
        words=4.38,
        around=2.72,
        passage=-0.13,
        rank=2.03,
        fragment=-4.3,
        named=27.41,
        expected=0.34,
        opens=1.33,
        meaning=14.87,
    ),
)
# Words alone tell a passage's chance no better than its units do.
_UNIT_BY_WORDS = Signs(
    words=6.31, around=4.6, passage=-1.23, rank=2.13, fragment=-3.83, named=13.16, expected=1.16, opens=0.63
)
WORDS_ALONE = Weights(unit=_UNIT_BY_WORDS, passage=_UNIT_BY_WORDS)
