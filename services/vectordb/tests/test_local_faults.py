"""Disks that fail, fill up or come back damaged: the store refuses or recovers, and is never silently wrong."""

import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import numpy as np
import pytest
from askmesh_vectordb import filters
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import IndexInfo, Query, Record, StorageFull, StoreError
from askmesh_vectordb.stores.local.maintenance import Checker
from askmesh_vectordb.stores.local.store import LocalStore

from .conftest import serving
from .faulty_disk import VECTOR

pytestmark = pytest.mark.anyio
LONG = os.environ.get("ASKMESH_LONG_TESTS") == "1"


class FaultyDisk:
    """A writing process whose disk fails on order."""

    def __init__(self, folder: Path, shim: Path) -> None:
        self._orders = shim.with_name("orders")
        environment = os.environ | {"LD_PRELOAD": str(shim), "ASKMESH_FAULTS": str(self._orders)}
        worker = Path(__file__).with_name("faulty_disk.py")
        self._process = subprocess.Popen(
            [sys.executable, str(worker), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            bufsize=1, env=environment,
        )  # fmt: skip
        assert self._hear() == "ready"

    def fail(self, how: str) -> None:
        self._orders.write_text(how)

    def mend(self) -> None:
        self._orders.unlink(missing_ok=True)

    def tell(self, command: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        return self._hear()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("the failing disk is a small library for Linux, and there is no C compiler to build it")
    made = tmp_path_factory.mktemp("shim") / "faults.so"
    source = Path(__file__).with_name("faults.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", made, source, "-ldl"], check=True, capture_output=True)
    return made


@pytest.fixture
def disk(tmp_path: Path, shim: Path) -> Iterator[FaultyDisk]:
    disk = FaultyDisk(tmp_path / "data", shim)
    yield disk
    disk.mend()
    disk.kill()


async def ids(folder: Path) -> set[str]:
    """Every id, of a store that agrees with itself."""
    assert [(report.problems, report.fatal) for report in Checker(folder, lambda *_: None).check()] == [([], [])]
    store = LocalStore(folder)
    found = {match.id for match in await store.query("docs", "", Query(10_000, VECTOR))}
    await store.close()
    return found


@pytest.mark.parametrize(("how", "told"), [("sync", "503 outcome_unknown"), ("full", "507 storage_full")])
async def test_a_write_is_acknowledged_only_when_the_disk_has_it(
    disk: FaultyDisk, tmp_path: Path, how: str, told: str
) -> None:
    acknowledged, number = 0, 0
    for _ in range(4):
        for _ in range(3):
            assert disk.tell(f"write {number}") == "ok"
            acknowledged, number = acknowledged + 1, number + 1
        disk.fail(how)
        for _ in range(3):
            assert disk.tell(f"write {number}") == told
            number += 1
        # What there is can be read meanwhile.
        assert disk.tell("read") == f"ok {5 * acknowledged}"
        disk.mend()
    assert disk.tell("write 1000") == "ok"
    disk.fail(how)
    assert disk.tell("write 1001") == told
    disk.kill()
    kept = {int(name.partition("-")[0]) for name in await ids(tmp_path / "data")}
    wanted = {n for n in range(number) if n % 6 < 3} | {1000}
    # The write that failed last was never acknowledged: it may be there, whole, or not.
    assert wanted <= kept <= wanted | {1001}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"a small disk can be made by root only: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_a_507_read_only_and_recovers(small_disk: Path, make_settings: Callable[..., Settings]) -> None:
    def upsert(client: httpx2.Client, name: str) -> int:
        record = {"id": name, "values": VECTOR.tolist(), "metadata": {"text": "words " * 3000}}
        return client.post("/indexes/docs/vectors/upsert", json={"vectors": [record]}).status_code

    with (
        serving(make_settings(data_path=small_disk / "data")) as url,
        httpx2.Client(base_url=url, timeout=60) as client,
    ):
        client.post("/indexes", json={"name": "docs", "dimension": 4, "metric": "cosine"})
        written = 0
        while (status := upsert(client, f"r{written}")) == 200:
            written += 1
            assert written < 200
        assert status == 507
        assert upsert(client, "again") == 507
        stats = client.post("/indexes/docs/describe_index_stats", json={}).json()
        assert stats["totalVectorCount"] == written > 5
        found = client.post("/indexes/docs/query", json={"topK": 3, "vector": VECTOR.tolist()}).json()
        assert len(found["matches"]) == 3
        subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
        assert upsert(client, "after") == 200
        assert client.get("/indexes/docs/vectors/fetch", params={"ids": "after"}).json()["vectors"]


COUNT, DIMENSION = 240, 24
RNG = np.random.default_rng(5)
VECTORS = RNG.normal(size=(COUNT, DIMENSION)).astype(np.float32)


def word(n: int) -> str:
    return "word" + "".join(chr(ord("a") + int(digit)) for digit in f"{n:03d}")


def record(n: int) -> Record:
    return Record(f"r{n:03d}", VECTORS[n], {"n": n, "text": f"walrus {word(n)}", "header": "a heading"})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a killed process leaves it: some of it in the file, some in the log, a snapshot beside it."""
    folder, copy = tmp_path_factory.mktemp("live"), tmp_path_factory.mktemp("whole") / "data"

    async def fill() -> None:
        store = LocalStore(folder, exact_limit=100)
        await store.ensure_index(IndexInfo("docs", DIMENSION, "cosine"))
        file = store._catalog.file("docs")
        for start in range(0, COUNT, 40):
            await store.upsert("docs", "", [record(n) for n in range(start, start + 40)])
            await store.query("docs", "", Query(1, VECTORS[0]))
            while not file._builder.idle:
                await asyncio.sleep(0.01)
            if start == 120:
                with file.connection() as connection:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copytree(folder, copy)
        await store.close()

    asyncio.run(fill())
    assert {path.suffix for path in copy.iterdir()} >= {".sqlite3", ".sqlite3-wal", ".usearch", ".json"}
    return copy


def harm(path: Path, rng: random.Random) -> str:
    """Cut the file off, or write over some of it, as a torn write or a failing disk does."""
    content = bytearray(path.read_bytes())
    at = rng.randrange(len(content))
    kind = rng.choice(["cut", "zeros", "noise", "bit", "swap"])
    length = min(rng.choice([1, 64, 512, 4096]), len(content) - at)
    if kind == "cut":
        del content[at:]
    elif kind == "zeros":
        content[at : at + length] = bytes(length)
    elif kind == "noise":
        content[at : at + length] = rng.randbytes(length)
    elif kind == "bit":
        content[at] ^= 1 << rng.randrange(8)
    else:
        # A block that was written to another's place.
        at, other = at // 512 * 512, rng.randrange(len(content)) // 512 * 512
        content[at : at + 512] = content[other : other + 512]
    path.write_bytes(content)
    return f"{kind} {length} at {at} of {path.name}"


async def look(folder: Path) -> str:
    """`right`, `refused`, or `less` where something is missing. What is answered wrongly is an assertion."""
    store, complete = LocalStore(folder, exact_limit=100), True
    try:
        page = await store.scan("docs", "", limit=1000)
        found = {one.id: one for one in page.items}
        # What was committed last may be lost with a log that is damaged, a whole request at a time.
        assert sorted(found) == [f"r{n:03d}" for n in range(len(found))]
        assert len(found) % 40 == 0
        complete = len(found) == COUNT
        for n, one in enumerate(found.values()):
            assert one.values is not None
            assert np.array_equal(one.values, VECTORS[n])
            assert one.metadata == record(n).metadata
        for n in range(0, len(found), 60):
            best = np.argsort(-(VECTORS[: len(found)] @ VECTORS[n]) / np.linalg.norm(VECTORS[: len(found)], axis=1))
            matches = await store.query("docs", "", Query(3, VECTORS[n]))
            assert [match.id for match in matches] == [f"r{m:03d}" for m in best[:3]]
            matches = await store.query("docs", "", Query(10, VECTORS[n], filter=filters.parse({"n": {"$gt": 200}})))
            complete = complete and len(matches) == 10
            assert all(match.metadata and match.metadata["n"] > 200 for match in matches)
            told = await store.search_text("docs", "", word(n), top_k=2)
            complete = complete and [match.id for match in told] == [f"r{n:03d}"]
    except StoreError:
        return "refused"
    finally:
        await store.close()
    return "right" if complete else "less"


@pytest.mark.timeout(600 if LONG else 120)
@pytest.mark.parametrize("suffix", [".index.sqlite3", ".sqlite3-wal", ".usearch", ".json"])
async def test_damaged_files_are_refused_or_told_by_check(whole: Path, tmp_path: Path, suffix: str) -> None:
    shutil.copytree(whole, tmp_path / "whole")
    assert await look(tmp_path / "whole") == "right"
    rng = random.Random(suffix)
    for number in range(400 if LONG else 12):
        folder = tmp_path / str(number)
        shutil.copytree(whole, folder)
        (path,) = [path for path in folder.iterdir() if path.name.startswith("docs") and path.name.endswith(suffix)]
        what = harm(path, rng)
        seen = await look(folder)
        if suffix in (".usearch", ".json"):
            # A snapshot is built anew.
            assert seen == "right", what
        elif seen == "less" and suffix == ".index.sqlite3":
            reports = Checker(folder, lambda *_: None).check()
            assert any(report.problems or report.fatal for report in reports), what
        shutil.rmtree(folder)


async def test_a_changed_byte_in_a_record_is_noticed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    await store.ensure_index(IndexInfo("docs", DIMENSION, "cosine"))
    await store.upsert("docs", "", [record(n) for n in range(5)])
    await store.close()
    (path,) = tmp_path.glob("docs-*.index.sqlite3")
    for old in (VECTORS[3].astype("<f4").tobytes(), b'"walrus wordaad"'):
        content = path.read_bytes()
        place = content.rindex(old) + len(old) - 2
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        store = LocalStore(tmp_path)
        with pytest.raises(StoreError, match="not what was written"):
            await store.fetch("docs", "", ["r003"])
        with pytest.raises(StoreError, match="not what was written"):
            await store.query("docs", "", Query(5, VECTORS[3]))
        await store.close()
        (report,) = Checker(tmp_path, lambda *_: None).check()
        assert report.fatal
        path.write_bytes(content)


async def test_records_of_before_there_were_checksums_are_read(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    await store.ensure_index(IndexInfo("docs", DIMENSION, "cosine"))
    await store.upsert("docs", "", [record(n) for n in range(5)])
    await store.close()
    (path,) = tmp_path.glob("docs-*.index.sqlite3")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in (
            "ALTER TABLE records DROP COLUMN vector_sum",
            "ALTER TABLE records DROP COLUMN text_sum",
            "DELETE FROM schema_version WHERE version = 2",
        ):
            connection.execute(statement)
    store = LocalStore(tmp_path)
    assert [match.id for match in await store.query("docs", "", Query(1, VECTORS[2]))] == ["r002"]
    await store.upsert("docs", "", [record(2)])
    assert (await store.fetch("docs", "", ["r002", "r003"]))["r003"].metadata == record(3).metadata
    await store.close()
    (report,) = Checker(tmp_path, lambda *_: None).check()
    assert not report.problems + report.fatal


async def test_no_room_for_a_new_index_is_a_507(small_disk: Path) -> None:
    store = LocalStore(small_disk / "data")
    await store.ensure_index(IndexInfo("docs", 4, "cosine"))
    (small_disk / "filler").write_bytes(bytes(os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize))
    with pytest.raises(StorageFull):
        await store.ensure_index(IndexInfo("more", 4, "cosine"))
    (small_disk / "filler").unlink()
    assert await store.ensure_index(IndexInfo("more", 4, "cosine"))
    await store.close()
