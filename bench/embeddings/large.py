"""A BERT-large of gte-large's size with random weights: speed does not depend on what they say."""

import json
import shutil
from pathlib import Path
from typing import Any

from askmesh_embeddings.encoders.minilm import locate_package

from bench.embeddings.peers import CACHE


def folder() -> Path:
    """Its sentence-transformers folder, made once (1.3 GB)."""
    made = CACHE / "bert-large-random"
    if (made / "modules.json").exists():
        return made
    import torch
    from transformers import BertConfig, BertModel

    shutil.rmtree(made, ignore_errors=True)
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
    }
    BertModel(BertConfig(**sizes)).save_pretrained(made)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(locate_package() / name, made)
    (made / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 1024, "pooling_mode_mean_tokens": True}
    (made / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (made / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 512, "do_lower_case": False}))
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling")]
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (path, kind) in enumerate(kinds)
    ]
    (made / "modules.json").write_text(json.dumps(modules))
    return made
