"""The committed README and openapi.json say what the code does."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from askmesh_bot.app import create_app
from askmesh_bot.frontends.shell.settings import ShellSettings
from askmesh_bot.settings import Settings
from pydantic import SecretStr
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

SERVICE = Path(__file__).parent.parent


def groups() -> Iterator[type[BaseSettings]]:
    yield Settings
    for field in Settings.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseSettings):
            yield field.annotation
    yield ShellSettings


def rows() -> Iterator[str]:
    seen = set()
    for group in groups():
        prefix = group.model_config["env_prefix"]
        for name, field in group.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseSettings):
                continue
            if (variable := f"{prefix}{name.upper()}") in seen:
                continue
            seen.add(variable)
            what = field.description or " or ".join(f"`{value}`" for value in get_args(field.annotation))
            default = field.get_default(call_default_factory=True, validated_data={})
            yield f"| `{variable}` | {shown(default)} | {what} |"


def shown(default: Any) -> str:
    if default is PydanticUndefined or default in (None, "", [], ()) or isinstance(default, SecretStr):
        return "unset"
    return f"`{default}`"


def test_every_setting_stands_in_the_readme() -> None:
    written = (SERVICE / "README.md").read_text(encoding="utf-8").splitlines()
    there = [line for line in written if line.startswith("| `ASKMESH_")]
    assert there == list(rows()), "\n".join(rows())


def test_the_committed_openapi_is_the_apps() -> None:
    committed = json.loads((SERVICE / "openapi.json").read_text(encoding="utf-8"))
    assert committed == create_app(Settings(_env_file=None)).openapi(), (
        "run: python -m askmesh_bot openapi > services/bot/openapi.json"
    )


def test_help_is_told_without_loading_the_app() -> None:
    program = "import sys; from askmesh_bot.__main__ import main\ntry: main(['--help'])\nfinally: assert 'fastapi' not in sys.modules"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "openapi" in result.stdout
