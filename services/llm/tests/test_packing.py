"""Weights in oneDNN's layout: the same model, in the memory of one."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from askmesh_kit.packed_linear import pack_linear_layers
from askmesh_llm.settings import Settings

pytestmark = pytest.mark.models


def load(folder, dtype=torch.bfloat16):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa").eval()


def packed(model):
    pack_linear_layers(model)
    return model


needs_bf16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this processor does not compute in bfloat16"
)


@pytest.mark.parametrize("dtype", [torch.float32, pytest.param(torch.bfloat16, marks=needs_bf16)])
@pytest.mark.parametrize("rows", [1, 2, 7, 64, 300])
def test_a_packed_model_computes_what_it_did(checkpoint, rows, dtype):
    ids = torch.randint(5, 300, (1, rows), generator=torch.Generator().manual_seed(rows))
    with torch.no_grad():
        expected, got = load(checkpoint, dtype)(ids).logits.float(), packed(load(checkpoint, dtype))(ids).logits.float()
        exact = load(checkpoint, torch.float64)(ids).logits
    # Both round alike: neither may be further from the truth than the other.
    assert (got - exact).abs().mean() < 1.1 * (expected - exact).abs().mean() + 1e-6
    assert torch.nn.functional.cosine_similarity(got, expected, dim=-1).min() > 0.999


@needs_bf16
def test_every_linear_layer_is_packed_and_the_rest_of_the_file_stays(checkpoint):
    before, model = load(checkpoint), packed(load(checkpoint))
    kinds = [type(module).__name__ for module in model.modules()]
    assert kinds.count("PackedLinear") == [type(module) for module in before.modules()].count(torch.nn.Linear)
    assert "Linear" not in kinds
    kept = dict(model.named_parameters())
    assert kept
    for name, tensor in before.named_parameters():
        assert name not in kept or torch.equal(kept[name], tensor)


@needs_bf16
def test_a_bias_is_added_and_weights_that_an_embedding_shares_are_left():
    class Tied(torch.nn.Module):
        device, dtype = torch.device("cpu"), torch.bfloat16

        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(50, 64, dtype=torch.bfloat16)
            self.inner = torch.nn.Linear(64, 64, dtype=torch.bfloat16)
            self.head = torch.nn.Linear(64, 50, bias=False, dtype=torch.bfloat16)
            self.head.weight = self.embedding.weight

        def forward(self, ids):
            return self.head(self.inner(self.embedding(ids)))

    model = Tied().eval()
    with torch.no_grad():
        expected = model(torch.arange(50))
        table = model.embedding.weight.clone()
        got = packed(model)(torch.arange(50))
    assert type(model.head) is torch.nn.Linear
    assert type(model.inner) is not torch.nn.Linear
    assert torch.equal(model.embedding.weight, table)
    assert torch.allclose(got.float(), expected.float(), atol=0.05, rtol=0.02)


def test_weights_that_two_layers_share_are_left_and_both_go_on_computing():
    one, two = torch.nn.Linear(64, 64), torch.nn.Linear(64, 64)
    two.weight = one.weight
    inner = torch.nn.Linear(64, 64)
    model = torch.nn.Sequential(
        one, torch.nn.Sequential(inner), two, torch.nn.Sequential(inner), torch.nn.Linear(64, 8)
    )
    rows = torch.randn(3, 64)
    with torch.no_grad():
        expected = model(rows)
        assert torch.allclose(packed(model)(rows), expected, atol=1e-5)
    assert [type(module).__name__ for module in model.modules()].count("PackedLinear") == 1


@pytest.mark.parametrize(
    ("dtype", "kind"), [("fp32", "Linear"), pytest.param("bf16", "PackedLinear", marks=needs_bf16)]
)
def test_only_bf16_is_served_packed(checkpoint, dtype, kind):
    from askmesh_llm.engines.transformers.loading import load as load_to_serve

    loaded = load_to_serve(Settings(_env_file=None, model=str(checkpoint), dtype=dtype))
    kinds = {type(module).__name__ for module in loaded.model.modules()}
    assert kinds & {"Linear", "PackedLinear"} == {kind}


@needs_bf16
@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="memory is counted on Linux only")
def test_what_was_packed_leaves_memory(tmp_path):
    from transformers import Phi3Config, Phi3ForCausalLM

    size = {"hidden_size": 1024, "intermediate_size": 2048, "num_hidden_layers": 1, "num_attention_heads": 8}
    config = Phi3Config(vocab_size=100, bos_token_id=0, eos_token_id=1, pad_token_id=2, **size)
    Phi3ForCausalLM(config).to(torch.bfloat16).save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    model = load(tmp_path)
    with torch.no_grad():
        model(torch.tensor([[3, 4]]))
    whole = resident(file)
    assert whole > 0.9 * file.stat().st_size
    packed(model)
    assert resident(file) < 0.1 * whole


def resident(file) -> int:
    """Bytes of a mapped file that are in this process's memory."""
    total, ours = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ", 1)[0]:
            ours = line.endswith(str(file))
        elif ours and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


GROWTH = """
import sys, torch
from pathlib import Path
from askmesh_kit.packed_linear import pack_linear_layers

model = torch.nn.Sequential(torch.nn.Linear(64, 96), torch.nn.Linear(96, 64)).to(getattr(torch, sys.argv[1]))
pack_linear_layers(model)
with torch.inference_mode():
    for rows in range(1, 300):
        model(torch.zeros(rows, 64, dtype=getattr(torch, sys.argv[1])))
        if rows in (40, 299):
            print(int(Path("/proc/self/statm").read_text().split()[1]) * 4096)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is counted on Linux only")
@pytest.mark.parametrize("dtype", ["float32", pytest.param("bfloat16", marks=needs_bf16)])
def test_lengths_that_are_new_take_no_more_memory(dtype):
    # In a process of its own: the bound is read at the first product. Without it, some 400 MB.
    written = subprocess.run(
        [sys.executable, "-c", GROWTH, dtype], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    early, late = map(int, written.split())
    assert late - early < 60e6


def test_layers_that_their_model_reads_by_itself_stay_plain():
    layer = torch.nn.TransformerEncoderLayer(32, 2, 64, batch_first=True).eval()
    rows = torch.randn(1, 5, 32)
    with torch.no_grad():
        expected = layer(rows)
        assert torch.allclose(packed(layer)(rows), expected, atol=1e-5)


def test_models_that_look_at_their_weights_run(tmp_path):
    from transformers import T5Config, T5EncoderModel

    sizes = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2, "vocab_size": 100}
    model = T5EncoderModel(T5Config(**sizes)).eval()
    ids = torch.arange(5, 25).reshape(1, -1)
    with torch.no_grad():
        expected = model(ids).last_hidden_state
        assert torch.allclose(packed(model)(ids).last_hidden_state, expected, atol=1e-4)
