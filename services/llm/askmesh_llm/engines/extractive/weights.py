"""How much each sign counts. Fitted by evals/fit_quotes.py on the dev halves of FURY, the standard library and SQuAD 2.0.

A unit's score is the weighted sum of its signs: its share of the chance that it holds the answer is exp(score) over the
sum of exp(score) of all units (a conditional logit).
"""

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
    # 1 where it is shorter than five words.
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


WITH_MEANING = Signs(
    words=3.35,
    around=4.39,
    passage=0.59,
    rank=1.04,
    fragment=-3.72,
    named=12.95,
    expected=1.32,
    opens=0.56,
    meaning=10.86,
)
WORDS_ALONE = Signs(
    words=6.31, around=4.6, passage=-1.23, rank=2.13, fragment=-3.83, named=13.16, expected=1.16, opens=0.63
)
