"""What every kind of source promises. A new kind is one more entry of SOURCES."""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from askmesh_bot.knowledge.base import Document, Source, SourceUnavailable
from askmesh_bot.knowledge.chunking import ChunkLimits, chunk
from askmesh_bot.knowledge.sources.registry import SOURCES, make_source
from askmesh_bot.knowledge.sources.spec import SourceSpec

LIMITS = ChunkLimits.for_encoder(256, 400)


def write(folder: Path) -> Path:
    (folder / "pkg").mkdir(parents=True)
    (folder / "guide.md").write_text("# Guide\n\nHow to begin.\n\n## Next\n\nGo on.\n")
    (folder / "pkg" / "__init__.py").write_text('"""A package."""\n')
    (folder / "pkg" / "work.py").write_text('"""Work."""\n\n\ndef do(thing, *, twice=False):\n    """Do a thing."""\n')
    (folder / "chat").mkdir()
    turns = [{"id": str(n), "author": "wren", "text": f"Turn number {n} of this thread."} for n in range(3)]
    (folder / "chat" / "help.jsonl").write_text(json.dumps({"id": "t1", "messages": turns}) + "\n")
    return folder


def grow(file: Path) -> None:
    """Say more at the end of a file."""
    if file.suffix == ".jsonl":
        thread = json.loads(file.read_text())
        thread["messages"].append({"id": "last", "author": "heron", "text": "And there is more of it."})
        file.write_text(json.dumps(thread) + "\n")
    else:
        file.write_text(file.read_text() + "\n\n# More\n\nOf it.\n")


# kind -> where in the written folder it begins
BEGINNINGS: dict[str, str] = {"folder": ".", "tree": ".", "python": "pkg", "threads": "chat"}

Make = Callable[[], Source]


@pytest.fixture(params=sorted(BEGINNINGS))
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    location = write(tmp_path / "source") / BEGINNINGS[request.param]
    return lambda: make_source(SourceSpec("an-id", "c", request.param, str(location), "Title"))


def read(source: Source) -> list[Document]:
    async def collect() -> list[Document]:
        return [document async for document in source.documents()]

    return asyncio.run(collect())


def test_every_registered_kind_is_tested() -> None:
    # A Discord channel lists nothing: its threads are handed in as people write; see tests/discord/test_live.py.
    assert set(BEGINNINGS) == set(SOURCES) - {"discord"}


def test_documents_are_the_same_at_every_reading(make: Make) -> None:
    first, second = read(make()), read(make())
    assert first == second
    assert len({document.id for document in first}) == len(first) > 0


def test_total_counts_the_documents(make: Make) -> None:
    source = make()
    # None: counting would cost as much as reading.
    assert asyncio.run(source.total()) in {len(read(source)), None}


def test_chunks_lie_inside_their_documents_and_have_links(make: Make) -> None:
    source = make()
    for document in read(source):
        lines = document.text.count("\n") + 1
        found = chunk(document, source.title, LIMITS)
        assert found
        assert len({one.key for one in found}) == len(found)
        for one in found:
            assert 1 <= one.line_start <= one.line_end <= lines
            assert source.link(document, one).startswith("/read/c/an-id/")


def test_a_change_changes_the_hash_and_nothing_else_does(make: Make, tmp_path: Path) -> None:
    before = {document.id: document.content_hash for document in read(make())}
    for file in (tmp_path / "source").rglob("*.*"):
        file.touch()
    assert {document.id: document.content_hash for document in read(make())} == before
    for file in (tmp_path / "source").rglob("*.*"):
        grow(file)
    after = {document.id: document.content_hash for document in read(make())}
    assert set(after) == set(before)
    assert not set(after.values()) & set(before.values())


def test_a_source_that_is_gone_is_unavailable(make: Make, tmp_path: Path) -> None:
    source = make()
    shutil.rmtree(tmp_path / "source")
    with pytest.raises(SourceUnavailable):
        read(source)
