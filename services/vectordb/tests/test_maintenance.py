"""The commands check, repair, backup and restore, on whole and on damaged files."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from askmesh_vectordb.__main__ import main
from askmesh_vectordb.filters import parse
from askmesh_vectordb.stores.base import IndexInfo, Query, Record, Selection
from askmesh_vectordb.stores.local.store import LocalStore

VECTOR = np.array([1, 2, 3, 4], dtype=np.float32)


def fill(folder: Path, records: int = 300) -> None:
    async def run() -> None:
        store = LocalStore(folder)
        for name in ("docs", "more"):
            await store.ensure_index(IndexInfo(name, 4, "cosine", {"fingerprint": "m1"}))
            items = [
                Record(f"r{n}", VECTOR + n, {"text": f"walrus {n}", "n": n, "tags": ["a", "b"]}) for n in range(records)
            ]
            await store.upsert(name, "", items)
            await store.upsert(name, "other", items[:10])
            await store.delete(name, "", Selection(ids=["r1", "r2"]))
            await store.update(name, "", Selection(ids=["r3"]), set_metadata={"text": "heron"})
        await store.close()

    asyncio.run(run())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fill(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], folder: Path) -> Callable[..., tuple[int, str]]:
    def run(*arguments: object, at: Path = folder) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments), "--data-path", str(at)])
        assert isinstance(ended.value.code, int)
        return ended.value.code, capsys.readouterr().out

    return run


def index_file(folder: Path, name: str = "docs") -> Path:
    (path,) = folder.glob(f"{name}-*.index.sqlite3")
    return path


def edit(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_a_whole_store_is_in_order(command: Callable[..., tuple[int, str]]) -> None:
    status, said = command("check")
    assert (status, said.splitlines()) == (0, ["docs: 308 records, in order", "more: 308 records, in order"])


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("DELETE FROM terms WHERE row = 40", "inverted metadata of 1 records is wrong"),
        ("INSERT INTO terms VALUES (1, 'n', 'n', 7, 100000)", "inverted metadata has"),
        ("DELETE FROM lexical WHERE rowid = 40", "full text of 1 records is wrong"),
        ("INSERT INTO lexical (rowid, body) VALUES (100000, 'ghost')", "full text has 309 lines"),
        ("UPDATE lexical SET body = 'other' WHERE rowid = 40", "full text of 1 records is wrong"),
        ("DELETE FROM lexical_data WHERE id > 10", "full text"),
        ("UPDATE namespaces SET records = 5", "counts of 2 namespaces are wrong"),
    ],
)
def test_what_is_derived_wrongly_is_told_and_repaired(
    command: Callable[..., tuple[int, str]], folder: Path, harm: str, told: str
) -> None:
    edit(index_file(folder), harm)
    status, said = command("check")
    assert status == 1
    assert told in said
    assert "more: 308 records, in order" in said
    status, said = command("repair")
    assert (status, said.splitlines()[0]) == (0, "docs: 308 records, in order (repaired)")
    assert command("check")[0] == 0

    async def use() -> None:
        store = LocalStore(folder)
        assert [match.id for match in await store.search_text("docs", "", "heron", top_k=5)] == ["r3"]
        assert await store.count("docs") == {"": 298, "other": 10}
        await store.upsert("docs", "", [Record("new", VECTOR)])
        await store.close()

    asyncio.run(use())


def test_a_service_sees_what_was_repaired_beside_it(command: Callable[..., tuple[int, str]], folder: Path) -> None:
    edit(index_file(folder), "DELETE FROM terms WHERE key = 'n' AND value = 40")

    async def use() -> None:
        store = LocalStore(folder)
        wanted = Query(1, VECTOR, filter=parse({"n": {"$eq": 40}}))
        assert await store.query("docs", "", wanted) == []
        assert (await asyncio.to_thread(command, "repair"))[0] == 0
        assert [match.id for match in await store.query("docs", "", wanted)] == ["r40"]
        # What it never read, for it seemed to be empty.
        edit(index_file(folder, "more"), "UPDATE namespaces SET records = 0 WHERE name = 'other'")
        assert await store.query("more", "other", Query(1, VECTOR)) == []
        assert (await asyncio.to_thread(command, "repair"))[0] == 0
        assert [match.id for match in await store.query("more", "other", Query(1, VECTOR))] == ["r0"]
        await store.close()

    asyncio.run(use())


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("UPDATE records SET vector = zeroblob(3) WHERE row = 40", "vector of 1 records is wrong"),
        ("UPDATE records SET vector = x'0000c07f0000c07f0000c07f0000c07f' WHERE row = 40", "vector of 1 records"),
        ("UPDATE records SET metadata = '{' WHERE row = 40", "metadata of 1 records is wrong"),
    ],
)
def test_damage_to_the_records_themselves_is_for_a_backup(
    command: Callable[..., tuple[int, str]], folder: Path, harm: str, told: str
) -> None:
    edit(index_file(folder), harm)
    for name in ("check", "repair"):
        status, said = command(name)
        assert status == 1
        assert told in said
        assert "restore a backup" in said


@pytest.mark.parametrize("harm", ["garbage", "torn", "overwritten", "gone"])
def test_a_damaged_file_is_told_and_not_backed_up(
    command: Callable[..., tuple[int, str]], folder: Path, tmp_path: Path, harm: str
) -> None:
    path = index_file(folder)
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    elif harm == "garbage":
        path.write_bytes(b"garbage" * 1000)
    elif harm == "torn":
        path.write_bytes(content[: len(content) // 2])
    else:
        middle = len(content) // 2 // 4096 * 4096
        path.write_bytes(content[:middle] + b"\x5a" * 8192 + content[middle + 8192 :])
    status, said = command("check")
    assert status == 1
    assert "docs: " in said
    assert "more: 308 records, in order" in said
    assert command("backup", tmp_path / "backup.zip")[0] == 2
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["data"]


def test_a_backup_taken_while_others_write_is_restored_whole(
    command: Callable[..., tuple[int, str]], folder: Path, tmp_path: Path
) -> None:
    stop, written = threading.Event(), []

    async def write() -> None:
        store = LocalStore(folder)
        while not stop.is_set():
            await store.upsert("docs", "busy", [Record(f"b{len(written)}", VECTOR, {"text": "otter"})])
            written.append(len(written))
        await store.close()

    writer = threading.Thread(target=lambda: asyncio.run(write()))
    writer.start()
    while not written:
        stop.wait(0.01)
    before = len(written)
    backup = tmp_path / "backup.zip"
    status, said = command("backup", backup)
    stop.set()
    writer.join()
    assert (status, said) == (0, f"2 indexes are in {backup}\n")
    again = tmp_path / "again"
    assert command("restore", backup, at=again)[0] == 0
    assert command("check", at=again)[0] == 0

    async def look() -> None:
        store = LocalStore(again)
        counts = await store.count("docs")
        assert {name: counts[name] for name in ("", "other")} == {"": 298, "other": 10}
        assert before <= counts["busy"] <= len(written)
        assert (await store.describe_index("docs")).tags == {"fingerprint": "m1"}
        assert [match.id for match in await store.query("docs", "", Query(1, VECTOR))] == ["r0"]
        await store.close()

    asyncio.run(look())
    status, said = command("restore", backup, at=again)
    assert (status, "holds a store already" in said) == (2, True)


@pytest.mark.parametrize("harm", ["torn", "garbage", "flipped", "path", "gone"])
def test_a_damaged_backup_restores_nothing(command: Callable[..., tuple[int, str]], tmp_path: Path, harm: str) -> None:
    backup = tmp_path / "backup.zip"
    command("backup", backup)
    content = backup.read_bytes()
    if harm == "gone":
        backup.unlink()
    elif harm == "path":
        with zipfile.ZipFile(backup, "w") as archive:
            archive.writestr("backup.json", '{"files": {"../catalog.sqlite3": {"sha256": ""}}}')
            archive.writestr("../catalog.sqlite3", "")
    else:
        half = len(content) // 2
        changed = {
            "torn": content[:half],
            "garbage": b"garbage",
            "flipped": content[:half] + b"\xff\x00" + content[half + 2 :],
        }
        backup.write_bytes(changed[harm])
    again = tmp_path / "again"
    assert command("restore", backup, at=again)[0] == 2
    assert not again.exists() or list(again.iterdir()) == []


def test_a_folder_without_a_store_is_told(command: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    for name in ("check", "repair"):
        status, said = command(name, at=tmp_path / "nothing")
        assert (status, "no store" in said) == (2, True)


def test_help_is_quick_and_names_every_command() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "askmesh_vectordb", "--help"], capture_output=True, text=True, check=True, timeout=100
    ).stdout
    assert all(name in said for name in ("serve", "openapi", "check", "repair", "backup", "restore"))
    backup = [sys.executable, "-m", "askmesh_vectordb", "backup", "--help"]
    assert "zip" in subprocess.run(backup, capture_output=True, text=True, check=True, timeout=100).stdout
