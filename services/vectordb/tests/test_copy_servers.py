"""`askmesh-vectordb copy` into a store that has a server, and from there back: what comes back is what went in."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from askmesh_vectordb.moving import specs
from askmesh_vectordb.settings import Settings

from .moved import command, fill, held, in_folder
from .servers import qdrant

INDEX = "copied-there"


@pytest.fixture
def spec(kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """How the command is told of the server, which is left as it was."""
    monkeypatch.chdir(tmp_path)
    for setting in ("POSTGRES_SCHEMA", "REDIS_PREFIX", "QDRANT_PREFIX"):
        monkeypatch.setenv(f"ASKMESH_VECTORDB_{setting}", "askmesh_test_copy")
    if kind == "qdrant":
        with qdrant.running(tmp_path / "qdrant") as (url, _):
            yield f"qdrant:{url}"
        return
    url = request.getfixturevalue(f"{kind}_url")
    spec = f"{kind}:{url}"
    yield spec

    async def clear() -> None:
        store = specs.open_spec(specs.parse(spec), Settings(_env_file=None), tmp_path / "beside")
        await store.drop_index(INDEX)
        await store.close()

    asyncio.run(clear())


@pytest.mark.parametrize("kind", ["postgres", "redis", "chroma", "qdrant"])
def test_there_and_back_everything_is_equal(spec: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    in_folder(source, lambda store: fill(store, {"": 130, "eu": 20}, index=INDEX))
    assert command("copy", "--from", f"local:{source}", "--to", spec, "--page-size", 50) == 0
    assert command("copy", "--from", spec, "--to", f"local:{back}", "--page-size", 60) == 0
    told = capfd.readouterr().out
    assert told.count("130 records, checksums equal, top 10 overlap 1.000") == 2
    assert held(back) == held(source)
    # What is there already is not touched unless that is asked for, and then it ends equal.
    assert command("copy", "--from", f"local:{source}", "--to", spec) == 2
    assert command("copy", "--from", f"local:{source}", "--to", spec, "--merge") == 0
