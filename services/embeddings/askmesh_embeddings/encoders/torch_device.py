"""Where torch computes, and in what."""

from collections.abc import Callable
from typing import Any

import torch
from askmesh_kit.logs import get_logger

from askmesh_embeddings.encoders.base import Dtype, EncoderError
from askmesh_embeddings.encoders.hardware import cpu_computes_bf16

log = get_logger("askmesh.embeddings")

# Any ids will do, and few.
_TRIAL = [[1, 2, 3]]


def choose_device(wanted: str) -> str:
    """`cuda` where there is such a device, else `cpu`. Raises EncoderError for one asked for that is not there."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise EncoderError("There is no CUDA device.", "Set DEVICE=auto, or install the CUDA build of torch.")
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def choose_dtype(wanted: str, device: str) -> Dtype:
    """What was asked for; `auto` is bf16 only where the hardware computes in it, for emulation is slower than fp32."""
    if wanted != "auto":
        return "bf16" if wanted == "bf16" else "fp32"
    # CUDA emulates bfloat16 on GPUs before Ampere.
    on_gpu = device == "cuda"
    in_hardware = torch.cuda.is_bf16_supported(including_emulation=False) if on_gpu else cpu_computes_bf16()
    return "bf16" if in_hardware else "fp32"


def load_in(wanted: str, device: str, load: Callable[[Dtype], Any], name: str) -> tuple[Any, Dtype]:
    """The model that `load` gives in the dtype of `choose_dtype`, or in fp32 where `auto` meets one that bf16 breaks.

    Some architectures mix in float32 of their own (DeBERTa, FNet's transform). Raises EncoderError for one that was to
    compute in bf16.
    """
    dtype = choose_dtype(wanted, device)
    model = load(dtype)
    if dtype == "fp32" or not (problem := _trial(model, device)):
        return model, dtype
    if wanted != "auto":
        raise EncoderError(f"{name} does not compute in bf16: {problem}.", "Set DTYPE=fp32.")
    log.warning("bf16_not_supported", model=name, reason=problem)
    del model
    return load("fp32"), "fp32"


def _trial(model: Any, device: str) -> str | None:
    """What goes wrong with a first batch, or None. A sentence-transformers model's first module is tried alone."""
    ids = torch.tensor(_TRIAL, device=device)
    features = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    try:
        with torch.inference_mode():
            if isinstance(model, torch.nn.Sequential):
                model[0](features)
            else:
                model(**features)
    except RuntimeError as error:
        return str(error).partition("\n")[0].rstrip(".")
    return None
