"""Exported folders: the same vectors without torch, and nothing served that is not what was exported."""

import json
import subprocess
import sys

import httpx2
import numpy as np
import pytest
from askmesh_embeddings.encoders.base import EncoderError, EncoderOptions
from askmesh_embeddings.encoders.registry import load_encoder

pytestmark = pytest.mark.models

TEXTS = ["What is the capital of China?", "Beijing", "How to implement quick sort in Python? " * 4, "🙂"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return pytest.importorskip("tiny_models"), tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def export():
    from askmesh_embeddings.exporting import export

    return lambda folder, out, **options: export(EncoderOptions(model=str(folder)), out, **options)


@pytest.fixture(scope="module", params=["bert", "gte"])
def pair(request, tiny, export):
    """(original folder, exported folder, report)."""
    builder, root = tiny
    if request.param == "bert":
        original = builder.save_bert(root / "bert", prompts={"query": "search query: ", "passage": "search document: "})
    else:
        original = builder.save_gte(root / "gte")
    return original, root / f"{request.param}-onnx", export(original, root / f"{request.param}-onnx")


@pytest.fixture(scope="module")
def bert_onnx(tiny, export):
    folder = tiny[1] / "plain-onnx"
    export(tiny[0].save_bert(tiny[1] / "plain"), folder)
    return folder


def load(name, folder, **options):
    return load_encoder(name, EncoderOptions(model=str(folder), device="cpu", **options))


def test_the_report_says_the_vectors_agree(pair):
    agreement = pair[2].agreement
    assert agreement.texts == 400
    assert agreement.least_cosine > 0.99999
    assert agreement.top10_overlap > 0.99


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_vectors_prompts_and_fingerprint_are_the_originals(pair, name):
    original, served = load("sentence-transformers", pair[0], dtype="fp32"), load(name, pair[1], dtype="fp32")
    for input_type in (None, "query", "document"):
        tokens = served.tokenize(TEXTS, input_type, truncate=True)
        expected = original.tokenize(TEXTS, input_type, truncate=True)
        assert [ids.tolist() for ids in tokens] == [ids.tolist() for ids in expected]
        np.testing.assert_allclose(served.encode(tokens), original.encode(expected), atol=2e-5)
    assert served.info.fingerprint == original.info.fingerprint
    assert served.info.max_input_tokens == original.info.max_input_tokens
    assert served.info.runtime == {"onnx": "onnxruntime", "openvino": "openvino"}[name]
    assert served.pieces(["x"], "query", special_tokens=True) == original.pieces(["x"], "query", special_tokens=True)


def test_served_ready_against_its_own_references(start, pair):
    url = start(encoder="onnx", model=str(pair[1]))
    entry = httpx2.get(f"{url}/v1/models", timeout=60).json()["data"][0]
    assert (entry["dimension"], entry["fingerprint"]) == (64, pair[2].fingerprint)
    assert len(httpx2.post(f"{url}/v1/embeddings", json={"input": TEXTS[:2]}, timeout=60).json()["data"]) == 2


def test_int8_by_explicit_choice_has_another_fingerprint_and_says_what_it_costs(tiny, export, start, bert_onnx):
    done = export(tiny[1] / "plain", tiny[1] / "int8", int8=True)
    assert 0.5 < done.agreement.mean_cosine < 0.99999
    served = load("onnx", tiny[1] / "int8")
    assert served.info.dtype == "int8"
    assert served.info.fingerprint != load("onnx", bert_onnx).info.fingerprint
    assert (tiny[1] / "int8" / "model.onnx").stat().st_size < (bert_onnx / "model.onnx").stat().st_size / 2
    assert start(encoder="onnx", model=str(tiny[1] / "int8"))


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("model.onnx", lambda content: content[:-100] + bytes(100), "not the graph that was exported"),
        ("askmesh.json", lambda content: b"{}", "no exported model"),
        ("askmesh.json", lambda content: content.replace(b'"format": 1', b'"format": 9'), "format 9"),
    ],
)
def test_a_changed_folder_is_refused(bert_onnx, file, change, message):
    good = (bert_onnx / file).read_bytes()
    (bert_onnx / file).write_bytes(change(good))
    with pytest.raises(EncoderError, match=message):
        load("onnx", bert_onnx)
    (bert_onnx / file).write_bytes(good)


def test_the_encoder_needs_a_folder(tmp_path):
    with pytest.raises(EncoderError, match="No folder is set"):
        load_encoder("onnx", EncoderOptions())
    with pytest.raises(EncoderError, match="no exported model"):
        load("onnx", tmp_path)


def test_an_existing_folder_is_never_overwritten(tiny, export, bert_onnx):
    with pytest.raises(FileExistsError):
        export(tiny[1] / "plain", bert_onnx)


def test_serving_an_export_imports_no_torch(bert_onnx):
    code = (
        "import sys\n"
        "from askmesh_embeddings.encoders.base import EncoderOptions\n"
        "from askmesh_embeddings.encoders.registry import load_encoder\n"
        f"load_encoder('onnx', EncoderOptions(model={str(bert_onnx)!r}))\n"
        "print(sorted({'torch', 'transformers', 'onnx'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_exports_and_reports(tiny, tmp_path):
    folder = tiny[0].save_bert(tmp_path / "small")
    command = [sys.executable, "-m", "askmesh_embeddings", "export-onnx", str(folder), str(tmp_path / "out"), "--int8"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    assert report["folder"] == str(tmp_path / "out")
    assert report["mean_cosine"] < 1
    assert "WARNING: int8 changes the vectors" in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "askmesh.json",
        "golden.json",
        "model.onnx",
        "tokenizer.json",
    ]
