"""A wrong setting is told in a line."""

import pytest
from askmesh_kit.command_line import settings_explained
from askmesh_kit.settings import ServiceSettings
from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsConfigDict


class OwnSettings(ServiceSettings):
    model_config = SettingsConfigDict(**ServiceSettings.model_config | {"env_prefix": "ASKMESH_OWN_", "env_file": None})

    numbers: tuple[int, ...] = ()


def ends_with(monkeypatch, **variables) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended, settings_explained("ASKMESH_OTHER_"):
        OwnSettings()
    return str(ended.value)


def test_each_wrong_setting_has_a_line_with_its_variable(monkeypatch):
    lines = ends_with(monkeypatch, ASKMESH_OWN_PORT="many", ASKMESH_OWN_WORKERS="0").splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["ASKMESH_OWN_PORT", "ASKMESH_OWN_WORKERS"]
    assert lines[1].endswith("greater than or equal to 1")


def test_a_list_has_one_line(monkeypatch):
    monkeypatch.setenv("ASKMESH_OWN_NUMBERS", '["a", "b"]')
    with pytest.raises(SystemExit, match=r"\AASKMESH_OWN_NUMBERS: [^\n]*\Z"), settings_explained("ASKMESH_OTHER_"):
        OwnSettings()


def test_a_value_that_is_no_json_is_told_with_its_field(monkeypatch):
    assert '"numbers"' in ends_with(monkeypatch, ASKMESH_OWN_NUMBERS="one")


def test_what_is_no_setting_is_raised_as_it_is():
    class Other(BaseModel):
        count: int

    with pytest.raises(ValidationError), settings_explained("ASKMESH_OTHER_"):
        Other(count="x")
    with pytest.raises(ValueError, match="else"), settings_explained("ASKMESH_OTHER_"):
        raise ValueError("something else")
