"""Cross-encoders with one output, by hub id or folder, on torch."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from askmesh_kit.packed_linear import pack_linear_layers
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from askmesh_embeddings.encoders.base import EncoderError, EncoderOptions
from askmesh_embeddings.encoders.fingerprint import fingerprint
from askmesh_embeddings.encoders.hardware import CPU_MAX_TOKENS
from askmesh_embeddings.encoders.model_files import ModelFiles, find_model
from askmesh_embeddings.encoders.tokenizing import PairTokenizer, pad
from askmesh_embeddings.encoders.torch_device import choose_device, load_in
from askmesh_embeddings.rerankers.base import Pair, Reranker, RerankerInfo, Scores

DEFAULT_MODEL = "cross-encoder/ms-marco-MiniLM-L6-v2"
GPU_BATCH_TOKENS = 16_384


class CrossEncoderReranker(Reranker):
    """Reads query and document together, so it ranks better than vectors and costs a model run per document."""

    def __init__(self, options: EncoderOptions) -> None:
        self._device = choose_device(options.device)
        torch.set_num_threads(options.threads_per_lane)
        files = find_model(options.model or DEFAULT_MODEL, options.revision, options.code_revision)
        self._model, dtype = load_in(
            options.dtype,
            self._device,
            lambda dtype: _load(files).to(self._device, torch.bfloat16 if dtype == "bf16" else torch.float32).eval(),
            files.name,
        )
        pack_linear_layers(self._model)
        self._takes_segments = "token_type_ids" in inspect.signature(self._model.forward).parameters
        tokenizer = AutoTokenizer.from_pretrained(files.folder, local_files_only=True)
        longest = min(tokenizer.model_max_length, getattr(self._model.config, "max_position_embeddings", 512))
        max_tokens = min(options.max_input_tokens or CPU_MAX_TOKENS, longest)
        self._pad_id = tokenizer.pad_token_id or 0
        self._tokenizer = PairTokenizer(tokenizer.backend_tokenizer.to_str(), max_tokens)
        on_gpu = self._device == "cuda"
        self.info = RerankerInfo(
            model=files.label,
            max_input_tokens=max_tokens,
            fingerprint=fingerprint(
                model="" if files.local else files.name,
                weights=files.weights,
                pooling="cross-encoder",
                normalised=False,
                family="float",
            ),
            dtype=dtype,
            runtime=f"torch-{self._device}",
            batch_tokens=GPU_BATCH_TOKENS if on_gpu else 512,
            lanes=1 if on_gpu else options.lanes,
        )

    def tokenize(self, query: str, documents: Sequence[str], *, truncate: bool) -> list[Pair]:
        return self._tokenizer(query, documents, truncate=truncate)

    def score(self, batch: Sequence[Pair]) -> Scores:
        ids, mask = pad([pair[:, 0] for pair in batch], self._pad_id)
        inputs = {"input_ids": ids, "attention_mask": mask}
        if self._takes_segments:
            inputs["token_type_ids"] = pad([pair[:, 1] for pair in batch], 0)[0]
        with torch.inference_mode():
            on_device = {name: torch.from_numpy(values).to(self._device) for name, values in inputs.items()}
            logits: Scores = self._model(**on_device).logits.float().cpu().numpy()
        return logits


def _load(files: ModelFiles) -> Any:
    """The model. Raises EncoderError for one that is no cross-encoder: its head would be random."""
    try:
        model, report = AutoModelForSequenceClassification.from_pretrained(
            files.folder,
            use_safetensors=True,
            local_files_only=files.code_revision is None,
            trust_remote_code=files.code_revision is not None,
            output_loading_info=True,
            **({"code_revision": files.code_revision} if files.code_revision else {}),
        )
    except (OSError, ValueError, ImportError) as error:
        raise EncoderError(f"{files.name} cannot be loaded: {error}", "Check RERANKER_MODEL.") from error
    if report["missing_keys"]:
        raise EncoderError(
            f"{files.name} lacks the weights {', '.join(sorted(report['missing_keys'])[:3])}: it is no cross-encoder.",
            f"Use one, such as {DEFAULT_MODEL}.",
        )
    if model.config.num_labels != 1:
        raise EncoderError(f"{files.name} has {model.config.num_labels} outputs, not one.", "Use a cross-encoder.")
    return model
