"""Conversations: follow-ups, forgetting, limits, and who may read them."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from askmesh_bot.answering.base import Done, Passage, Question
from askmesh_bot.conversations.admission import Admission
from askmesh_bot.conversations.store import ConversationStore
from askmesh_bot.database.engine import Database
from askmesh_bot.database.models import Base, ConversationRow, now
from askmesh_bot.settings import ConversationSettings
from askmesh_kit.errors import Overloaded
from sqlalchemy import select, update

pytestmark = pytest.mark.anyio

PUBLIC = frozenset({"public"})


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'sub' / 'bot.db'}")
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture
def store(database: Database) -> Callable[..., ConversationStore]:
    return lambda **values: ConversationStore(database, ConversationSettings(_env_file=None, **values))


async def save(store: ConversationStore, conversation: str, text: str, audience: frozenset[str] = PUBLIC) -> str:
    passage = Passage(1, "id", "text", "header", "title", "/read/x", "source", "document", "text")
    done = Done("answered", f"Answer to {text} [1]", (), (passage,), "", "model", {"total": 1.0})
    return await store.save(conversation, "me", Question(text, audience=audience), done)


async def test_the_tables_are_those_of_the_migrations(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    await database.migrate()
    async with database.engine.connect() as connection:
        assert (
            await connection.run_sync(lambda sync: compare_metadata(MigrationContext.configure(sync), Base.metadata))
            == []
        )


async def test_turns_come_back_in_order_the_latest_ones(store: Any) -> None:
    kept = store()
    for number in range(5):
        await save(kept, "c", f"q{number}")
    assert [turn.question for turn in await kept.turns("c", PUBLIC, 3)] == ["q2", "q3", "q4"]


async def test_what_was_told_to_fewer_people_is_not_remembered_before_more(store: Any) -> None:
    kept = store()
    await save(kept, "c", "secret", frozenset({"staff"}))
    await save(kept, "c", "open", PUBLIC)
    assert [turn.question for turn in await kept.turns("c", PUBLIC, 9)] == ["open"]
    both = frozenset({"staff", "public"})
    assert [turn.question for turn in await kept.turns("c", both, 9)] == ["secret", "open"]


async def test_only_so_many_answers_of_a_conversation_are_kept(store: Any) -> None:
    kept = store(most_answers=2)
    for number in range(4):
        await save(kept, "c", f"q{number}")
    assert [row.question for row in await kept.answers("c")] == ["q2", "q3"]


async def test_idle_and_excess_conversations_expire(store: Any, database: Database) -> None:
    kept = store(keep_days=1, most_conversations=2)
    for name in ("old", "a", "b", "c"):
        await save(kept, name, "q")
    for name, days in (("old", 2), ("a", 0.5)):
        async with database.write() as session:
            past = now() - timedelta(days=days)
            await session.execute(update(ConversationRow).where(ConversationRow.id == name).values(last_at=past))
    assert await kept.expire() == 2
    assert [name for name in ("old", "a", "b", "c") if await kept.find(name)] == ["b", "c"]
    assert await kept.answers("old") == []


async def test_an_old_turn_explains_no_follow_up(store: Any) -> None:
    await save(store(), "c", "q")
    assert await store(resume_hours=1e-9).turns("c", PUBLIC, 9) == ()


async def test_a_later_verdict_replaces_the_earlier_one_of_the_same_person(store: Any, database: Database) -> None:
    from askmesh_bot.database.models import FeedbackRow

    kept = store()
    answer = await save(kept, "c", "q")
    await kept.rate(answer, "up", "")
    await kept.rate(answer, "down", "wrong")
    await kept.rate(answer, "down", "")
    await kept.rate(answer, "up", "", "discord:1")
    async with database.read() as session:
        rows = await session.execute(select(FeedbackRow.rater, FeedbackRow.verdict, FeedbackRow.reason))
        assert sorted(map(tuple, rows)) == [("", "down", "wrong"), ("discord:1", "up", "")]
    await kept.delete("c")
    async with database.read() as session:
        assert list(await session.scalars(select(FeedbackRow))) == []


async def test_more_than_may_wait_are_turned_away() -> None:
    admission = Admission(running=1, waiting=0, wait_s=0.01)
    async with admission.slot():
        with pytest.raises(Overloaded):
            async with admission.slot():
                pass
    async with admission.slot():
        pass


async def test_who_waits_too_long_is_turned_away() -> None:
    admission = Admission(running=1, waiting=1, wait_s=0.01)
    async with admission.slot():
        with pytest.raises(Overloaded) as raised:
            async with admission.slot():
                pass
    assert raised.value.retry_after


async def test_forgetting_somebody_takes_their_conversations_and_their_part_in_others(store: Any) -> None:
    kept = store()
    mine, other = await save(kept, "mine", "q1"), await save(kept, "mine", "q2")
    done = Done("answered", "A [1]", (), (), "", "model", {})
    theirs = [await kept.save("theirs", "them", Question(text, audience=PUBLIC), done) for text in ("q3", "q4")]
    for answer_id in (mine, other, *theirs):
        await kept.rate(answer_id, "up", "", "me")
    assert await kept.forget("me", [theirs[0], "unknown"]) == 1
    assert await kept.find("mine") is None
    assert [row.id for row in await kept.answers("theirs")] == [theirs[1]]
    assert await kept.forget("me", []) == 0
