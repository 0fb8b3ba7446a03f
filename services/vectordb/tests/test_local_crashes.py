"""What was acknowledged survives kill -9, at whatever moment it comes."""

import os
import random
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from askmesh_vectordb import filters
from askmesh_vectordb.stores.base import Query
from askmesh_vectordb.stores.local.store import LocalStore

from .worker import EXACT_LIMIT
from .writers import Writers

pytestmark = pytest.mark.anyio
LONG = os.environ.get("ASKMESH_LONG_TESTS") == "1"
VECTOR = np.array([1, 2, 3, 4], dtype=np.float32)


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[Writers]:
    writers = Writers(tmp_path)
    yield writers
    writers.close()


def expected_ids(prefix: str, last: int) -> set[str]:
    ids = {f"{prefix}-{n}-{part}" for n in range(last + 1) for part in range(3)}
    return ids - {f"{prefix}-{n - 2}-0" for n in range(4, last + 1, 5)}


@pytest.mark.timeout(1800 if LONG else 120)
@pytest.mark.parametrize("part", range(20 if LONG else 1))
async def test_no_acknowledged_write_is_lost_by_fifty_kills(tmp_path: Path, writers: Writers, part: int) -> None:
    rng = random.Random(part)
    for kill_number in range(25):
        # Two writers at once, killed at any moment: as they write, build, and save what they built.
        writers.start(f"k{kill_number}a")
        writers.start(f"k{kill_number}b")
        while kill_number % 5 == 0 and writers.listen() is None:
            pass  # a slow machine gets something done too
        time.sleep(rng.uniform(0, 0.08))
        writers.kill()
    store = LocalStore(tmp_path, exact_limit=EXACT_LIMIT)
    for name, last in writers.acknowledged.items():
        found, cursor = set(), None
        while True:
            page = await store.scan("docs", "", limit=1000, prefix=f"{name}-", cursor=cursor)
            found |= {record.id for record in page.items}
            cursor = page.cursor
            if cursor is None:
                break
        # The next step may have been in flight: its upsert, then its delete, each wholly there or not at all.
        before, after = expected_ids(name, last), expected_ids(name, last + 1)
        assert found in (before, before | after, after)
    total = (await store.count("docs"))[""]
    assert max(writers.acknowledged.values()) >= 0
    await check_consistent(store, tmp_path, total)
    await store.close()


async def check_consistent(store: LocalStore, folder: Path, total: int) -> None:
    """Counts, vectors, inverted metadata and full text agree, and SQLite finds nothing wrong."""
    assert len(await store.query("docs", "", Query(total + 10, VECTOR))) == total
    assert (await store.count("docs", filters.parse({"n": {"$gte": 0}})))[""] == total
    assert len(await store.search_text("docs", "", "words", top_k=total + 10)) == total
    (path,) = folder.glob("docs-*.index.sqlite3")
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.execute("INSERT INTO lexical (lexical) VALUES ('integrity-check')")
    connection.close()
