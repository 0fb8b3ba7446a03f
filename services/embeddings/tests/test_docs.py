"""What the README and the OpenAPI document say is what the code does."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from askmesh_embeddings.__main__ import main
from askmesh_embeddings.app import create_app
from askmesh_embeddings.settings import Settings
from pydantic import SecretStr

SERVICE = Path(__file__).parent.parent
README = (SERVICE / "README.md").read_text(encoding="utf-8")


def test_the_committed_openapi_document_is_current(make_settings):
    committed = json.loads((SERVICE / "openapi.json").read_text(encoding="utf-8"))
    current = json.loads(json.dumps(create_app(make_settings()).openapi()))
    assert committed == current, "run: python -m askmesh_embeddings openapi > services/embeddings/openapi.json"


def test_the_table_names_every_setting_with_its_default():
    rows = dict(re.findall(r"^\| `ASKMESH_EMBEDDINGS_(\w+)` \| (\S+) \| .+ \|$", README, re.MULTILINE))
    expected = {}
    for name, field in Settings.model_fields.items():
        default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        unset = default is None or default in ("", frozenset(), ())
        expected[name.upper()] = "unset" if unset else f"`{default}`"
    assert rows == expected


def test_every_code_raised_is_in_the_table_of_errors():
    sources = "\n".join(path.read_text() for path in (SERVICE / "askmesh_embeddings").rglob("*.py"))
    codes = set(re.findall(r'code="(\w+)"', sources))
    assert len(codes) >= 8
    assert [code for code in sorted(codes) if f"`{code}`" not in README] == []


@pytest.mark.parametrize("arguments", [["--help"], ["no-such-command"]])
def test_the_command_line_explains_itself(arguments):
    command = [sys.executable, "-m", "askmesh_embeddings", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == (0 if arguments == ["--help"] else 2)
    assert "selftest" in done.stdout + done.stderr


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("ASKMESH_EMBEDDINGS_ALIASES", "a, b")
    monkeypatch.setenv("ASKMESH_EMBEDDINGS_DIMENSIONS", "256,128")
    monkeypatch.setenv("ASKMESH_EMBEDDINGS_LANES", "3")
    settings = Settings(_env_file=None)
    assert (settings.aliases, settings.dimensions) == ({"a", "b"}, (256, 128))
    assert settings.encoder_options.lanes == 3


def test_a_wrong_setting_is_named_in_a_line(monkeypatch):
    monkeypatch.setenv("ASKMESH_EMBEDDINGS_LANES", "0")
    with pytest.raises(SystemExit, match=r"^ASKMESH_EMBEDDINGS_LANES: .*1$"):
        main(["serve"])
