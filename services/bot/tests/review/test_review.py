"""Gaps and golden answers: kept while people want it, seen by admins only."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from askmesh_bot.answering.base import Citation, Done, Outcome, Passage, Question
from askmesh_bot.app import create_app
from askmesh_bot.conversations.store import ConversationStore
from askmesh_bot.database.engine import Database
from askmesh_bot.database.models import AnswerRow, GoldenRow, now
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.review.gaps import GapFinder
from askmesh_bot.review.golden import GoldenSet
from askmesh_bot.settings import ConversationSettings, ReviewSettings, Settings
from askmesh_kit.errors import Conflict, NotFound, Overloaded
from bot_mesh import Server, serving
from pydantic import SecretStr
from sqlalchemy import update

GUIDE = Passage(
    1, "r1", "Text.", "Guide › Backup", "Backup", "/read/d/s/backup.md", "s", "backup.md", "markdown", "backup.md", 3, 9
)
OTHER = Passage(2, "r2", "Text.", "Guide › Restore", "Restore", "https://x/restore", "s", "restore.md", "markdown")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'bot.db'}")
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture
def store(database: Database) -> ConversationStore:
    return ConversationStore(database, ConversationSettings(_env_file=None))


def golden_set(database: Database, **values: Any) -> GoldenSet:
    return GoldenSet(database, ReviewSettings(_env_file=None, **values))


async def keep(
    store: ConversationStore,
    text: str,
    outcome: Outcome = "abstained",
    *,
    asker: str = "me",
    conversation: str = "c",
    passages: Sequence[Passage] = (GUIDE,),
) -> str:
    citations = (Citation(GUIDE, "Text."),) if outcome == "answered" else ()
    done = Done(outcome, "An answer [1]", citations, tuple(passages), "not in the sources", "model", {})
    return await store.save(conversation, asker, Question(text), done)


@pytest.mark.anyio
class TestGolden:
    async def test_an_answer_becomes_golden_with_the_places_it_cites(
        self, database: Database, store: ConversationStore
    ) -> None:
        golden = golden_set(database)
        answer = await keep(store, "How do I back up?", "answered")
        row = await golden.add(answer, key_facts=["push", " "], added_by="key")
        assert (row.question, row.answerable, row.key_facts) == ("How do I back up?", True, ["push"])
        assert [(place["document"], place["line_start"]) for place in row.places] == [("backup.md", 3)]
        again = await golden.add(answer, question="How does one back up marram?")
        assert (again.question, again.key_facts) == ("How does one back up marram?", [])
        assert len(await golden.rows()) == 1
        await golden.remove(answer)
        assert await golden.rows() == []
        with pytest.raises(NotFound):
            await golden.remove(answer)

    async def test_an_abstention_becomes_a_question_that_must_be_refused(
        self, database: Database, store: ConversationStore
    ) -> None:
        row = await golden_set(database).add(await keep(store, "What is the boiling point of tungsten?"))
        assert (row.answerable, row.places) == (False, [])

    async def test_what_can_not_be_golden(self, database: Database, store: ConversationStore) -> None:
        golden = golden_set(database, most_golden=1)
        with pytest.raises(NotFound):
            await golden.add("nothing")
        with pytest.raises(Conflict):
            await golden.add(await keep(store, "q", "sources_only"))
        await golden.add(await keep(store, "q", "answered"))
        with pytest.raises(Overloaded):
            await golden.add(await keep(store, "other", "answered"))

    async def test_a_follow_up_is_known_as_one_unless_it_was_reworded(
        self, database: Database, store: ConversationStore
    ) -> None:
        golden = golden_set(database)
        first, second = (
            await keep(store, "How do I back up?", "answered"),
            await keep(store, "And restore?", "answered"),
        )
        assert not await golden.follows(await golden.add(first))
        assert await golden.follows(await golden.add(second))
        assert not await golden.follows(await golden.add(second, question="How do I restore?"))

    async def test_it_outlives_its_conversations_time_but_not_its_deletion(
        self, database: Database, store: ConversationStore
    ) -> None:
        golden = golden_set(database)
        for conversation, asker in (("a", "one"), ("b", "two"), ("c", "three")):
            await golden.add(await keep(store, "q", "answered", asker=asker, conversation=conversation))
        other = await keep(store, "q", "answered", asker="four", conversation="d")
        await golden.add(other)
        brief = ConversationStore(database, ConversationSettings(_env_file=None, most_conversations=1))
        assert await brief.expire() == 3
        assert len(await golden.rows()) == 4
        await store.delete("a")
        await store.forget("two", [])
        await store.forget("nobody", [other])
        assert [row.asker for row in await golden.rows()] == ["three"]

    async def test_it_goes_when_its_own_time_is_over(self, database: Database, store: ConversationStore) -> None:
        golden = golden_set(database, golden_days=10)
        answers = [await keep(store, "q", "answered") for _ in range(2)]
        for answer in answers:
            await golden.add(answer)
        async with database.write() as session:
            old = update(GoldenRow).where(GoldenRow.id == answers[0]).values(added_at=now() - timedelta(days=11))
            await session.execute(old)
        assert await golden.expire() == 1
        assert [row.id for row in await golden.rows()] == answers[1:]


@pytest.fixture
async def embeddings(embeddings_server: Server) -> AsyncIterator[EmbeddingsClient]:
    patient = {"url": embeddings_server.url, "connect_timeout_s": 60.0, "timeout_s": 60.0}
    client = EmbeddingsClient(Settings(_env_file=None).embeddings.model_copy(update=patient))
    yield client
    await client.close()


@pytest.mark.anyio
@pytest.mark.models
class TestGaps:
    async def test_unanswered_and_badly_rated_questions_come_by_topic(
        self, database: Database, store: ConversationStore, embeddings: EmbeddingsClient
    ) -> None:
        for text in ("How do I restore a backup?", "how do i restore a backup", "How can a backup be restored?"):
            await keep(store, text, passages=(GUIDE, OTHER))
        await keep(store, "Where can I buy a coffee mug?", passages=())
        bad = await keep(store, "Which coffee mugs are sold?", "answered")
        await store.rate(bad, "down", "that was about tea")
        good = await keep(store, "How do I install it?", "answered")
        await store.rate(good, "up", "")
        finder = GapFinder(database, embeddings, ReviewSettings(_env_file=None))
        found = await finder.find(30)
        assert found.questions == 5
        restore, coffee = found.topics
        assert (restore.questions, restore.unanswered, restore.rated_down) == (3, 3, 0)
        assert [(near.document, near.questions) for near in restore.nearest] == [("backup.md", 3), ("restore.md", 3)]
        # The same words count twice and are shown once.
        assert len(restore.examples) == 2
        assert (coffee.questions, coffee.unanswered, coffee.rated_down) == (2, 1, 1)
        assert "that was about tea" in {example.reason for example in coffee.examples}

    async def test_what_was_deleted_or_is_older_is_not_there(
        self, database: Database, store: ConversationStore, embeddings: EmbeddingsClient
    ) -> None:
        finder = GapFinder(database, embeddings, ReviewSettings(_env_file=None))
        await keep(store, "How do I restore?", asker="one", conversation="a")
        old = await keep(store, "Where is the mug?", asker="two", conversation="b")
        async with database.write() as session:
            await session.execute(
                update(AnswerRow).where(AnswerRow.id == old).values(created_at=now() - timedelta(days=8))
            )
        assert (await finder.find(7)).questions == 1
        assert (await finder.find(9)).questions == 2
        assert (await finder.find(9, "another")).topics == ()
        await store.forget("one", [])
        assert (await finder.find(7)).topics == ()

    async def test_no_more_questions_are_sorted_than_allowed(
        self, database: Database, store: ConversationStore, embeddings: EmbeddingsClient
    ) -> None:
        for number in range(6):
            await keep(store, f"Question {number % 4}?")
        finder = GapFinder(database, embeddings, ReviewSettings(_env_file=None, gap_questions=2, gap_closeness=-1))
        [topic] = (await finder.find(1)).topics
        # The two newest, one of them asked twice.
        assert {example.question for example in topic.examples} == {"Question 0?", "Question 1?"}
        assert topic.questions == 4


@pytest.fixture(scope="module")
def keyed(learned: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bot that tells an admin's key from a reader's."""
    keys = SecretStr("the-admin-key=admin,the-reader-key=read")
    with serving(lambda: create_app(learned.model_copy(update={"api_keys": keys}))) as server:
        yield server.url


