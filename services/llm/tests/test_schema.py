"""schemathesis over the OpenAPI document, no 5xx, and no answer that the document does not tell.

ASKMESH_LONG_TESTS=1 asks every engine for many examples and for sequences of calls; else two for a few examples.
"""

import os
import pathlib
import subprocess
import sys

import pytest

from .conftest import ENGINES

ALL = os.environ.get("ASKMESH_LONG_TESTS") == "1"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("url", ENGINES if ALL else [ENGINES[0], ENGINES[-1]], indirect=True)
def test_every_answer_is_one_that_the_document_tells(url: str, tmp_path: pathlib.Path) -> None:
    options = ["--checks", ",".join(CHECKS), "--request-timeout", "60", "--suppress-health-check", "too_slow"]
    if ALL:
        options += ["--max-examples", "60", "--workers", "2", "--generation-database", "none"]
    else:
        options += ["--max-examples", "4", "--phases", "examples,fuzzing", "--generation-deterministic"]
    done = subprocess.run(
        [pathlib.Path(sys.executable).parent / "schemathesis", "run", f"{url}/openapi.json", *options],
        cwd=tmp_path,
        env=os.environ | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
