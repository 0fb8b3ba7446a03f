"""Fine-tune a model on pairs of question and passage, and say what it changed on ones it never saw."""

import argparse
import json
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from askmesh_embeddings.encoders.base import EncoderError, EncoderOptions
from askmesh_embeddings.encoders.minilm import locate_package
from askmesh_embeddings.encoders.registry import load_encoder
from askmesh_embeddings.finetuning import pairs as sources
from askmesh_embeddings.finetuning.measuring import Question, hits, questions_of, read_questions
from askmesh_embeddings.settings import Settings


def run(options: argparse.Namespace) -> int:
    try:
        # Only this command needs them.
        from askmesh_embeddings.exporting import export
        from askmesh_embeddings.finetuning.training import Recipe, train
    except ImportError as error:
        sys.stderr.write(f"{error}. pip install 'askmesh-embeddings[finetune]'\n")
        return 1
    if options.out.exists():
        sys.stderr.write(f"{options.out} exists already\n")
        return 1
    try:
        records, pairs = _read(options)
        training, held_out = sources.split_held_out(pairs, options.held_out, options.seed)
        if options.max_pairs:
            training = random.Random(options.seed).sample(training, min(options.max_pairs, len(training)))  # noqa: S311
        tests = _tests(options, records, held_out)
        base = replace(Settings().encoder_options, model=options.base or str(locate_package()))
        before = _measure(base, tests)
        recipe = Recipe(options.epochs, options.batch, options.learning_rate, options.max_tokens, options.seed)
        sys.stderr.write(f"Before: {before}\nTraining on {len(training)} pairs, {len(held_out)} held out …\n")
        train(replace(base, dtype="fp32"), training, options.out, recipe)
        tuned = replace(base, model=str(options.out), revision=None)
        after = _measure(tuned, tests)
        exported = export(tuned, options.out / "onnx")
    except (EncoderError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    report = {"folder": str(options.out), "fingerprint": exported.fingerprint, "pairs": len(training)}
    report |= {"before": before, "after": after, "export": asdict(exported.agreement)}
    (options.out / "finetune.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    sys.stderr.write(f"Serve it: ASKMESH_EMBEDDINGS_ENCODER=onnx ASKMESH_EMBEDDINGS_MODEL={options.out / 'onnx'}\n")
    return 0


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