def call(method: str, url: str, key: str = "the-admin-key", **given: Any) -> httpx2.Response:
    return httpx2.request(method, url, headers={"Authorization": f"Bearer {key}"}, timeout=60, **given)


def test_admins_review_over_http(keyed: str) -> None:
    asked = {"question": "What is the boiling point of tungsten in this corpus?"}
    answer = call("POST", f"{keyed}/v1/ask", "the-reader-key", json=asked).json()
    assert answer["outcome"] == "abstained"
    unkept = call("POST", f"{keyed}/v1/ask", "the-reader-key", json={"question": "Who baked my cake?", "keep": False})
    assert unkept.json()["answer_id"] == ""
    gaps = call("GET", f"{keyed}/v1/gaps", params={"days": 1}).json()
    examples = [example["question"] for topic in gaps["topics"] for example in topic["examples"]]
    assert asked["question"] in examples
    assert "Who baked my cake?" not in examples
    assert gaps["topics"][0]["nearest"][0]["url"].startswith("http")
    added = call("POST", f"{keyed}/v1/golden", json={"answer_id": answer["answer_id"]})
    assert (added.status_code, added.json()["answerable"], added.json()["follow_up"]) == (201, False, False)
    assert [row["id"] for row in call("GET", f"{keyed}/v1/golden").json()["data"]] == [answer["answer_id"]]
    assert call("DELETE", f"{keyed}/v1/golden/{answer['answer_id']}").status_code == 204
    assert call("DELETE", f"{keyed}/v1/golden/{answer['answer_id']}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "gaps"), ("GET", "golden"), ("POST", "golden"), ("DELETE", "golden/x")]
)
def test_nobody_else_does(keyed: str, method: str, path: str) -> None:
    assert call(method, f"{keyed}/v1/{path}", "the-reader-key", json={"answer_id": "x"}).status_code == 403
