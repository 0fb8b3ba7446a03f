"""Any model by id or folder, checked on tiny checkpoints through the code that loads the real ones."""

import json

import httpx2
import numpy as np
import pytest
from askmesh_embeddings.encoders.base import EncoderError, EncoderOptions
from askmesh_embeddings.encoders.gte import native_gte_config
from askmesh_embeddings.encoders.hardware import cpu_computes_bf16
from askmesh_embeddings.encoders.registry import load_encoder

pytestmark = pytest.mark.models

TEXTS = ["What is the capital of China?", "Beijing", "How to implement quick sort in Python? " * 8, "🙂"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The module with the checkpoints; it imports torch, so only these tests load it."""
    tiny_models = pytest.importorskip("tiny_models")
    return tiny_models, tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def gte(tiny):
    return tiny[0].save_gte(tiny[1] / "gte")


@pytest.fixture(scope="module")
def bert(tiny):
    return tiny[0].save_bert(tiny[1] / "bert", prompts={"query": "search query: ", "passage": "search document: "})


def load(folder, **options):
    return load_encoder("sentence-transformers", EncoderOptions(model=str(folder), device="cpu", **options))


def test_gte_in_the_hubs_layout_equals_an_independent_implementation(tiny, gte):
    encoder = load(gte, dtype="fp32")
    tokens = encoder.tokenize([*TEXTS, "word " * 1_000], None, truncate=False)
    vectors = encoder.encode(tokens)
    expected = np.stack([tiny[0].gte_vector(gte, ids.tolist()) for ids in tokens])
    assert len(tokens[-1]) == 1_002
    np.testing.assert_allclose(vectors, expected, atol=2e-5)
    assert encoder.info.pooling == "pooling:cls"


def test_gtes_limit_is_capped_on_a_cpu_and_raised_on_request(gte):
    assert load(gte, dtype="fp32").info.max_input_tokens == 2_048
    assert load(gte, dtype="fp32", max_input_tokens=8_192).info.max_input_tokens == 8_192
    assert load(gte, dtype="fp32", max_input_tokens=100_000).info.max_input_tokens == 8_192


def test_bert_equals_sentence_transformers_own_encode(bert):
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(bert), device="cpu")
    encoder = load(bert, dtype="fp32")
    for input_type, prompt in ((None, None), ("query", "query"), ("document", "passage")):
        vectors = encoder.encode(encoder.tokenize(TEXTS, input_type, truncate=True))
        expected = reference.encode(TEXTS, prompt_name=prompt, normalize_embeddings=True)
        np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_bfloat16_stays_near_float32(bert):
    exact, rounded = load(bert, dtype="fp32"), load(bert, dtype="bf16")
    tokens = exact.tokenize(TEXTS, None, truncate=True)
    first, second = exact.encode(tokens), rounded.encode(tokens)
    assert rounded.info.dtype == "bf16"
    assert exact.info.fingerprint == rounded.info.fingerprint
    assert (first * second).sum(axis=1).min() > 0.999
    np.testing.assert_allclose(np.linalg.norm(second, axis=1), 1, atol=1e-6)


@pytest.mark.skipif(not cpu_computes_bf16(), reason="this CPU does not compute in bf16")
def test_an_architecture_that_bf16_breaks_runs_in_float32_unless_bf16_was_asked_for(tiny):
    folder = tiny[0].save_fnet(tiny[1] / "fnet")
    encoder = load(folder, dtype="auto")
    assert encoder.info.dtype == "fp32"
    assert encoder.encode(encoder.tokenize(TEXTS, None, truncate=True)).shape == (4, encoder.info.dimension)
    with pytest.raises(EncoderError, match="DTYPE=fp32"):
        load(folder, dtype="bf16")


def test_the_fingerprint_follows_weights_pooling_and_prompts_not_the_folders_name(tiny, bert):
    builder, folder = tiny
    same = builder.save_bert(folder / "moved", prompts={"query": "search query: ", "passage": "search document: "})
    other_prompts = builder.save_bert(folder / "prompts")
    other_pooling = builder.save_bert(
        folder / "pooling", prompts={"query": "search query: ", "passage": "search document: "}
    )
    pooling = {"word_embedding_dimension": 64, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (other_pooling / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    prints = [load(path).info.fingerprint for path in (bert, same, other_prompts, other_pooling)]
    assert prints[0] == prints[1]
    assert len(set(prints[1:])) == 3


def test_pickled_weights_are_refused(tiny):
    folder = tiny[0].save_bert(tiny[1] / "pickled", safe=False)
    with pytest.raises(EncoderError, match="safetensors"):
        load(folder)


def test_a_pickle_in_any_module_is_refused_before_it_is_read(tiny):
    import torch

    folder = tiny[0].save_bert(tiny[1] / "pickled-dense")
    modules = json.loads((folder / "modules.json").read_text())
    modules.insert(2, {"idx": 9, "name": "dense", "path": "2_Dense", "type": "sentence_transformers.models.Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "config.json").write_text(
        json.dumps({"in_features": 64, "out_features": 8, "bias": True, "activation_function": "torch.nn.Tanh"})
    )
    weights = {"linear.weight": torch.ones(8, 64) * torch.arange(64) / 64, "linear.bias": torch.zeros(8)}
    torch.save(weights, folder / "2_Dense" / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="pickled-dense/2_Dense has its weights as a pickle"):
        load(folder)
    from safetensors.torch import save_file

    save_file(weights, folder / "2_Dense" / "model.safetensors")
    assert load(folder).info.dimension == 8


@pytest.mark.parametrize(("revision", "code"), [(None, "a" * 40), ("main", "a" * 40), ("a" * 40, "main")])
def test_remote_code_needs_weights_and_code_pinned_by_commit(revision, code):
    with pytest.raises(EncoderError, match="both pinned"):
        load("some/model", revision=revision, code_revision=code)


@pytest.mark.parametrize("place", ["config", "module"])
def test_code_from_a_models_folder_is_never_run(tiny, place):
    folder = tiny[0].save_bert(tiny[1] / f"code-{place}")
    ran = folder / "ran"
    (folder / "evil.py").write_text(f"open({str(ran)!r}, 'w')\nclass Model: pass\nConfig = Module = Model\n")
    if place == "config":
        config = json.loads((folder / "config.json").read_text()) | {
            "model_type": "evil",
            "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"},
        }
        (folder / "config.json").write_text(json.dumps(config))
    else:
        modules = json.loads((folder / "modules.json").read_text())
        modules[1]["type"] = "evil.Module"
        (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load(folder)
    assert not ran.exists()


def test_a_model_that_is_not_there_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load(tmp_path / "nothing")


def test_cuda_is_refused_where_there_is_none(bert):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(EncoderError, match="no CUDA device"):
        load_encoder("sentence-transformers", EncoderOptions(model=str(bert), device="cuda"))


def test_other_architectures_and_unknown_scalings():
    assert native_gte_config({"model_type": "bert"}) is None
    plain = native_gte_config({"model_type": "new", "rope_theta": 500_000})
    assert plain == {"model_type": "gte", "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0}}
    with pytest.raises(ValueError, match="not known"):
        native_gte_config({"model_type": "new", "rope_scaling": {"type": "yarn", "factor": 2}})


def test_served_with_its_own_limit_counted_and_refused(start, gte):
    url = start(encoder="sentence-transformers", model=str(gte), max_input_tokens=32)
    with httpx2.Client(base_url=url, timeout=60) as client:
        entry = client.get("/v1/models").json()["data"][0]
        done = client.post("/v1/embeddings", json={"input": TEXTS[:2], "model": "gte"}).json()
        refused = client.post("/v1/embeddings", json={"input": TEXTS}).json()["error"]
    assert (entry["id"], entry["dimension"], entry["max_input_tokens"]) == ("gte", 64, 32)
    assert len(done["data"][1]["embedding"]) == 64
    assert refused["code"] == "input_too_long"
    assert refused["message"].startswith("Input 2 has ")


def test_a_folder_is_known_by_its_name_and_by_what_the_settings_say(start, bert):
    url = start(encoder="sentence-transformers", model=str(bert))
    for name in (bert.name, str(bert), "sentence-transformers", ""):
        answer = httpx2.post(f"{url}/v1/embeddings", json={"input": "x", "model": name}, timeout=60)
        assert (answer.status_code, answer.json()["model"]) == (200, bert.name)
