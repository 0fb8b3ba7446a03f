"""Fine-tune a model on pairs of question and passage, and say what it changed on ones it never saw."""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import httpx2

from askmesh_embeddings.encoders.base import EncoderError, EncoderOptions
from askmesh_embeddings.encoders.minilm import locate_package
from askmesh_embeddings.encoders.registry import load_encoder
from askmesh_embeddings.finetuning import pairs as sources
from askmesh_embeddings.finetuning.measuring import Question, hits, questions_of, read_questions
from askmesh_embeddings.settings import Settings


def run(options: argparse.Namespace) -> int:
    if options.out.exists():
        sys.stderr.write(f"{options.out} exists already: choose another folder, or remove it\n")
        return 1
    try:
        _finetune(options, *_read(options))
    except ImportError as error:
        sys.stderr.write(f"{error}. pip install 'askmesh-embeddings[finetune]'\n")
        return 1
    except (EncoderError, ValueError, OSError, httpx2.HTTPError, httpx2.InvalidURL) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _finetune(options: argparse.Namespace, records: list[sources.Record], pairs: list[sources.Pair]) -> None:
    # Only now, for they take long to load: what cannot be read is said at once.
    from askmesh_embeddings.exporting import export
    from askmesh_embeddings.finetuning.training import Recipe, train

    training, held_out = sources.split_held_out(pairs, options.held_out, options.seed)
    if options.max_pairs:
        training = random.Random(options.seed).sample(training, min(options.max_pairs, len(training)))  # noqa: S311
    tests = _tests(options, records, held_out)
    base = replace(Settings().encoder_options, model=options.base or str(locate_package()))
    recipe = Recipe(options.epochs, options.batch, options.learning_rate, options.max_tokens, options.seed)
    sys.stderr.write(f"Measuring the model as it is, then training on {len(training)} pairs …\n")
    before = _measure(base, tests)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    # Moved when whole, so that an interrupted run leaves no half model.
    with tempfile.TemporaryDirectory(dir=options.out.parent, prefix=f".{options.out.name}") as scratch:
        made = Path(scratch) / options.out.name
        train(replace(base, dtype="fp32"), training, made, recipe)
        tuned = replace(base, model=str(made), revision=None)
        after = _measure(tuned, tests)
        sys.stderr.write("Exporting for serving without torch …\n")
        exported = export(tuned, made / "onnx")
        report = {"fingerprint": exported.fingerprint, "pairs": len(training), "before": before, "after": after}
        report |= {"export": asdict(exported.agreement)}
        (made / "finetune.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        shutil.move(made, options.out)
    sys.stdout.write(_table(before, after))
    sys.stdout.write(
        f"\nThe model is in {options.out}, these figures in its finetune.json. Serve it:\n"
        f"  ASKMESH_EMBEDDINGS_ENCODER=onnx ASKMESH_EMBEDDINGS_MODEL={options.out / 'onnx'} askmesh-embeddings serve\n"
        "Its vectors are its own: learn your sources again with it.\n"
    )


def _table(before: dict[str, Any], after: dict[str, Any]) -> str:
    """What training changed, a line for each measure."""
    lines = [f"{'':<16}{'questions':>9}  {'measure':<7}  before   after"]
    for name, measures in before.items():
        for measure in [each for each in measures if each != "questions"]:
            line = f"{name:<16}{measures['questions']:>9}  {measure:<7}"
            lines.append(f"{line}  {measures[measure]:6.3f}  {after[name][measure]:6.3f}")
    return "\n".join(lines) + "\n"


def _read(options: argparse.Namespace) -> tuple[list[sources.Record], list[sources.Pair]]:
    if options.pairs:
        return [], sources.read_pairs(options.pairs)
    if options.documents:
        records = sources.read_records(options.documents)
    else:
        records = sources.fetch_records(options.index, options.namespace, os.environ.get("ASKMESH_API_KEY"))
    return records, sources.pairs_from(records)


def _tests(
    options: argparse.Namespace, records: Sequence[sources.Record], held_out: Sequence[sources.Pair]
) -> dict[str, tuple[list[Question], list[str]]]:
    tests = {"held-out pairs": (questions_of(held_out), [pair.passage for pair in held_out])}
    if options.test:
        questions = read_questions(options.test, records)
        if not questions:
            raise ValueError(f"no record holds a gold place of {options.test}")
        tests["test questions"] = questions, [record.passage for record in records]
    return tests


def _measure(options: EncoderOptions, tests: dict[str, tuple[list[Question], list[str]]]) -> dict[str, Any]:
    encoder = load_encoder("sentence-transformers", options)
    return {name: {"questions": len(test[0])} | hits(encoder, *test) for name, test in tests.items()}
