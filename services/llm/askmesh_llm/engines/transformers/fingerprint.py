"""A name for what a loaded model is, by which its golden answer is found."""

import hashlib
from typing import Any

import torch


def fingerprint(model: Any, tokenizer: Any) -> str:
    """Names a model by its number format, tensors (16 samples of each), vocabulary and template; 16 hex digits."""
    digest = hashlib.sha256(f"{model.dtype} {len(tokenizer)} {tokenizer.chat_template}".encode())
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.detach().reshape(-1)
        places = torch.linspace(0, flat.numel() - 1, 16, dtype=torch.float64).long().to(flat.device)
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(flat[places].float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
