"""What askmesh adds to an answer around embedding, search and generation: `python evals/latency.py`, on a machine that does
nothing else. The questions of FURY, the standard library and the chat, one after the other, over a mesh of its own."""

import argparse
import json
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

import corpus
from measures import percentile
from measuring import Measurer
from mesh import running_mesh
from report import added
from sets import corpus_of, default_data, questions_of

_SETS = ("fury", "stdlib", "chat")
# As many questions are asked before any is timed.
_WARM_UP = 20
ADDED = "added"


def main() -> None:
    """Print the milliseconds of each step, and write them beside the other results."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--questions", type=int, default=150, help="how many are timed (%(default)s)")
    add("--state", type=Path, default=corpus.CACHE / "state", help="the mesh's state (%(default)s)")
    add(
        "--out",
        type=Path,
        default=Path(__file__).resolve().parent / "results",
        help="where the result goes (%(default)s)",
    )
    arguments = parser.parse_args()
    asked = [question for name in _SETS for question in questions_of(name, default_data()) if question.answerable]
    asked.sort(key=lambda question: question.id[::-1])
    with running_mesh(arguments.state) as urls:
        measurer = Measurer(urls.bot, urls.embeddings, urls.vectordb)
        for name in _SETS:
            tree = corpus_of(name, default_data())
            measurer.learn(name, str(tree.folder), tree.title, tree.kind)
        for question in asked[-_WARM_UP:]:
            measurer.converse(question.corpus, [question.text])
        rows = [_timed(measurer, question.corpus, question.text) for question in asked[: arguments.questions]]
    rows = [row for row in rows if row]
    steps = sorted({step for row in rows for step in row} - {"first_sentence"})
    figures = {
        step: {
            "p50": round(percentile([row.get(step, 0.0) for row in rows], 0.5), 1),
            "p95": round(percentile([row.get(step, 0.0) for row in rows], 0.95), 1),
        }
        for step in steps
    }
    result = {
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}",
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "answers": len(rows),
        "milliseconds": figures,
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"{datetime.now(UTC):%Y-%m-%d}-latency.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for step, row in figures.items():
        print(f"{step:<10} p50 {row['p50']:>7} ms   p95 {row['p95']:>7} ms")


def _timed(measurer: Measurer, collection: str, text: str) -> dict[str, float]:
    """The milliseconds of each step of one answer; nothing where there was none."""
    began = time.perf_counter()
    answer = measurer.converse(collection, [text])
    seconds = time.perf_counter() - began
    timings: dict[str, float] = answer["timings_ms"]
    return timings | {ADDED: added(seconds, timings)} if answer["outcome"] == "answered" else {}


if __name__ == "__main__":
    main()
