"""Fits the weights of the extractive engine's signs (engines/extractive/weights.py): `python evals/fit_quotes.py`.

Two conditional logits over the units of the passages shown for a question, on the dev halves: one maximises the chance of
the units that hold the answer in a gold passage, the other that of all units of the gold passages. Reads what `run.py` keeps of its last run, and asks the embeddings service
at --embeddings for the units' vectors.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx2
import numpy as np
from askmesh_llm.engines.extractive.ranking import Candidate, rank
from askmesh_llm.engines.extractive.weights import Signs
from corpus import CACHE
from examples import Example, examples
from numpy.typing import NDArray
from sets import default_data

_RIDGE, _STEPS, _RATE = 0.002, 600, 0.05
Vectors = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True)
class Units:
    """The quotable units of a question: a row of signs each, which of them hold the answer, and which are of a gold passage."""

    group: str
    signs: NDArray[np.float64]
    right: NDArray[np.bool_]
    gold: NDArray[np.bool_]


def read(example: Example, vectors: Vectors) -> Units | None:
    """The units with all signs; None where none of them holds the answer."""
    quotable = [one for one in rank(example.prompt).candidates if one.unit.kind in ("sentence", "item")]
    right = np.array([_holds(one, example) for one in quotable])
    if not right.any():
        return None
    texts = [f"{one.passage.header}: {one.unit.text}"[:500] for one in quotable]
    found = vectors([example.prompt.question[:500], *texts])
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    meaning = found[1:] @ found[0]
    rows = [one.signs._replace(meaning=float(cosine)) for one, cosine in zip(quotable, meaning, strict=True)]
    gold = np.array([one.passage.number in example.gold for one in quotable])
    return Units(example.group, np.array(rows), right, gold)


def fit(
    questions: Sequence[Units], wanted: Callable[[Units], NDArray[np.bool_]], *, without: tuple[str, ...] = ()
) -> Signs:
    """The weights of the signs, every group of questions counting by the root of its size."""
    columns = [number for number, name in enumerate(Signs._fields) if name not in without]
    sizes = Counter(one.group for one in questions)
    shares = np.array([sizes[one.group] ** -0.5 for one in questions])
    shares /= shares.sum()
    scale = np.concatenate([one.signs[:, columns] for one in questions]).std(0) + 1e-9
    theta = np.zeros(len(columns))
    slope, square = np.zeros_like(theta), np.zeros_like(theta)
    for step in range(1, _STEPS + 1):
        gradient = _RIDGE * theta
        for one, share in zip(questions, shares, strict=True):
            rows = one.signs[:, columns] / scale
            odds = np.exp(rows @ theta - (rows @ theta).max())
            held = odds * wanted(one)
            gradient = gradient + share * (odds @ rows / odds.sum() - held @ rows / held.sum())
        # Adam (Kingma and Ba, 2015).
        slope, square = 0.9 * slope + 0.1 * gradient, 0.99 * square + 0.01 * gradient**2
        theta = theta - _RATE * (slope / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    weights = dict.fromkeys(Signs._fields, 0.0)
    weights |= {
        Signs._fields[column]: round(float(value), 2) for column, value in zip(columns, theta / scale, strict=True)
    }
    return Signs(**weights)


def embedder(url: str) -> Vectors:
    """Vectors from an embeddings service; each text is asked for once."""
    known: dict[str, list[float]] = {}
    client = httpx2.Client(timeout=120, trust_env=False)

    def vectors(texts: Sequence[str]) -> NDArray[np.float32]:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        for start in range(0, len(new), 64):
            batch = new[start : start + 64]
            answer = client.post(f"{url}/v1/embeddings", json={"input": batch, "truncate": True}).raise_for_status()
            known.update(zip(batch, (item["embedding"] for item in answer.json()["data"]), strict=True))
        return np.array([known[text] for text in texts], np.float32)

    return vectors


def _holds(candidate: Candidate, example: Example) -> bool:
    if candidate.passage.number not in example.gold:
        return False
    header = "" if example.group == "squad" else candidate.passage.header
    text = " ".join(f"{candidate.unit.text} {header}".lower().split())
    return any(" ".join(fact.lower().split()) in text for fact in example.facts)


def main() -> None:
    """Print the weights, to be put into weights.py by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embeddings", default="http://127.0.0.1:8001", help="base URL (%(default)s)")
    arguments = parser.parse_args()
    vectors = embedder(arguments.embeddings)
    found = examples(CACHE / "asked", default_data(), "dev")
    questions = [units for example in found if (units := read(example, vectors))]
    print("WITH_MEANING, unit:", fit(questions, lambda one: one.right))
    print("WITH_MEANING, passage:", fit(questions, lambda one: one.gold))
    print("WORDS_ALONE:", fit(questions, lambda one: one.right, without=("meaning",)))


if __name__ == "__main__":
    main()
