"""Loads a checkpoint: the library's own architectures only, safetensors only, a pinned revision."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from askmesh_kit.packed_linear import pack_linear_layers
from transformers import AutoModelForCausalLM, AutoTokenizer

from askmesh_llm.engines.golden import SelfTestFailed
from askmesh_llm.engines.transformers.default import DEFAULT_MODEL, DEFAULT_REVISION
from askmesh_llm.engines.transformers.fingerprint import fingerprint
from askmesh_llm.settings import Settings

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready to run. `stops` are the token ids that end an answer; `fingerprint` names the checkpoint."""

    model: Any
    tokenizer: Any
    context: int
    stops: tuple[int, ...]
    fingerprint: str


def load(settings: Settings) -> Loaded:
    """Read the checkpoint into memory. Blocks for as long as the disk or the download takes.

    Raises OSError or ValueError when there is no such model or it needs code of its own, SelfTestFailed when the
    weights do not compute.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    name = settings.model or DEFAULT_MODEL
    if name.startswith(("/", ".", "~")) and not Path(name).is_dir():
        raise ValueError(f"there is no folder {name}: correct ASKMESH_LLM_MODEL")
    revision = settings.revision or (DEFAULT_REVISION if name == DEFAULT_MODEL else None)
    device = _device(settings.device)
    tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
    model: Any = AutoModelForCausalLM.from_pretrained(
        name,
        revision=revision,
        dtype=_dtype(settings.dtype, device),
        use_safetensors=True,
        trust_remote_code=False,
        attn_implementation="sdpa",
    )
    model = model.to(device).eval()
    known_as = fingerprint(model, tokenizer)
    if model.dtype == torch.bfloat16:  # fp32 is for answers that are plain generate's own, to the last bit
        pack_linear_layers(model)
    _self_test(model, tokenizer)
    own = int(model.config.max_position_embeddings)
    context = min(own, settings.max_model_len or own)
    return Loaded(model, tokenizer, context, _stops(model, tokenizer), known_as)


def _device(wanted: str) -> str:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ValueError("there is no CUDA device: set ASKMESH_LLM_DEVICE=auto, or install the CUDA build of torch")
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def _dtype(wanted: str, device: str) -> torch.dtype:
    if wanted != "auto":
        return _DTYPES[wanted]
    has_bf16 = torch.cuda.is_bf16_supported() if device == "cuda" else torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.bfloat16 if has_bf16 else torch.float32


def _stops(model: Any, tokenizer: Any) -> tuple[int, ...]:
    given = model.generation_config.eos_token_id
    ids = set(given if isinstance(given, list) else [given]) | {tokenizer.eos_token_id}
    return tuple(sorted(item for item in ids if item is not None))


def _self_test(model: Any, tokenizer: Any) -> None:
    """One forward pass: broken weights or an unfit number format show as numbers that are not finite."""
    ids = tokenizer("The quick brown fox", add_special_tokens=False)["input_ids"] or [0]
    with torch.no_grad():
        logits = model(torch.tensor([ids], device=model.device)).logits
    if not torch.isfinite(logits).all():
        raise SelfTestFailed("the model's logits are not finite")
