"""Fits the gate's weights (bot/answering/calibration.py) on the dev halves of a result: `python evals/fit_gate.py RESULT`.

A logistic regression of "the corpus answers this" on the gate's signals. Each set of answerable questions counts alike,
and so does each of unanswerable ones, general questions as much as those about something close. SQuAD's adversarial
questions are left out: their paragraphs speak of everything in the question, so no signal tells them apart.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NAMES = ("similarity", "coverage", "missing", "agreement", "unknown_name")
_RIDGE, _NEWTON_STEPS = 1.0, 50
# Every answerable set one share of half of the weight, general questions a quarter, the other unanswerable ones a quarter.
_GENERAL = "selfaware"


def main() -> None:
    """Print the weights for the result's embedding model, and those for unknown ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path, help="a result file of run.py with all sets")
    result = json.loads(parser.parse_args().result.read_text(encoding="utf-8"))
    rows = [row for row in result["questions"] if row["half"] == "dev" and row["style"] != "adversarial"]
    model = result["configuration"]["embeddings"]["id"]
    print(f'"{model}":', _shown(fit(rows, (0, 1, 2, 3, 4))))
    print("DEFAULT =", _shown(fit(rows, (1, 2, 3, 4))))


def fit(rows: Sequence[dict[str, Any]], columns: Sequence[int]) -> NDArray[np.float64]:
    """A weight for each of the signals, 0 for those left out, and the constant."""
    signals = np.array([row["signals"] for row in rows])[:, columns]
    truth = np.array([float(row["answerable"]) for row in rows])
    shares = _shares(rows)
    mean, scale = signals.mean(0), signals.std(0) + 1e-9
    inputs = np.column_stack([(signals - mean) / scale, np.ones(len(rows))])
    ridge = _RIDGE * np.eye(inputs.shape[1])
    ridge[-1, -1] = 0.0
    theta = np.zeros(inputs.shape[1])
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-inputs @ theta))
        gradient = inputs.T @ (shares * (chance - truth)) + ridge @ theta
        curvature = (inputs * (shares * chance * (1 - chance))[:, None]).T @ inputs + ridge
        theta -= np.linalg.solve(curvature, gradient)
    weights = np.zeros(len(NAMES) + 1)
    weights[list(columns)] = theta[:-1] / scale
    weights[-1] = theta[-1] - (theta[:-1] * mean / scale).sum()
    return weights


def _shares(rows: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    groups = [(bool(row["answerable"]), row["corpus"], row["answerable"] or row["style"]) for row in rows]
    sizes = Counter(groups)

    def kind(group: tuple[bool, str, object]) -> str:
        return "answerable" if group[0] else _GENERAL if group[2] == _GENERAL else "other"

    kinds = Counter(kind(group) for group in sizes)
    weight = {"answerable": 0.5, _GENERAL: 0.25, "other": 0.25}
    return np.array([len(rows) * weight[kind(one)] / kinds[kind(one)] / sizes[one] for one in groups])


def _shown(weights: NDArray[np.float64]) -> str:
    return f"Weights({', '.join(f'{value:.2f}' for value in weights)})"


if __name__ == "__main__":
    main()
