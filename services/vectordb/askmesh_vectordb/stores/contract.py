"""What every store must do, as a pytest suite that is shipped with the interface.

A new store's test file is a subclass that provides one fixture:

    class TestMyStore(StoreContract):
        @pytest.fixture
        async def store(self): ...

Run under anyio's pytest plugin, on asyncio.
"""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from askmesh_vectordb import filters
from askmesh_vectordb.filters import Filter
from askmesh_vectordb.stores.base import (
    AlreadyExists,
    IndexInfo,
    IndexMismatch,
    IndexNotFound,
    Metadata,
    Metric,
    NamespaceNotFound,
    ProtectedIndex,
    Query,
    Record,
    Selection,
    Store,
    Vector,
    WrongDimension,
)

SAMPLES: tuple[Metadata, ...] = (
    {},
    {"n": 1, "kind": "text", "ok": True},
    {"n": 1.5, "kind": "rst", "ok": False},
    {"n": -3, "tags": ["a", "b"]},
    {"n": "1", "kind": ["text", "rst"]},
    {"n": True},
    {"tags": []},
    {"tags": ["b"], "kind": "text", "n": 2},
    {"kind": "x" * 500},
    {"a.b": 1, "kind": ""},
    {"ok": "true", "n": 0},
    {"tags": ["a", "c"], "ok": True, "n": 1e12},
)

FILTERS: tuple[dict[str, object], ...] = (
    {"kind": "text"},
    {"kind": {"$eq": "rst"}},
    {"kind": {"$ne": "text"}},
    {"kind": "x" * 500},
    {"kind": ""},
    {"n": 1},
    {"n": "1"},
    {"n": True},
    {"n": {"$gt": 0}},
    {"n": {"$gte": 1, "$lt": 2}},
    {"n": {"$lte": -3}},
    {"n": {"$in": [1, "1", True]}},
    {"n": {"$nin": [1, 2]}},
    {"tags": {"$in": ["a"]}},
    {"tags": {"$in": []}},
    {"tags": {"$nin": []}},
    {"tags": {"$nin": ["a", "b"]}},
    {"tags": {"$eq": "b"}},
    {"tags": {"$exists": True}},
    {"ok": {"$exists": False}},
    {"ok": True},
    {"ok": {"$ne": True}},
    {"a.b": {"$gte": 1}},
    {"$and": [{"kind": "text"}, {"n": {"$gt": 1}}]},
    {"$or": [{"ok": False}, {"tags": "c"}]},
    {"$or": [{"$and": [{"n": {"$gt": 0}}, {"ok": True}]}, {"kind": {"$in": ["rst"]}}], "n": {"$ne": 2}},
)

NAUGHTY = (
    "'; DROP TABLE records; --",
    '" OR 1=1',
    'a "b" AND NOT (c* NEAR/3 d) ^e:f',
    "Zażółć gęślą jaźń",
    "日本語のテキスト",
    "\u202e\u200f\ufeff right to left",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "line\nbreak\ttab\r\n",
    "\\x00 \\u0000 %s {} $1 ?1 :name",
    "é ≠ e\u0301",
    "\x01\x1f\x7f\x85\u2028",
    "-" * 300,
    "   ",
    "*",
    '"',
)


def vec(*values: float) -> Vector:
    return np.array(values, dtype=np.float32)


def parse(raw: dict[str, object]) -> Filter:
    return filters.parse(raw)


async def found(store: Store, vector: Vector, top_k: int = 10, namespace: str = "", **options: object) -> list[str]:
    """Ids of a query on the index `docs`."""
    matches = await store.query("docs", namespace, Query(top_k, vector, **options))  # type: ignore[arg-type]
    return [match.id for match in matches]


async def words_found(store: Store, text: str, top_k: int = 10) -> list[str]:
    return [match.id for match in await store.search_text("docs", "", text, top_k=top_k)]


async def make(store: Store, records: Sequence[Record] = (), metric: Metric = "cosine", dimension: int = 2) -> None:
    """The index `docs` with these records in the default namespace."""
    await store.ensure_index(IndexInfo("docs", dimension, metric))
    if records:
        await store.upsert("docs", "", records)


