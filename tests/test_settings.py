"""What the kit's settings promise holds in every service: a subclass must not shadow how they are read."""

from importlib import import_module

import pytest


@pytest.mark.parametrize("service", ["embeddings", "vectordb", "llm", "bot"])
def test_scopes_and_hosts_are_read_from_the_environment(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"ASKMESH_{service.upper()}_ANONYMOUS_SCOPES", "read,write")
    monkeypatch.setenv(f"ASKMESH_{service.upper()}_ALLOWED_HOSTS", "localhost,ask.example")
    settings = import_module(f"askmesh_{service}.settings").Settings(_env_file=None, host="0.0.0.0")
    assert settings.effective_anonymous_scopes == {"read", "write"}
    assert settings.effective_allowed_hosts == {"localhost", "ask.example"}
    settings.check_exposure()
