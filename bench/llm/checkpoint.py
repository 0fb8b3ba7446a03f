"""A checkpoint of Phi-3-mini's shape with random weights: as heavy to run as the real one, and free to make."""

import json
import pathlib

from askmesh_llm.commands.load import WORDS

# microsoft/Phi-3-mini-4k-instruct, config.json
SHAPE = {
    "vocab_size": 32064,
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "max_position_embeddings": 4096,
    "original_max_position_embeddings": 4096,
}
LAYERS = 32
_CONTROL = ["<unk>", "<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>"]
_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)


def make(folder: pathlib.Path, layers: int) -> pathlib.Path:
    """Write the checkpoint in bf16, or find it there. Every id of the vocabulary is a word, so every token is text."""
    if (folder / "complete").exists():
        return folder
    import torch
    from transformers import GenerationConfig, Phi3Config, Phi3ForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    _tokenizer().save_pretrained(folder)
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    config = Phi3Config(
        **SHAPE, num_hidden_layers=layers, bos_token_id=1, eos_token_id=4, pad_token_id=1, dtype="bfloat16"
    )
    model = Phi3ForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    model.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=[4, 1], pad_token_id=1)
    model.save_pretrained(folder, max_shard_size="4GB")
    (folder / "complete").write_text(json.dumps({"layers": layers}))
    return folder


def bytes_per_token(folder: pathlib.Path) -> int:
    """Bytes of weights read for each step: all but the embedding, of which a step reads a few rows."""
    from safetensors import safe_open

    total = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - not a dict
                shape = tensors.get_slice(name).get_shape()
                size = 2
                for side in shape:
                    size *= side
                total += 0 if "embed_tokens" in name else size
    return total


def _tokenizer() -> object:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = [*_CONTROL, *WORDS, "Read", "x", "==", "1", ",", "please", "."]  # the last ones: the service's self-test
    words += [f"w{number}" for number in range(SHAPE["vocab_size"] - len(words))]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        eos_token="<|end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens=_CONTROL[1:],
    )
    fast.chat_template = _TEMPLATE
    return fast
