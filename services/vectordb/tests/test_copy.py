"""`askmesh-vectordb copy`: from any store to any other, verified, resumed after a kill, refused where it would be wrong."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from askmesh_vectordb.moving import specs
from askmesh_vectordb.moving.checkpoint import Checkpoint
from askmesh_vectordb.moving.digests import Digest
from askmesh_vectordb.moving.planning import Job
from askmesh_vectordb.moving.verifying import Verdict, Verifier
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import IndexInfo, Record, Selection, Store
from askmesh_vectordb.stores.local.store import LocalStore
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import serving
from .moved import DIMENSION, command, fill, held, in_folder, record

pytestmark = pytest.mark.usefixtures("in_tmp")


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints are made in the working folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    in_folder(folder, lambda store: fill(store, {"": 700, "eu": 40, "empty": 0}))
    return folder


def test_through_a_service_and_back_everything_is_equal(
    source: Path, tmp_path: Path, make_settings: Callable[..., Settings], capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(make_settings()) as url:
        assert command("copy", "--from", f"local:{source}", "--to", url, "--page-size", 200) == 0
        assert "700 records, checksums equal, top 10 overlap 1.000" in capfd.readouterr().out
        assert command("copy", "--from", f"pinecone:{url}", "--to", f"local:{tmp_path / 'back'}") == 0
    assert held(tmp_path / "back") == held(source)
    assert not list(tmp_path.glob("askmesh-copy-*"))


def test_one_namespace_of_one_index_goes_under_another_name(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    chosen = ["--index", "docs", "--as", "copied", "--namespace", "eu"]
    assert command("copy", "--from", f"local:{source}", "--to", f"local:{target}", *chosen) == 0
    assert held(target) == {("copied", "eu"): held(source)["docs", "eu"]}


def test_within_one_store_under_another_name(source: Path) -> None:
    spec = f"local:{source}"
    assert command("copy", "--from", spec, "--to", spec) == 2
    assert command("copy", "--from", spec, "--to", spec, "--index", "docs", "--as", "docs") == 2
    assert command("copy", "--from", spec, "--to", spec, "--index", "docs", "--as", "docs-2") == 0
    assert held(source)["docs-2", ""] == held(source)["docs", ""]


def test_a_dry_run_writes_nothing(source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "target"
    assert command("copy", "--from", f"local:{source}", "--to", f"local:{target}", "--dry-run") == 0
    assert held(target) == {}
    assert "would create the index docs (8 dimensions, cosine)" in capfd.readouterr().out
    assert not list(tmp_path.glob("askmesh-copy-*"))


STOPPING = """
import sys, time
from askmesh_vectordb.__main__ import main
from askmesh_vectordb.moving.checkpoint import Checkpoint

save = Checkpoint.save

def save_and_stop(self, index, namespace, place):
    save(self, index, namespace, place)
    if place.digest.count >= int(sys.argv[1]):
        time.sleep(1000)

