"""Keys and scopes, and the refusal to serve strangers by accident."""

from typing import Any

import pytest
from askmesh_kit.auth import Keyring
from askmesh_kit.settings import ServiceSettings
from hypothesis import given
from hypothesis import strategies as st

KEYS = "reader=read,writer=read+write,boss"


def settings(**given: Any) -> ServiceSettings:
    return ServiceSettings(_env_file=None, **given)


@pytest.mark.parametrize(
    ("key", "path", "status"),
    [
        ("reader", "/scopes/read", 200),
        ("reader", "/scopes/write", 403),
        ("writer", "/scopes/read", 200),
        ("writer", "/scopes/write", 200),
        ("boss", "/scopes/write", 200),
        ("stranger", "/scopes/read", 401),
        ("", "/scopes/read", 401),
    ],
)
@pytest.mark.parametrize("header", ["authorization", "api-key"])
def test_a_key_opens_what_its_scopes_allow(serve: Any, header: str, key: str, path: str, status: int) -> None:
    value = f"Bearer {key}" if header == "authorization" else key
    answer = serve(api_keys=KEYS).client.get(path, headers={header: value} if key else {})
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    if status >= 400:
        assert key == "" or key not in answer.text


def test_without_keys_loopback_may_do_everything(serve: Any) -> None:
    assert serve().client.get("/scopes/read").json() == {"caller": "anonymous", "scopes": ["admin", "read", "write"]}


def test_anonymous_scopes_open_a_part_beside_keys(serve: Any) -> None:
    client = serve(api_keys="boss", anonymous_scopes="read").client
    assert client.get("/scopes/read").status_code == 200
    assert client.get("/scopes/write").status_code == 401
    assert client.get("/scopes/write", headers={"api-key": "boss"}).status_code == 200


def test_the_caller_is_named_by_a_fingerprint_not_by_the_key(serve: Any) -> None:
    caller = serve(api_keys=KEYS).client.get("/scopes/read", headers={"api-key": "reader"}).json()["caller"]
    assert caller not in KEYS
    assert len(caller) == 8


def test_a_misspelt_scope_stops_the_start() -> None:
    with pytest.raises(SystemExit, match="unknown scope"):
        Keyring(settings(api_keys="k=reed"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "askmesh.example"])
def test_a_host_beyond_loopback_without_keys_is_refused_with_the_remedy(host: str) -> None:
    with pytest.raises(SystemExit, match=r"API_KEYS=.*ANONYMOUS_SCOPES=.*HOST="):
        settings(host=host).check_exposure()


@pytest.mark.parametrize(
    "given_settings",
    [
        {"host": "127.0.0.1"},
        {"host": "127.0.0.9"},
        {"host": "::1"},
        {"host": "localhost"},
        {"host": "0.0.0.0", "api_keys": "k"},
        {"host": "0.0.0.0", "anonymous_scopes": "read"},
        {"host": "0.0.0.0", "anonymous_scopes": ""},
    ],
)
def test_loopback_keys_or_an_explicit_choice_are_accepted(given_settings: dict[str, str]) -> None:
    settings(**given_settings).check_exposure()


def test_beyond_loopback_strangers_may_do_nothing_unless_told_so() -> None:
    assert settings(host="0.0.0.0", api_keys="k").effective_anonymous_scopes == frozenset()
    assert settings(host="0.0.0.0", anonymous_scopes="read+write").effective_anonymous_scopes == {"read", "write"}


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=",="), min_size=1, max_size=40))
def test_a_key_never_shows_in_the_settings_text(key: str) -> None:
    shown = settings(api_keys=f"{key}-SECRET")
    assert f"{key}-SECRET" not in repr(shown) + str(shown) + shown.model_dump_json()


def test_settings_come_from_the_environment(monkeypatch: Any) -> None:
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("ANONYMOUS_SCOPES", "read,write")
    assert (settings().port, settings().anonymous_scopes) == (8123, {"read", "write"})
