"""Measures retrieval, answers and abstention over a mesh that is really started: `make evals`, or
`python evals/run.py [--set NAME …]`. A run that is broken off goes on where it was."""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import corpus
import report
import sets
from measuring import Asked, Measurer
from mesh import MeshUrls, running_mesh
from questions import EvalQuestion

HERE = Path(__file__).resolve().parent
BASELINE = HERE / "results" / "baseline.json"


def main() -> None:
    """Measure the chosen sets and write a dated result. Exits with 1 where the baseline is missed."""
    arguments = _arguments()
    chosen = sets.NAMES if "all" in arguments.set else tuple(dict.fromkeys(arguments.set))
    lacking = {name: why for name in chosen if (why := sets.missing(name, arguments.data))}
    for why in lacking.values():
        print(f"Left out: {why}")
    chosen = tuple(name for name in chosen if name not in lacking)
    questions = {name: sets.questions_of(name, arguments.data) for name in chosen}
    with running_mesh(arguments.state) as urls:
        measurer = Measurer(urls.bot, urls.embeddings, urls.vectordb, reranker=urls.reranker)
        wanted = sorted({question.asked_of for name in chosen for question in questions[name]})
        learned = {name: _learn(measurer, name, arguments.data) for name in wanted}
        configuration = describe(urls, measurer, learned)
        key = hashlib.sha256(json.dumps([configuration, _code()], sort_keys=True).encode()).hexdigest()[:12]
        asked = [item for name in chosen for item in _asked(measurer, name, questions[name], key)]
    name = "all" if chosen == sets.NAMES else "-".join(chosen)
    configuration["date"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}"
    path = report.write(arguments.out, name, asked, configuration)
    summary = report.summarise(asked)
    print(report.table(summary))
    print(f"Written to {path} and {path.with_suffix('.json').name}")
    _gate(summary["figures"], new_baseline=arguments.new_baseline)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--set", nargs="+", choices=(*sets.NAMES, "all"), default=["all"], help="which sets (%(default)s)")
    add("--data", type=Path, default=sets.default_data(), help="folder with the public sets (%(default)s)")
    add("--state", type=Path, default=corpus.CACHE / "state", help="the mesh's state, kept between runs")
    add("--out", type=Path, default=HERE / "results", help="where the result goes (%(default)s)")
    add("--new-baseline", action="store_true", help="take this run's figures as the baseline")
    return parser.parse_args()


def _learn(measurer: Measurer, name: str, data: Path) -> dict[str, Any]:
    trees, documents, chunks = sets.corpora_of(name, data), 0, 0
    for tree in trees:
        print(f"Learning {tree.title} …", flush=True)
        found = measurer.learn(name, str(tree.folder), tree.title, tree.kind)
        documents, chunks = documents + found["documents"], chunks + found["chunks"]
    return {"sha256": " ".join(tree.sha256 for tree in trees), "documents": documents, "chunks": chunks}


def _asked(measurer: Measurer, name: str, questions: Sequence[EvalQuestion], key: str) -> list[Asked]:
    """The set's questions, those of a broken-off run of the same code and models from the cache."""
    kept = corpus.CACHE / "asked" / f"{name}-{key}.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    known = _kept(kept)
    with kept.open("a", encoding="utf-8") as file:
        for number, question in enumerate(questions, start=1):
            place = (question.corpus, question.id)
            if place not in known:
                known[place] = measurer.ask(question)
                file.write(json.dumps(asdict(known[place]), ensure_ascii=False) + "\n")
                file.flush()
            _progress(name, number, len(questions))
    return [known[question.corpus, question.id] for question in questions]


def _kept(path: Path) -> dict[tuple[str, str], Asked]:
    if not path.exists():
        return {}
    whole = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    path.write_text("".join(whole), encoding="utf-8")
    found = (Asked(**json.loads(line)) for line in whole)
    return {(one.corpus, one.id): one for one in found}


def _progress(name: str, done: int, total: int) -> None:
    if sys.stdout.isatty():
        print(f"\r  {name:<10} {'█' * (30 * done // total):<30} {done}/{total}", end="\n" if done == total else "")
    elif done == total or done % 200 == 0:
        print(f"  {name} {done}/{total}", flush=True)


def _gate(figures: dict[str, Any], *, new_baseline: bool) -> None:
    known = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    if new_baseline:
        BASELINE.write_text(json.dumps(known | figures, indent=1) + "\n", encoding="utf-8")
        return
    fallen = report.drops(figures, known)
    if fallen:
        raise SystemExit("Below the baseline:\n  " + "\n  ".join(fallen))
    print("Nothing fell by more than 2 points below the baseline." if known else "There is no baseline yet.")


def _code() -> str:
    """A digest of the services' code and of what asks them: answers of other code are not taken up."""
    whole = hashlib.sha256()
    own = [HERE / name for name in ("fusions.py", "measuring.py", "questions.py")]
    for path in sorted([*HERE.parent.glob("services/*/askmesh_*/**/*.py"), *own]):
        whole.update(path.read_bytes())
    return whole.hexdigest()


def describe(urls: MeshUrls, measurer: Measurer, learned: dict[str, Any]) -> dict[str, Any]:
    """What a result depends on."""
    git = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(git, cwd=HERE, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    models = measurer.configuration(urls.llm)
    for model in (models["embeddings"], models["llm"]):
        model.pop("created", None)
    return {
        "commit": commit,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "corpora": learned,
        **models,
        "variables": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith("ASKMESH_") and not any(part in name for part in ("KEY", "TOKEN", "SECRET", "URL"))
        },
    }


if __name__ == "__main__":
    main()
