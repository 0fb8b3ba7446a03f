"""schemathesis over the OpenAPI document: no 5xx, and no answer that the document does not tell.

ASKMESH_LONG_TESTS=1 takes many examples, and sequences of calls.
"""

import os
import pathlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.models

LONG = os.environ.get("ASKMESH_LONG_TESTS") == "1"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.timeout(900)
def test_every_answer_is_one_that_the_document_tells(start, tmp_path):
    tiny_models = pytest.importorskip("tiny_models")
    reranker = tiny_models.save_cross_encoder(tmp_path / "reranker")
    url = start(reranker="cross-encoder", reranker_model=str(reranker))
    options = ["--checks", CHECKS, "--request-timeout", "60", "--suppress-health-check", "all"]
    if LONG:
        options += ["--max-examples", "60", "--generation-database", "none"]
    else:
        options += ["--max-examples", "4", "--phases", "examples,fuzzing", "--generation-deterministic"]
    done = subprocess.run(
        [pathlib.Path(sys.executable).parent / "schemathesis", "run", f"{url}/openapi.json", *options],
        cwd=tmp_path,
        env=os.environ | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
