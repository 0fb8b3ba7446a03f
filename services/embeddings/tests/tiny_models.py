"""Tiny random checkpoints of the architectures the service loads, and an independent reading of one of them."""

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from askmesh_embeddings.encoders.minilm import locate_package
from safetensors.torch import save_file

LAYERS, HIDDEN, HEADS, WIDE, VOCABULARY = 2, 64, 2, 128, 30_522
ROPE_THETA, ROPE_FACTOR = 160_000.0, 2.0


def save_gte(folder: Path) -> Path:
    """A checkpoint in the layout of Alibaba-NLP/gte-large-en-v1.5: `new` architecture, remote code, CLS pooling."""
    _tokenizer(folder, max_length=8_192)
    random = np.random.default_rng(7)

    def weight(*shape, scale=0.08):
        return torch.tensor(random.standard_normal(shape) * scale, dtype=torch.float32)

    def norm(name):
        return {f"{name}.weight": 1 + weight(HIDDEN), f"{name}.bias": weight(HIDDEN)}

    weights = {
        "embeddings.word_embeddings.weight": weight(VOCABULARY, HIDDEN, scale=1.0),
        "embeddings.token_type_embeddings.weight": weight(2, HIDDEN),
        **norm("embeddings.LayerNorm"),
    }
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        weights |= {
            f"{layer}.attention.qkv_proj.weight": weight(3 * HIDDEN, HIDDEN, scale=0.3),
            f"{layer}.attention.qkv_proj.bias": weight(3 * HIDDEN),
            f"{layer}.attention.o_proj.weight": weight(HIDDEN, HIDDEN, scale=0.3),
            f"{layer}.attention.o_proj.bias": weight(HIDDEN),
            f"{layer}.mlp.up_gate_proj.weight": weight(2 * WIDE, HIDDEN, scale=0.2),
            f"{layer}.mlp.down_proj.weight": weight(HIDDEN, WIDE, scale=0.2),
            f"{layer}.mlp.down_proj.bias": weight(HIDDEN),
            **norm(f"{layer}.attn_ln"),
            **norm(f"{layer}.mlp_ln"),
        }
    save_file({f"new.{name}": value for name, value in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    code = "Alibaba-NLP/new-impl--"
    _write(
        folder / "config.json",
        {
            "architectures": ["NewModel"],
            "auto_map": {"AutoConfig": f"{code}configuration.NewConfig", "AutoModel": f"{code}modeling.NewModel"},
            "model_type": "new",
            "hidden_size": HIDDEN,
            "intermediate_size": WIDE,
            "num_attention_heads": HEADS,
            "num_hidden_layers": LAYERS,
            "vocab_size": VOCABULARY,
            "type_vocab_size": 2,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-12,
            "max_position_embeddings": 8_192,
            "pad_token_id": 0,
            "position_embedding_type": "rope",
            "rope_theta": ROPE_THETA,
            "rope_scaling": {"type": "ntk", "factor": ROPE_FACTOR},
            "torch_dtype": "float32",
        },
    )
    _sentence_transformers_files(folder, pooling="cls", max_length=8_192, normalise=False)
    return folder


def gte_vector(folder: Path, ids: list[int]) -> np.ndarray:
    """The CLS vector of one text at unit length, computed from the paper's formulas and the hub's own RoPE, no library.

    Fixed NTK: base theta·f, frequencies divided by f^(2/d).
    """
    from safetensors.numpy import load_file

    weights = {name.removeprefix("new."): value for name, value in load_file(folder / "model.safetensors").items()}
    size = HIDDEN // HEADS

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def rotate(x):
        frequencies = (ROPE_THETA * ROPE_FACTOR) ** (-np.arange(0, size, 2) / size) / ROPE_FACTOR ** (2 / size)
        angles = np.outer(np.arange(len(ids)), frequencies)
        cos, sin = np.cos(angles), np.sin(angles)
        first, second = x[..., : size // 2], x[..., size // 2 :]
        return np.concatenate([first * cos - second * sin, second * cos + first * sin], -1)

    def gelu(x):
        return 0.5 * x * (1 + torch.erf(torch.tensor(x / np.sqrt(2))).numpy())

    hidden = weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.token_type_embeddings.weight"][0]
    hidden = norm(hidden, "embeddings.LayerNorm")
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        qkv = hidden @ weights[f"{layer}.attention.qkv_proj.weight"].T + weights[f"{layer}.attention.qkv_proj.bias"]
        query, key, value = (part.reshape(-1, HEADS, size).swapaxes(0, 1) for part in np.split(qkv, 3, -1))
        scores = rotate(query) @ rotate(key).swapaxes(1, 2) / np.sqrt(size)
        attention = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (attention / attention.sum(-1, keepdims=True) @ value).swapaxes(0, 1).reshape(-1, HIDDEN)
        mixed = mixed @ weights[f"{layer}.attention.o_proj.weight"].T + weights[f"{layer}.attention.o_proj.bias"]
        hidden = norm(hidden + mixed, f"{layer}.attn_ln")
        up, gate = np.split(hidden @ weights[f"{layer}.mlp.up_gate_proj.weight"].T, 2, -1)
        down = (gelu(gate) * up) @ weights[f"{layer}.mlp.down_proj.weight"].T + weights[f"{layer}.mlp.down_proj.bias"]
        hidden = norm(hidden + down, f"{layer}.mlp_ln")
    return hidden[0] / np.linalg.norm(hidden[0])


def save_bert(folder: Path, *, prompts: dict[str, str] | None = None, safe: bool = True) -> Path:
    """A BERT with mean pooling, normalisation and, where given, prompts."""
    from transformers import BertConfig, BertModel

    _tokenizer(folder, max_length=64)
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=WIDE,
        max_position_embeddings=64,
    )
    model = BertModel(config)
    model.save_pretrained(folder)
    if not safe:
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    _sentence_transformers_files(folder, pooling="mean", max_length=64, normalise=True, prompts=prompts)
    return folder


def save_fnet(folder: Path) -> Path:
    """An FNet with mean pooling: its Fourier transform knows no bfloat16."""
    from transformers import FNetConfig, FNetModel

    _tokenizer(folder, max_length=64)
    config = FNetConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        intermediate_size=WIDE,
        max_position_embeddings=64,
    )
    FNetModel(config).save_pretrained(folder)
    _sentence_transformers_files(folder, pooling="mean", max_length=64, normalise=True)
    return folder


def save_cross_encoder(folder: Path, *, outputs: int = 1, head: bool = True) -> Path:
    """A BERT that reads pairs, in the layout of cross-encoder/ms-marco-MiniLM-L6-v2."""
    from transformers import BertConfig, BertForSequenceClassification

    _tokenizer(folder, max_length=64)
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=WIDE,
        max_position_embeddings=64,
        initializer_range=0.3,
        num_labels=outputs,
    )
    model = BertForSequenceClassification(config)
    (model if head else model.bert).save_pretrained(folder)
    return folder


def _tokenizer(folder: Path, max_length: int) -> None:
    folder.mkdir(parents=True)
    shutil.copy(locate_package() / "tokenizer.json", folder)
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": max_length}
    _write(folder / "tokenizer_config.json", config)


def _sentence_transformers_files(folder, *, pooling, max_length, normalise, prompts=None):
    kinds = ["Transformer", "Pooling", *(["Normalize"] if normalise else [])]
    paths = ["", "1_Pooling", "2_Normalize"]
    modules = [
        {"idx": index, "name": str(index), "path": paths[index], "type": f"sentence_transformers.models.{kind}"}
        for index, kind in enumerate(kinds)
    ]
    _write(folder / "modules.json", modules)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False})
    _write(
        folder / "1_Pooling" / "config.json",
        {
            "word_embedding_dimension": HIDDEN,
            "pooling_mode_cls_token": pooling == "cls",
            "pooling_mode_mean_tokens": pooling == "mean",
        },
    )
    (folder / "2_Normalize").mkdir(exist_ok=True)
    if prompts:
        _write(folder / "config_sentence_transformers.json", {"prompts": prompts})


def _write(path: Path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
