"""Training with sentence-transformers' own trainer. Needs the extra `finetune`."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from datasets import Dataset  # type: ignore[import-not-found,import-untyped,unused-ignore]
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.losses import MultipleNegativesRankingLoss
from sentence_transformers.training_args import BatchSamplers

from askmesh_embeddings.encoders.base import EncoderOptions
from askmesh_embeddings.encoders.hardware import usable_cores
from askmesh_embeddings.encoders.sentence_transformers import SentenceTransformersEncoder
from askmesh_embeddings.finetuning.pairs import Pair
from askmesh_embeddings.golden import record


@dataclass(frozen=True)
class Recipe:
    """How to train. `max_tokens` bounds what is read of a passage while training, not what the result reads."""

    epochs: float = 1.0
    batch: int = 32
    learning_rate: float = 2e-5
    max_tokens: int = 128
    seed: int = 7


def train(base: EncoderOptions, pairs: Sequence[Pair], out: Path, recipe: Recipe) -> None:
    """Write the fine-tuned model to `out`, as a sentence-transformers folder with its reference vectors.

    MultipleNegativesRankingLoss (Henderson et al. 2017, arXiv:1705.00652): the other passages of a batch are each
    question's wrong answers.
    """
    model: SentenceTransformer = SentenceTransformersEncoder(base, to_serve=False).modules
    torch.set_num_threads(usable_cores())
    longest = model.max_seq_length
    model.max_seq_length = min(recipe.max_tokens, longest or recipe.max_tokens)
    columns = {"anchor": [pair.question for pair in pairs], "positive": [pair.passage for pair in pairs]}
    with tempfile.TemporaryDirectory() as scratch:
        trainer = SentenceTransformerTrainer(
            model=model,
            args=_arguments(scratch, recipe, steps=len(pairs) // recipe.batch),
            train_dataset=Dataset.from_dict(columns),
            loss=MultipleNegativesRankingLoss(model),
        )
        trainer.train()
    model.max_seq_length = longest
    model.save(str(out), create_model_card=False, safe_serialization=True)
    trained = SentenceTransformersEncoder(EncoderOptions(model=str(out), dtype="fp32", device=base.device))
    (out / "golden.json").write_text(record(trained).write(), encoding="utf-8")


def _arguments(scratch: str, recipe: Recipe, steps: int) -> SentenceTransformerTrainingArguments:
    return SentenceTransformerTrainingArguments(
        output_dir=scratch,
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch,
        learning_rate=recipe.learning_rate,
        warmup_steps=max(1, int(0.1 * recipe.epochs * steps)),
        # Equal texts in a batch would be each other's negatives.
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        seed=recipe.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        dataloader_pin_memory=False,
        use_cpu=not torch.cuda.is_available(),
    )