class StoreContract:
    """Subclass it and provide `store`: an empty store."""

    pytestmark = pytest.mark.anyio

    async def test_an_index_is_made_described_listed_and_dropped(self, store: Store) -> None:
        info = IndexInfo("docs", 3, "euclidean", {"fingerprint": "m1"})
        assert await store.ensure_index(info)
        assert not await store.ensure_index(info)
        assert await store.describe_index("docs") == info
        await store.ensure_index(IndexInfo("alpha", 2, "cosine"))
        assert [index.name for index in await store.list_indexes()] == ["alpha", "docs"]
        await store.drop_index("docs")
        with pytest.raises(IndexNotFound):
            await store.describe_index("docs")
        assert [index.name for index in await store.list_indexes()] == ["alpha"]

    @pytest.mark.parametrize(
        "other",
        [
            IndexInfo("docs", 4, "cosine"),
            IndexInfo("docs", 3, "dotproduct"),
            IndexInfo("docs", 3, "cosine", {"fingerprint": "m2"}),
        ],
    )
    async def test_an_index_that_exists_differently_is_a_mismatch(self, store: Store, other: IndexInfo) -> None:
        await store.ensure_index(IndexInfo("docs", 3, "cosine", {"fingerprint": "m1"}))
        with pytest.raises(IndexMismatch):
            await store.ensure_index(other)

    async def test_an_index_made_anew_is_empty(self, store: Store) -> None:
        await make(store, [Record("a", vec(1, 0))])
        await store.drop_index("docs")
        await make(store, dimension=3)
        assert await found(store, vec(1, 0, 0)) == []
        await store.upsert("docs", "", [Record("b", vec(1, 0, 0))])
        assert await found(store, vec(1, 0, 0)) == ["b"]

    async def test_tags_merge_and_a_protected_index_stays(self, store: Store) -> None:
        await store.ensure_index(IndexInfo("docs", 2, "cosine", {"a": "1", "b": "2"}))
        info = await store.configure_index("docs", tags={"b": "", "c": "3"}, deletion_protection=True)
        assert info == await store.describe_index("docs")
        assert dict(info.tags) == {"a": "1", "c": "3"}
        with pytest.raises(ProtectedIndex):
            await store.drop_index("docs")
        await store.configure_index("docs", deletion_protection=False)
        await store.drop_index("docs")

    async def test_records_keep_their_fingerprint(self, store: Store) -> None:
        await store.ensure_index(IndexInfo("docs", 2, "cosine", {"fingerprint": "m1"}))
        await store.configure_index("docs", tags={"fingerprint": "m2"})
        await store.upsert("docs", "", [Record("a", vec(1, 0))])
        with pytest.raises(IndexMismatch):
            await store.configure_index("docs", tags={"fingerprint": "m3"})

    async def test_every_call_on_an_unknown_index_says_so(self, store: Store) -> None:
        calls = [
            store.describe_index("nope"),
            store.drop_index("nope"),
            store.configure_index("nope", tags={"a": "b"}),
            store.upsert("nope", "", [Record("a", vec(1, 0))]),
            store.query("nope", "", Query(1, vec(1, 0))),
            store.fetch("nope", "", ["a"]),
            store.update("nope", "", Selection(ids=["a"]), set_metadata={"a": 1}),
            store.delete("nope", "", Selection(ids=["a"])),
            store.count("nope"),
            store.scan("nope", "", limit=10),
            store.create_namespace("nope", "x"),
            store.search_text("nope", "", "words", top_k=3),
        ]
        for call in calls:
            with pytest.raises(IndexNotFound):
                await call

    async def test_vectors_of_another_dimension_are_refused_and_nothing_is_written(self, store: Store) -> None:
        await make(store)
        with pytest.raises(WrongDimension):
            await store.upsert("docs", "", [Record("a", vec(1, 0)), Record("b", vec(1, 0, 0))])
        with pytest.raises(WrongDimension):
            await store.query("docs", "", Query(1, vec(1, 0, 0)))
        assert await store.count("docs") in ({}, {"": 0})

    async def test_records_come_back_as_they_went_in(self, store: Store) -> None:
        values = np.random.default_rng(5).normal(size=(len(NAUGHTY), 8)).astype(np.float32)
        records = [
            Record(f"id {n}", values[n], {"text": text, "list": [text, ""], "n": n, "half": n / 3, "ok": n % 2 == 0})
            for n, text in enumerate(NAUGHTY)
        ]
        await make(store, records, dimension=8)
        back = await store.fetch("docs", "", [record.id for record in records])
        for record in records:
            assert back[record.id].metadata == record.metadata
            assert np.array_equal(back[record.id].values, record.values)  # type: ignore[arg-type]

    async def test_an_upsert_replaces_the_whole_record_and_can_be_repeated(self, store: Store) -> None:
        await make(store, [Record("a", vec(1, 0), {"old": 1, "text": "walrus"})])
        new = Record("a", vec(0, 1), {"new": 2})
        for _ in range(2):
            await store.upsert("docs", "", [Record("a", vec(1, 1)), new])
        assert (await store.fetch("docs", "", ["a"]))["a"].metadata == {"new": 2}
        assert await store.count("docs") == {"": 1}
        assert (await store.query("docs", "", Query(1, vec(0, 1))))[0].score == pytest.approx(1, abs=1e-5)
        assert await words_found(store, "walrus") == []

    @pytest.mark.parametrize(
        ("metric", "order", "scores"),
        [
            ("cosine", ["near", "far", "long", "back"], [1.0, 0.98058, 0.70711, -1.0]),
            ("dotproduct", ["long", "far", "near", "back"], [9.0, 5.0, 1.0, -2.0]),
            ("euclidean", ["near", "back", "far", "long"], [0.0, -9.0, -17.0, -145.0]),
        ],
    )
    async def test_each_metric_has_its_scores_and_its_order(
        self, store: Store, metric: Metric, order: list[str], scores: list[float]
    ) -> None:
        records = [
            Record("near", vec(1, 0)),
            Record("far", vec(5, 1)),
            Record("long", vec(9, 9)),
            Record("back", vec(-2, 0)),
        ]
        await make(store, records, metric)
        matches = await store.query("docs", "", Query(4, vec(1, 0)))
        assert [match.id for match in matches] == order
        assert [match.score for match in matches] == pytest.approx(scores, abs=1e-4)

    async def test_equal_scores_are_ordered_by_id(self, store: Store) -> None:
        names = [f"{n:03d}" for n in np.random.default_rng(1).permutation(300)]
        await make(store, [Record(name, vec(0.3, 0.7)) for name in names])
        assert await found(store, vec(1, 1), 20) == [f"{n:03d}" for n in range(20)]

    async def test_a_query_by_id_finds_the_record_itself_first(self, store: Store) -> None:
        await make(store, [Record("a", vec(1, 0)), Record("b", vec(0, 1))])
        matches = await store.query("docs", "", Query(2, id="b"))
        assert [match.id for match in matches] == ["b", "a"]
        assert await store.query("docs", "", Query(2, id="nobody")) == []

    async def test_a_match_carries_what_is_asked_for(self, store: Store) -> None:
        await make(store, [Record("a", vec(3, 4), {"k": "v"})])
        (bare,) = await store.query("docs", "", Query(1, vec(1, 0), include_metadata=False))
        assert bare.metadata is None
        assert bare.values is None
        (full,) = await store.query("docs", "", Query(1, vec(1, 0), include_values=True))
        assert full.metadata == {"k": "v"}
        assert full.values is not None
        assert full.values.tolist() == [3, 4]

    async def test_every_filter_selects_what_the_reference_evaluator_selects(self, store: Store) -> None:
        records = [Record(f"r{n:02d}", vec(1, n), metadata) for n, metadata in enumerate(SAMPLES)]
        await make(store, records)
        for raw in FILTERS:
            chosen = parse(raw)
            wanted = [record.id for record in records if chosen.matches(record.metadata)]
            assert sorted(await found(store, vec(1, 1), 50, filter=chosen)) == wanted, raw
            page = await store.scan("docs", "", limit=50, filter=chosen)
            assert [record.id for record in page.items] == wanted, raw
            assert (await store.count("docs", chosen)).get("", 0) == len(wanted), raw

    async def test_namespaces_do_not_see_each_other(self, store: Store) -> None:
        await make(store, [Record("a", vec(1, 0), {"text": "apple"})])
        await store.upsert("docs", "other", [Record("a", vec(0, 1), {"text": "pear"}), Record("b", vec(1, 1))])
        assert await found(store, vec(1, 0)) == ["a"]
        assert await found(store, vec(1, 0), namespace="other") == ["b", "a"]
        assert await found(store, vec(1, 0), namespace="nowhere") == []
        assert (await store.fetch("docs", "other", ["a"]))["a"].metadata == {"text": "pear"}
        assert await words_found(store, "pear") == []
        await store.delete("docs", "other", Selection(ids=["a"]))
        assert await store.count("docs") == {"": 1, "other": 1}

    async def test_namespaces_are_made_and_dropped(self, store: Store) -> None:
        await make(store)
        await store.create_namespace("docs", "a/b c")
        assert (await store.count("docs"))["a/b c"] == 0
        with pytest.raises(AlreadyExists):
            await store.create_namespace("docs", "a/b c")
        await store.upsert("docs", "a/b c", [Record("x", vec(1, 0), {"text": "gone"})])
        await store.drop_namespace("docs", "a/b c")
        assert "a/b c" not in await store.count("docs")
        assert await found(store, vec(1, 0), namespace="a/b c") == []
        with pytest.raises(NamespaceNotFound):
            await store.drop_namespace("docs", "a/b c")

    async def test_update_by_id_sets_values_and_merges_metadata(self, store: Store) -> None:
        await make(store, [Record("a", vec(1, 0), {"keep": 1, "change": "old", "text": "first"})])
        changes: Metadata = {"change": "new", "text": "second"}
        assert await store.update("docs", "", Selection(ids=["a"]), values=vec(0, 2), set_metadata=changes) == 1
        record = (await store.fetch("docs", "", ["a"]))["a"]
        assert record.metadata == {"keep": 1, "change": "new", "text": "second"}
        assert record.values is not None
        assert record.values.tolist() == [0, 2]
        assert await found(store, vec(0, 1), filter=parse({"change": "new"})) == ["a"]
        assert await found(store, vec(0, 1), filter=parse({"change": "old"})) == []
        assert await words_found(store, "second") == ["a"]
        assert await words_found(store, "first") == []
        assert await store.fetch("docs", "", ["nobody"]) == {}

    async def test_update_by_filter_counts_and_a_dry_run_only_counts(self, store: Store) -> None:
        await make(store, [Record(f"r{n}", vec(1, n), {"n": n}) for n in range(6)])
        chosen = Selection(filter=parse({"n": {"$gte": 4}}))
        assert await store.update("docs", "", chosen, set_metadata={"hit": True}, dry_run=True) == 2
        assert await found(store, vec(1, 0), filter=parse({"hit": True})) == []
        assert await store.update("docs", "", chosen, set_metadata={"hit": True}) == 2
        assert sorted(await found(store, vec(1, 0), filter=parse({"hit": True}))) == ["r4", "r5"]

    async def test_delete_by_ids_by_filter_and_of_everything(self, store: Store) -> None:
        words = ["ash", "birch", "cedar", "elm", "fir", "gorse"]
        await make(store, [Record(f"r{n}", vec(1, n), {"n": n, "text": word}) for n, word in enumerate(words)])
        await store.delete("docs", "", Selection(ids=["r0", "nobody"]))
        await store.delete("docs", "", Selection(filter=parse({"n": {"$gt": 3}})))
        assert sorted(await found(store, vec(1, 0))) == ["r1", "r2", "r3"]
        assert await words_found(store, "ash birch gorse") == ["r1"]
        await store.delete("docs", "", Selection(everything=True))
        assert await found(store, vec(1, 0)) == []
        assert await words_found(store, "birch") == []
        assert sum((await store.count("docs")).values()) == 0

    async def test_ids_and_a_filter_together_mean_those_that_satisfy_it(self, store: Store) -> None:
        await make(store, [Record(f"r{n}", vec(1, n), {"n": n, "text": "words"}) for n in range(6)])
        odd = parse({"n": {"$in": [1, 3, 5]}})
        selection = Selection(["r1", "r2", "r3", "nobody"], odd)
        assert await store.update("docs", "", selection, set_metadata={"hit": True}, dry_run=True) == 2
        assert await store.update("docs", "", selection, set_metadata={"hit": True, "text": "found"}) == 2
        assert sorted(await found(store, vec(1, 0), filter=parse({"hit": True}))) == ["r1", "r3"]
        assert sorted(await words_found(store, "found")) == ["r1", "r3"]
        await store.delete("docs", "", Selection(["r2", "r4"], odd))
        assert await store.count("docs") == {"": 6}
        await store.delete("docs", "", selection)
        assert sorted(await found(store, vec(1, 0))) == ["r0", "r2", "r4", "r5"]

    async def test_scan_goes_through_every_id_in_order(self, store: Store) -> None:
        await make(store, [Record(f"{prefix}{n:02d}", vec(1, n)) for prefix in "ba" for n in range(25)])
        seen: list[str] = []
        cursor = None
        while True:
            page = await store.scan("docs", "", limit=7, cursor=cursor, prefix="a")
            seen += [record.id for record in page.items]
            cursor = page.cursor
            if cursor is None:
                break
            # What comes and goes behind the cursor does not disturb it.
            await store.delete("docs", "", Selection(ids=[seen[0]]))
        assert seen == [f"a{n:02d}" for n in range(25)]
        assert (await store.scan("docs", "", limit=50, prefix="zz")).items == []

    async def test_text_is_found_by_its_words_stems_and_identifiers(self, store: Store) -> None:
        texts = {
            "path": ("pathlib.Path.read_text(encoding=None)", "Open the file in text mode, read it, and close it."),
            "json": ("json.dumps(obj)", "Serialize obj to a JSON formatted string."),
            "camel": ("logging", "See RotatingFileHandler for log rotation."),
            "plain": ("", "Unrelated words about gardening and tungsten."),
        }
        records = [
            Record(name, vec(1, n), {"header": header, "text": text})
            for n, (name, (header, text)) in enumerate(texts.items())
        ]
        await make(store, records)
        for question, answer in {
            "How do I use read_text?": "path",
            "Path.read_text": "path",
            "serializing objects as json": "json",
            "json.dumps": "json",
            "rotating file handlers": "camel",
            "RotatingFileHandler": "camel",
            "garden": "plain",
        }.items():
            assert (await words_found(store, question, 1)) == [answer], question
        assert await words_found(store, "nothingofthesort") == []

    async def test_a_word_in_the_header_counts_more(self, store: Store) -> None:
        filler = [Record(f"f{n}", vec(1, n), {"text": "some other words"}) for n in range(5)]
        body = Record("body", vec(1, 8), {"header": "words", "text": "zebra crossing rules"})
        header = Record("header", vec(1, 9), {"header": "zebra", "text": "crossing rules words"})
        await make(store, [*filler, body, header])
        assert await words_found(store, "zebra") == ["header", "body"]

    async def test_text_search_respects_filters_and_carries_metadata(self, store: Store) -> None:
        records = [Record(f"r{n:02d}", vec(1, n), {"text": "same words", "n": n}) for n in range(30)]
        await make(store, records)
        matches = await store.search_text("docs", "", "words", top_k=3, filter=parse({"n": {"$gte": 20}}))
        assert [match.id for match in matches] == ["r20", "r21", "r22"]
        assert matches[0].metadata == {"text": "same words", "n": 20}

    async def test_any_text_is_a_valid_query(self, store: Store) -> None:
        texts = [*NAUGHTY, "", "a" * 8000, "the of and", "OR", "NEAR(", "header:x"]
        await make(store, [Record(f"r{n:02d}", vec(1, n), {"text": text}) for n, text in enumerate(texts)])
        for text in texts:
            assert len(await words_found(store, text, 3)) <= 3
        for text in ("jaźń", "日本語", "DROP TABLE records"):
            (best,) = await store.search_text("docs", "", text, top_k=1)
            assert text in (best.metadata or {})["text"]

    async def test_writers_and_readers_at_once_lose_nothing(self, store: Store) -> None:
        await make(store)

        async def write(writer: int) -> None:
            for n in range(5):
                record = Record(f"w{writer}-{n}", vec(1, writer + n / 10), {"w": writer})
                await store.upsert("docs", "", [record])
                mine = parse({"w": writer})
                assert len(await found(store, vec(1, 0), 50, filter=mine)) == n + 1

        await asyncio.gather(*(write(writer) for writer in range(6)))
        assert await store.count("docs") == {"": 30}
