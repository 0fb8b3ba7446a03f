"""Fits the weights of the served order's signs (bot/answering/fusion.py): `python evals/fit_ranking.py`, over a mesh of its
own whose corpora `run.py` has learned.

A conditional logit over the candidates of each question: the chance of those that overlap a gold place is maximised, on the
dev halves, with all of SQuAD's answerable questions; each set counts by the root of its size.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import corpus
import numpy as np
from askmesh_bot.answering.fusion import Signs, all_signs
from measuring import Measurer, match_of
from mesh import running_mesh
from numpy.typing import NDArray
from questions import EvalQuestion, read_squad
from sets import default_data, questions_of

_RIDGE, _STEPS, _RATE = 0.002, 400, 0.05
_ALL = 10_000


@dataclass(frozen=True)
class Candidates:
    """The candidates of a question: a row of signs each, and which of them are right."""

    group: str
    signs: NDArray[np.float64]
    right: NDArray[np.bool_]


def main() -> None:
    """Print the weights, scaled as fusion.py has them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, default=corpus.CACHE / "state", help="the mesh's state (%(default)s)")
    arguments = parser.parse_args()
    data = default_data()
    squad = read_squad(data / "squad2" / "dev-open.json", answerable=_ALL, unanswerable=0)
    asked = [*questions_of("fury", data), *questions_of("stdlib", data), *squad]
    with running_mesh(arguments.state) as urls:
        measurer = Measurer(urls.bot, urls.embeddings, urls.vectordb)
        dev = [question for question in asked if question.answerable and question.half == "dev"]
        found = [candidates for question in dev if (candidates := read(measurer, question)) is not None]
    print(fit(found))


def read(measurer: Measurer, question: EvalQuestion) -> Candidates | None:
    """The candidates with their signs; None where none of them is right."""
    matches = [match_of(item) for item in measurer.search(question.corpus, question.text)]
    right = np.array([question.is_gold(dict(match.metadata)) for match in matches])
    return Candidates(question.corpus, np.array(all_signs(question.text, matches)), right) if right.any() else None


def fit(questions: Sequence[Candidates]) -> Signs:
    """The weights, scaled so that those of the two scores make one."""
    sizes = Counter(one.group for one in questions)
    shares = np.array([sizes[one.group] ** -0.5 for one in questions])
    shares /= shares.sum()
    scale = np.concatenate([one.signs for one in questions]).std(0) + 1e-9
    theta = np.zeros(len(scale))
    slope, square = np.zeros_like(theta), np.zeros_like(theta)
    for step in range(1, _STEPS + 1):
        gradient = _RIDGE * theta
        for one, share in zip(questions, shares, strict=True):
            rows = one.signs / scale
            odds = np.exp(rows @ theta - (rows @ theta).max())
            held = odds * one.right
            gradient = gradient + share * (odds @ rows / odds.sum() - held @ rows / held.sum())
        # Adam (Kingma and Ba, 2015).
        slope, square = 0.9 * slope + 0.1 * gradient, 0.99 * square + 0.01 * gradient**2
        theta = theta - _RATE * (slope / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    weights = theta / scale
    return Signs(*(round(float(value), 2) for value in weights / weights[:2].sum()))


if __name__ == "__main__":
    main()
