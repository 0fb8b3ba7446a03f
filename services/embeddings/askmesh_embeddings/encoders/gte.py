"""The gte-v1.5 models (Alibaba-NLP/gte-large-en-v1.5, gte-base-en-v1.5, gte-multilingual-base) without remote code.

Their repositories name the architecture `new`, whose code lies in yet another repository and breaks on transformers 5
(huggingface/sentence-transformers#3717). transformers has the same architecture as `gte`; only the rotary embedding is
described differently.
"""

from collections.abc import Mapping
from typing import Any


def native_gte_config(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """What to override in a `new` model's config so that transformers' own `gte` loads it; None for other models.

    Raises ValueError for a rotary scaling we do not know. Fixed NTK scaling by f over heads of size d raises the base
    to f·theta and divides the frequencies by f^(2/d), which is linear scaling by f^(2/d) on that base.
    """
    if config.get("model_type") != "new":
        return None
    theta = float(config.get("rope_theta", 10_000.0))
    scaling = config.get("rope_scaling")
    if not scaling:
        return {"model_type": "gte", "rope_parameters": {"rope_type": "default", "rope_theta": theta}}
    if scaling.get("type") != "ntk" or scaling.get("mixed_b") is not None:
        raise ValueError(f"the rotary scaling {scaling} is not known")
    factor, head_size = float(scaling["factor"]), config["hidden_size"] // config["num_attention_heads"]
    linear = {"rope_type": "linear", "factor": factor ** (2 / head_size), "rope_theta": theta * factor}
    return {"model_type": "gte", "rope_parameters": linear}
