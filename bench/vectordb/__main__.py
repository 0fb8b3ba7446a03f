"""`python -m bench.vectordb [--size 10000x384 …] [--only local …] [--stage load|measure|report …]`, from the repository's root."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.embeddings import machine
from bench.embeddings.peers import CACHE, Unavailable
from bench.vectordb import report
from bench.vectordb.contenders import CONTENDERS
from bench.vectordb.data import Data, Size
from bench.vectordb.environments import own_environment

ROOT = Path(__file__).parent.parent.parent
SIZES = ["10000x384", "100000x384", "100000x1024"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="1000000x384 is a size too, for those who have an hour."
    )
    parser.add_argument("--size", action="append", help=f"records x dimensions (default: {', '.join(SIZES)})")
    parser.add_argument("--only", action="append", choices=CONTENDERS, help="a contender (default: all)")
    parser.add_argument("--stage", action="append", choices=["load", "measure", "report"], help="(default: all)")
    parser.add_argument("--folder", type=Path, default=CACHE / "vectordb", help="of data and figures (%(default)s)")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results", help="of the results (%(default)s)")
    parser.add_argument("--again", action="store_true", help="load and measure again what has been")
    arguments = parser.parse_args()
    stages = arguments.stage or ["load", "measure", "report"]
    sizes = arguments.size or SIZES
    for stage in [stage for stage in ("load", "measure") if stage in stages]:
        for size in sizes:
            folder = arguments.folder / size
            Data(folder / "data", Size.parse(size)).prepare()
            for name in arguments.only or CONTENDERS:
                _run(stage, name, size, folder, arguments.again)
    if "report" in stages:
        found = {size: _figures(arguments.folder / size) for size in sizes}
        print(report.write(arguments.out, found).read_text(encoding="utf-8"))


def _run(stage: str, name: str, size: str, folder: Path, again: bool) -> None:
    """Figures of one stage go into a file of their own, so that a run that was cut off goes on where it was."""
    path, entry = _file(folder, name, stage), CONTENDERS[name]
    if (path.exists() and not again) or (stage == "load" and entry.data_of):
        return
    print(f"{size} {name}: {stage} …", flush=True)
    if stage == "load":
        (folder / name.replace(" ", "-") / "loaded.json").unlink(missing_ok=True)
    figures: dict[str, Any] = {"machine": machine.describe()}
    try:
        python = own_environment(name.lower(), entry.needs) if entry.needs else sys.executable
        command = [python, "-m", "bench.vectordb.worker", stage, name, size, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        figures |= json.loads(done.stdout.splitlines()[-1])
    except Unavailable as reason:
        figures["failed"] = str(reason)
    except subprocess.CalledProcessError as failed:
        figures["failed"] = str(failed.stderr).strip()[-600:]
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _figures(folder: Path) -> dict[str, dict[str, Any]]:
    """What is known of each contender: {name: {stage: figures}}."""
    known: dict[str, dict[str, Any]] = {}
    for name in CONTENDERS:
        for stage in ("load", "measure"):
            if (path := _file(folder, name, stage)).exists():
                known.setdefault(name, {})[stage] = json.loads(path.read_text(encoding="utf-8"))
    return known


def _file(folder: Path, name: str, stage: str) -> Path:
    return folder / f"{name}.{stage}.json"


if __name__ == "__main__":
    main()
