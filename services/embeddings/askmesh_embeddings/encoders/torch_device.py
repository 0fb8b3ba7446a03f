"""Where torch computes, and in what."""

import torch

from askmesh_embeddings.encoders.base import Dtype, EncoderError
from askmesh_embeddings.encoders.hardware import cpu_computes_bf16


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
