"""A model that does not give its reference vectors never reports ready."""

import base64
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import numpy as np
import pytest
from askmesh_embeddings.encoders.minilm import locate_package
from safetensors.numpy import load_file, save_file

# Each run of the command loads a model.
pytestmark = pytest.mark.timeout(300)


def wait_for(url, text):
    deadline = time.monotonic() + 100
    while text not in (answer := httpx2.get(f"{url}/readyz", timeout=60)).text:
        assert time.monotonic() < deadline, f"never said {text!r}: {answer.text}"
        time.sleep(0.02)
    return answer


@pytest.fixture(scope="module")
def random_model(tmp_path_factory):
    """MiniLM with one layer's weights shuffled: everything loads, the vectors are wrong."""
    folder = shutil.copytree(locate_package(), tmp_path_factory.mktemp("model") / "model")
    weights = load_file(folder / "model.safetensors")
    name = "encoder.layer.2.output.dense.weight"
    weights[name] = np.random.default_rng(0).permutation(weights[name])
    save_file(weights, folder / "model.safetensors")
    return folder


def test_wrong_weights_never_get_ready_and_requests_say_why(start, random_model, tmp_path):
    url = start(wait=False, model=str(random_model), cache_dir=tmp_path)
    assert wait_for(url, "self-test failed").status_code == 503
    answer = httpx2.post(f"{url}/v1/embeddings", json={"input": "x"}, timeout=60)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "model_not_ready"
    assert "cosine" in answer.json()["error"]["message"]
    assert answer.headers["retry-after"]
    assert httpx2.get(f"{url}/livez", timeout=60).status_code == 200


def test_vectors_that_say_nothing_are_caught_without_references(start):
    url = start(wait=False, encoder="own_encoders:ConstantEncoder")
    wait_for(url, "the same vector for different texts")


def test_references_of_ones_own(start, tmp_path):
    golden = tmp_path / "golden.json"
    wrong = base64.b64encode(np.eye(1, 8, dtype="<f4").tobytes()).decode()
    golden.write_text(json.dumps({"model": "own/hash", "texts": ["a b"], "vectors": [wrong]}))
    url = start(wait=False, encoder="own_encoders:HashEncoder", golden=golden)
    wait_for(url, "self-test failed: cosine")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoder": "word2vec"}, "There is no encoder 'word2vec'. Use one of minilm"),
        ({"encoder": "no_such_module:Encoder"}, "cannot be imported"),
        ({"encoder": "own_encoders:time"}, "is not an Encoder"),
        ({"encoder": "own_encoders:HashEncoder", "dimensions": "4,9"}, "The model has 8 dimensions, not 9"),
        ({"model": "all-MiniLM-L12-v2"}, "set ENCODER=sentence-transformers"),
        ({"encoder": "own_encoders:HashEncoder", "golden": "no/such.json"}, "cannot be read from no/such.json"),
        ({"runtime": "onnxruntime", "dtype": "bf16"}, "computes in float32"),
    ],
)
def test_what_cannot_be_loaded_says_why(start, values, message):
    wait_for(start(wait=False, **values), message)


def test_the_command_exits_with_the_verdict(random_model, tmp_path):
    environment = {"ASKMESH_EMBEDDINGS_CACHE_DIR": str(tmp_path), "PATH": "/usr/bin"}
    command = [sys.executable, "-m", "askmesh_embeddings", "selftest"]
    good = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stderr
    report = json.loads(good.stdout)
    assert report["least_cosine"] > 0.9995
    environment["ASKMESH_EMBEDDINGS_MODEL"] = str(random_model)
    bad = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["problem"].startswith("cosine")


def command(environment, *arguments):
    line = [sys.executable, "-m", "askmesh_embeddings", "selftest", *arguments]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout), done.stderr


def test_vectors_once_written_catch_random_weights_and_other_revisions(tmp_path):
    """SaltedEncoder stands for a hub id whose weights change under it: SALT is the weights."""
    environment = {
        "ASKMESH_EMBEDDINGS_CACHE_DIR": str(tmp_path),
        "ASKMESH_EMBEDDINGS_ENCODER": "own_encoders:SaltedEncoder",
        "PYTHONPATH": str(Path(__file__).parent),
        "PATH": "/usr/bin",
    }
    status, report, _ = command(environment)
    assert (status, report["compared_with"].partition(":")[0]) == (0, "nothing")
    status, report, _ = command(environment, "--write")
    assert (status, report["least_cosine"]) == (0, pytest.approx(1))
    assert Path(report["written"]).is_relative_to(tmp_path)
    assert command(environment)[1]["compared_with"] == "vectors that selftest --write stored"
    environment["SALT"] = "other weights"
    status, report, _ = command(environment)
    assert status == 1
    assert "to the vectors that selftest --write stored" in report["problem"]
    assert command(environment, "--write")[0] == 0
    assert command(environment)[0] == 0


def test_nothing_is_written_where_there_are_better_references(tmp_path):
    environment = {"ASKMESH_EMBEDDINGS_CACHE_DIR": str(tmp_path), "PATH": "/usr/bin"}
    status, report, said = command(environment, "--write")
    assert (status, report["compared_with"]) == (0, "vectors shipped with askmesh")
    assert "Nothing is written" in said
    assert not (tmp_path / "golden").exists()


def test_what_could_not_be_loaded_is_tried_again(start, tmp_path):
    later = tmp_path / "later"
    url = start(wait=False, model=str(later), load_retry_s=0.1)
    wait_for(url, "is no folder with")
    # Whole from the beginning: half of a model may be another one, which is not tried again.
    shutil.copytree(locate_package(), tmp_path / "copy").rename(later)
    assert wait_for(url, '"ready"').status_code == 200


def test_stopping_does_not_wait_for_the_next_attempt(serve, tmp_path):
    with serve(wait=False, model=str(tmp_path / "none"), load_retry_s=300) as url:
        wait_for(url, "is no folder with")
        began = time.monotonic()
    assert time.monotonic() - began < 60
