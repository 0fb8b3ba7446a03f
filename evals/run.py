"""Measures retrieval, answers and abstention over a mesh that is really started: `make evals`, or
`python evals/run.py [--data FOLDER] [--state FOLDER] [--out FOLDER]`."""

import argparse
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import corpus
import report
from measuring import Asked, Measurer
from mesh import MeshUrls, running_mesh
from questions import read_questions

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Measure FURY's questions and write a dated result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=default_data(), help="folder with fury/questions.jsonl (%(default)s)"
    )
    parser.add_argument(
        "--state", type=Path, default=corpus.CACHE / "state", help="the mesh's state, kept between runs"
    )
    parser.add_argument("--out", type=Path, default=HERE / "results", help="where the result goes (%(default)s)")
    arguments = parser.parse_args()
    questions = read_questions(arguments.data / "fury" / "questions.jsonl")
    tree = corpus.fury()
    with running_mesh(arguments.state) as urls:
        measurer = Measurer(urls.bot, urls.embeddings, urls.vectordb, "fury")
        print(f"Learning {tree.folder.name} …", flush=True)
        learned = measurer.learn(str(tree.folder), "FURY")
        print(
            f"{learned['documents']} documents, {learned['chunks']} chunks. Asking {len(questions)} questions …",
            flush=True,
        )
        asked: list[Asked] = []
        for item in measurer.ask_all(questions):
            asked.append(item)
            print(f"  {item.question.id}  {item.outcome:<12} hybrid rank {item.ranks['hybrid'] or '–'}", flush=True)
        configuration = describe(urls, measurer, learned, tree.sha256)
    path = report.write(arguments.out, "fury", asked, configuration)
    print(path.read_text(encoding="utf-8").partition("## Questions")[0])
    print(f"Written to {path} and {path.with_suffix('.json').name}")


def default_data() -> Path:
    """The folder of shared question sets where there is one beside the checkout, else those kept here."""
    shared = HERE.parent.parent / "shared" / "data"
    return shared if shared.is_dir() else HERE / "data"


def describe(urls: MeshUrls, measurer: Measurer, learned: dict[str, Any], sha256: str) -> dict[str, Any]:
    """What a result depends on."""
    git = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(git, cwd=HERE, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}",
        "commit": commit,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "corpus_sha256": sha256,
        "documents": learned["documents"],
        "chunks": learned["chunks"],
        **measurer.configuration(urls.llm),
        "variables": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith("ASKMESH_") and not any(part in name for part in ("KEY", "TOKEN", "SECRET", "URL"))
        },
    }


if __name__ == "__main__":
    main()
