"""`python -m bench.llm`: our engines against plain generate and `transformers serve`, side by side in one run."""

import argparse
import datetime
import json
import os
import pathlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack

from askmesh_llm.commands.load import Load, Result

from bench.llm import checkpoint, report
from bench.llm.contenders import Contender, start_ours, start_plain, start_transformers_serve

RESULTS = pathlib.Path(__file__).parent / "results"


def main() -> None:
    arguments = _arguments()
    folder = checkpoint.make(arguments.folder / f"phi-3-{arguments.layers}-layers", arguments.layers)
    bandwidth = read_bandwidth()
    results, memory = take(start(folder, arguments), arguments)
    run = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "layers": arguments.layers,
        "prompt_words": arguments.prompt_words,
        "max_tokens": arguments.max_tokens,
        "rounds": arguments.rounds,
        "each_alone": arguments.each_alone,
        "machine": report.machine(),
        "load_average": os.getloadavg()[0],
        "read_bandwidth_gb_s": bandwidth / 1e9,
        "bytes_per_token": checkpoint.bytes_per_token(folder),
        "peak_mb": memory,
        "results": {name: {str(at): result.as_dict() for at, result in by.items()} for name, by in results.items()},
    }
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / f"{run['date'][:10]}-{arguments.layers}-layers"
    stem.with_suffix(".json").write_text(json.dumps(run, indent=1) + "\n")
    text = report.markdown(run)
    stem.with_suffix(".md").write_text(text)
    stem.with_suffix(".svg").write_text(report.svg(run))
    print(text)


def take(
    systems: Iterator[Contender], arguments: argparse.Namespace
) -> tuple[dict[str, dict[int, Result]], dict[str, float]]:
    """Results, and peak memory in MiB, of all systems side by side, or of one after the other."""
    results: dict[str, dict[int, Result]] = {}
    memory: dict[str, float] = {}
    for group in ([system] for system in systems) if arguments.each_alone else [systems]:
        with ExitStack() as stack:
            contenders = []
            for contender in group:
                stack.callback(contender.stop)
                contenders.append(contender)
            results |= measure(contenders, arguments)
            memory |= {contender.name: contender.peak_mb() for contender in contenders}
    return results, memory


def start(folder: pathlib.Path, arguments: argparse.Namespace) -> Iterator[Contender]:
    """All systems, one after the other, plain generate first."""
    yield start_plain(folder)
    yield start_ours(folder, "transformers", arguments.python, cache_tokens="4096", max_active="16")
    if not arguments.no_serve:
        yield start_transformers_serve(folder, 65, arguments.python)
    if arguments.int4:
        int4 = start_ours(arguments.int4, "int4", arguments.python)
        int4.concurrencies = (1,)
        yield int4


def measure(contenders: list[Contender], arguments: argparse.Namespace) -> dict[str, dict[int, Result]]:
    """Round by round, every system and concurrency in turn: what disturbs the machine disturbs all. Medians."""
    taken: dict[str, dict[int, list[Result]]] = {}
    first = 1_000_000 + int(time.time())
    for contender in contenders:  # what only the first request waits for is not measured
        contender.measure(Load(1, 1, arguments.prompt_words, 4, "", first))
        first += 1
    for _ in range(arguments.rounds):
        for concurrency in arguments.concurrency:
            for contender in contenders:
                if contender.concurrencies and concurrency not in contender.concurrencies:
                    continue
                if contender.url == "" and concurrency > arguments.plain_up_to:
                    continue
                load = Load(concurrency, concurrency, arguments.prompt_words, arguments.max_tokens, "", first)
                first += concurrency
                result = contender.measure(load)
                print(f"{contender.name:45} {result.row()}", flush=True)
                taken.setdefault(contender.name, {}).setdefault(concurrency, []).append(result)
    return {name: {at: _median(results) for at, results in by.items()} for name, by in taken.items()}


def _median(results: list[Result]) -> Result:
    """The median of each figure over the rounds."""
    fields = [result.as_dict() for result in results]
    return Result(**{name: statistics.median(entry[name] for entry in fields) for name in fields[0]})


def read_bandwidth() -> float:
    """Bytes per second that all cores together read from memory: the best of a few passes over 2 GiB."""
    import torch

    data = torch.ones(512 * 1024 * 1024, dtype=torch.float32)
    best = 0.0
    for _ in range(4):
        began = time.perf_counter()
        data.sum()
        best = max(best, data.nbytes / (time.perf_counter() - began))
    return best


def _arguments() -> argparse.Namespace:
    import sys

    parser = argparse.ArgumentParser(prog="python -m bench.llm", description=__doc__)
    parser.add_argument(
        "--layers", type=int, default=8, help="of Phi-3-mini's 32 (%(default)s); 32 needs 30 GB of memory"
    )
    parser.add_argument(
        "--concurrency", type=lambda text: [int(part) for part in text.split(",")], default=[1, 4, 8, 16]
    )
    parser.add_argument("--plain-up-to", type=int, default=8, help="most requests one after the other (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="medians over this many rounds (%(default)s)")
    parser.add_argument("--prompt-words", type=int, default=60, help="tokens of each prompt (%(default)s)")
    parser.add_argument("--max-tokens", type=int, default=24, help="tokens of each answer (%(default)s)")
    parser.add_argument(
        "--each-alone", action="store_true", help="one system after the other, where memory does not hold them all"
    )
    parser.add_argument("--no-serve", action="store_true", help="leave `transformers serve` out")
    parser.add_argument("--int4", type=pathlib.Path, help="model folder made by `askmesh-llm build-int4`")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "askmesh-bench")
    parser.set_defaults(python=sys.executable)
    return parser.parse_args()


if __name__ == "__main__":
    main()