Checkpoint.save = save_and_stop
main(sys.argv[2:])
"""
"""The command, but that it goes no further than so many records, for whoever wants to kill it."""


def test_killed_at_any_point_it_goes_on_and_ends_equal(source: Path, tmp_path: Path) -> None:
    target, checkpoint = tmp_path / "target", tmp_path / "checkpoint.json"
    arguments = ["copy", "--from", f"local:{source}", "--to", f"local:{target}"]
    arguments += ["--page-size", "10", "--checkpoint", str(checkpoint)]
    done = 0
    for least in (100, 400):
        run = [sys.executable, "-c", STOPPING, str(least + 200), *arguments]
        process = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while done < least:
            assert process.poll() is None
            if checkpoint.exists():
                place = Checkpoint(checkpoint, [f"local:{source}", f"local:{target}", "", "", "*"]).place("docs", "")
                assert place.digest.count >= done
                done = place.digest.count
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert sum(map(len, held(target).values())) < 740
    assert command(*arguments) == 0
    assert held(target) == held(source)
    assert not checkpoint.exists()


def test_records_at_the_target_are_not_touched_unless_asked(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    in_folder(target, lambda store: fill(store, {"": 3}))
    in_folder(target, lambda store: store.upsert("docs", "", [record("own", 9)]))
    before, arguments = held(target), ["copy", "--from", f"local:{source}", "--to", f"local:{target}"]
    assert command(*arguments) == 2
    assert held(target) == before
    assert command(*arguments, "--merge") == 0
    assert command(*arguments, "--merge") == 0
    assert held(target)["docs", ""] == {**held(source)["docs", ""], "own": before["docs", ""]["own"]}


@pytest.mark.parametrize(
    "existing",
    [
        IndexInfo("docs", 4, "cosine", {"fingerprint": "model-1"}),
        IndexInfo("docs", DIMENSION, "euclidean", {"fingerprint": "model-1"}),
        IndexInfo("docs", DIMENSION, "cosine", {"fingerprint": "model-2"}),
        IndexInfo("docs", DIMENSION, "cosine"),
    ],
)
def test_another_kind_of_index_is_refused_before_anything_is_written(
    source: Path, tmp_path: Path, existing: IndexInfo, capfd: pytest.CaptureFixture[str]
) -> None:
    in_folder(source, lambda store: fill(store, {"": 2}, index="a-first-one"))
    in_folder(tmp_path / "target", lambda store: store.ensure_index(existing))
    assert command("copy", "--from", f"local:{source}", "--to", f"local:{tmp_path / 'target'}", "--merge") == 2
    assert "exists with" in capfd.readouterr().err
    assert held(tmp_path / "target") == {}
    assert [info.name for info in in_folder(tmp_path / "target", lambda store: store.list_indexes())] == ["docs"]


@pytest.mark.parametrize(
    ("side", "said"),
    [
        ("nonsense", "names no store"),
        ("local:/there/is/none", "there is no store in"),
        ("http://127.0.0.1:9", "cannot be reached"),
        ("askmesh_no_such_package:open", "cannot be loaded"),
    ],
)
def test_a_side_that_cannot_be_used_is_said_with_its_reason(
    side: str, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command("copy", "--from", side, "--to", f"local:{tmp_path / 'target'}") == 2
    told = capfd.readouterr().err
    assert said in told
    assert "Traceback" not in told


def test_a_checkpoint_of_another_copy_and_a_torn_one_are_refused(source: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.json"
    arguments = [
        "copy",
        "--from",
        f"local:{source}",
        "--to",
        f"local:{tmp_path / 'target'}",
        "--checkpoint",
        checkpoint,
    ]
    Checkpoint(checkpoint, ["another"]).save("docs", "", Checkpoint(checkpoint, ["another"]).place("docs", ""))
    assert command(*arguments) == 2
    checkpoint.write_text(checkpoint.read_text()[:-9])
    assert command(*arguments) == 2
    assert held(tmp_path / "target") == {}


def test_keys_come_from_the_environment_and_labels_hold_no_secret(
    source: Path,
    make_settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with serving(make_settings(api_keys="right-key")) as url:
        arguments = ["copy", "--from", f"local:{source}", "--to", url, "--namespace", "eu"]
        assert command(*arguments) == 2
        assert "refuses the key" in capfd.readouterr().err
        assert command(*arguments, "--to-key-env", "NOT_SET") == 2
        monkeypatch.setenv("TARGET_KEY", "right-key")
        assert command(*arguments, "--to-key-env", "TARGET_KEY") == 0
    assert specs.parse("postgres://me:secret@db:5432/vectors?password=secret").label == "postgres://db:5432/vectors"
    assert specs.parse("qdrant:https://me:secret@host:6333").label == "qdrant:https://host:6333"


@pytest.mark.anyio
async def test_verification_finds_what_is_missing_different_or_too_much(tmp_path: Path) -> None:
    stores = [LocalStore(tmp_path / name) for name in ("one", "two")]
    for store in stores:
        await fill(store, {"": 60})
    first, second = stores
    assert (await _verify(first, second)).exact

    await second.update("docs", "", Selection(ids=["r00003"]), set_metadata={"n": 4})
    found = await _verify(first, second)
    assert (found.different, found.missing, found.extra, found.shown) == (1, 0, 0, ["r00003"])
    assert not found.holds(0.0)

    await fill(second, {"": 60})
    assert (await _verify(first, second)).exact
    await second.delete("docs", "", Selection(ids=["r00007"]))
    await second.upsert("docs", "", [record("extra", 1)])
    found = await _verify(first, second)
    assert (found.different, found.missing, found.extra) == (0, 1, 1)

    await fill(second, {"": 60})
    (page,) = [await first.scan("docs", "", limit=60)]
    halves = [
        Record(item.id, 2 * item.values.astype(np.float16).astype(np.float32), item.metadata) for item in page.items
    ]  # type: ignore[union-attr]
    await second.delete("docs", "", Selection(ids=["extra"]))
    await second.upsert("docs", "", halves)
    found = await _verify(first, second)
    assert (found.exact, found.inexact, found.holds(0.9)) == (False, 60, True)
    for store in stores:
        await store.close()


async def _verify(first: Store, second: Store) -> Verdict:
    digest = Digest()
    for item in (await first.scan("docs", "", limit=1000)).items:
        digest.add(item)
    info = await first.describe_index("docs")
    verifier = Verifier(first, second, lambda *_: None, page_size=25, samples=5, merged=False, lag_s=0)
    return await verifier.verify(Job(info, info, "", 60), digest)


VALUES = st.lists(st.floats(-9, 9, width=32), min_size=2, max_size=2)
METADATA = st.dictionaries(st.text(max_size=3), st.one_of(st.booleans(), st.integers(-9, 9), st.text(max_size=3)))
RECORDS = st.dictionaries(st.text("ab", min_size=1, max_size=3), st.tuples(VALUES, METADATA), max_size=5)


@settings(max_examples=50)
@given(RECORDS, RECORDS, st.randoms(use_true_random=False))
def test_a_digest_depends_on_the_records_and_not_on_their_order(first, second, random) -> None:  # type: ignore[no-untyped-def]
    def digest(given):  # type: ignore[no-untyped-def]
        items = list(given.items())
        random.shuffle(items)
        summed = Digest()
        for name, (values, metadata) in items:
            summed.add(Record(name, np.array(values, dtype=np.float32), metadata))
        return summed

    def plain(given):  # type: ignore[no-untyped-def]
        # 1 and True are one key to Python's ==, and two to a filter.
        return {
            name: (np.array(values, "<f4").tobytes(), repr(sorted(metadata.items())))
            for name, (values, metadata) in given.items()
        }

    assert digest(first) == digest(first)
    assert (digest(first) == digest(second)) == (plain(first) == plain(second))


def test_the_copied_store_answers_as_the_source_does(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    assert command("copy", "--from", f"local:{source}", "--to", f"local:{target}") == 0

    async def search(store: Store) -> list[str]:
        return [match.id for match in await store.search_text("docs", "", "word 77", top_k=5)]

    assert in_folder(target, search) == in_folder(source, search)
    infos = [in_folder(folder, lambda store: store.list_indexes()) for folder in (source, target)]
    assert infos[0] == infos[1]
