"""What people take back leaves stored answers: the words of a thread's deleted and changed messages."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from askmesh_bot.answering.base import Citation, Done, Passage, Question
from askmesh_bot.conversations.store import ConversationStore
from askmesh_bot.conversations.taken_back import stands
from askmesh_bot.database.engine import Database
from askmesh_bot.database.migrate import config
from askmesh_bot.knowledge.chunking import ChunkLimits, chunk
from askmesh_bot.knowledge.journal import Journal
from askmesh_bot.knowledge.sources.discord import channel_spec
from askmesh_bot.knowledge.threads.base import Message, Thread
from askmesh_bot.knowledge.threads.document import thread_document
from askmesh_bot.review.golden import GoldenSet
from askmesh_bot.settings import ConversationSettings, ReviewSettings
from sqlalchemy import text

pytestmark = pytest.mark.anyio

SPEC = channel_spec(7, "Python #help", "default")
ASKED = "How do I read a `file` into a string? " + "I tried many things and none of them worked for me. " * 12
REPLIES = ("Call read_text on the path.\n\n```python\npath.read_text()\n```", "Mind the encoding: pass utf-8.")
AUDIENCE = frozenset({"public", "channel:7"})


def thread(*replies):
    """The thread as it is learned."""
    sent = datetime(2026, 1, 1, tzinfo=UTC)
    said = [Message(str(n), f"person{n}", words, sent) for n, words in enumerate((ASKED, *replies))]
    document = thread_document(Thread("42", tuple(said), title="Files", audience=("channel:7",)))
    assert document
    return document


def passages(document):
    """Its chunks, as a search gives them."""
    cut = chunk(document, "Python #help", ChunkLimits(96))
    return tuple(
        Passage(n, f"r{n}", piece.text, "Files", "Files", "/", SPEC.id, document.id, "thread")
        for n, piece in enumerate(cut, 1)
    )


@pytest.fixture
async def database(tmp_path: Path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'bot.db'}")
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture
async def journal(database):
    journal = Journal(database)
    await journal.save_source(SPEC)
    return journal


def done(found, *cited, outcome="answered", answer="Call read_text [1]."):
    return Done(outcome, answer, tuple(Citation(found[n - 1], answer) for n in cited), found, "", "model", {})


async def told(store, conversation="c"):
    """The stored answer: its words, its passages' and its citations'."""
    (row,) = await store.answers(conversation)
    return row.answer, [p["text"] for p in row.passages], [c["sentence"] for c in row.citations]


@pytest.fixture
def store(database):
    return ConversationStore(database, ConversationSettings(_env_file=None))


def test_a_passage_stands_while_all_its_lines_do():
    whole = thread(*REPLIES)
    assert len(passages(whole)) > 1
    assert all(stands(passage.text, whole.text) for passage in passages(whole))
    less = thread(REPLIES[0])
    assert [stands(p.text, less.text) for p in passages(whole)] == ["encoding" not in p.text for p in passages(whole)]


async def test_what_is_deleted_leaves_the_answers_that_used_it_and_the_passages_of_others(store, journal, database):
    before = thread(*REPLIES)
    await journal.learned(SPEC, before, "1", [])
    found = passages(before)
    gone = next(p.number for p in found if "encoding" in p.text)
    other = next(p.number for p in found if "encoding" not in p.text)
    for name, cited in (("used", gone), ("not", other)):
        await store.save(name, "me", Question("q", audience=AUDIENCE), done(found, cited))
    (used,) = await store.answers("used")
    golden = GoldenSet(database, ReviewSettings(_env_file=None))
    await golden.add(used.id)

    await journal.learned(SPEC, thread(REPLIES[0]), "2", [])
    answer, texts, sentences = await told(store, "used")
    assert (answer, sentences) == ("", [""])
    assert not any("encoding" in words for words in texts)
    assert any("read_text" in words for words in texts)
    assert await golden.rows() == []
    assert (await store.turns("used", AUDIENCE, 9))[0].answer == ""
    answer, texts, sentences = await told(store, "not")
    assert answer == sentences[0] == "Call read_text [1]."
    assert not any("encoding" in words for words in texts)

    await journal.forgotten(SPEC, "42")
    assert (await told(store, "not"))[0] == ""
    assert not any((await told(store, "not"))[1])


async def test_what_only_can_not_be_learned_now_stays(store, journal):
    whole = thread(*REPLIES)
    await journal.learned(SPEC, whole, "1", [])
    await store.save("c", "me", Question("q", audience=AUDIENCE), done(passages(whole), 1))
    before = await told(store)
    await journal.forgotten(SPEC, "42", still=whole.text)
    assert await told(store) == before


async def test_an_answer_that_was_being_written_meanwhile_is_stored_without(store, journal):
    found = passages(thread(*REPLIES))
    await journal.learned(SPEC, thread(REPLIES[0]), "2", [])
    await store.save("c", "me", Question("q", audience=AUDIENCE), done(found, outcome="sources_only"))
    answer, texts, _ = await told(store)
    assert answer == ""
    assert not any("encoding" in words for words in texts)


async def test_older_databases_are_taken_along_and_back(database, store, journal):
    from alembic import command

    whole = thread(*REPLIES)
    await journal.learned(SPEC, whole, "1", [])
    answer_id = await store.save("c", "me", Question("q", audience=AUDIENCE, sources=("x",)), done(passages(whole), 1))
    await store.rate(answer_id, "down", "why", "discord:5")
    await store.rate(answer_id, "up", "", "discord:6")

    async def run(step, revision):
        async with database._writing_engine.begin() as connection:
            await connection.run_sync(lambda sync: step(config(sync), revision))

    await run(command.downgrade, "0007")
    async with database.write() as session:
        rows = list(await session.execute(text("SELECT verdict FROM feedback")))
        assert [tuple(row) for row in rows] == [("up",)]
        await session.execute(
            text("INSERT INTO discord_people (answer_id, what, user_id, at) VALUES (:id, 'rated', 6, '2026-01-01')"),
            {"id": answer_id},
        )
    await run(command.upgrade, "head")
    async with database.read() as session:
        assert [tuple(r) for r in await session.execute(text("SELECT rater, verdict FROM feedback"))] == [
            ("discord:6", "up")
        ]
        assert list(await session.execute(text("SELECT * FROM discord_people"))) == []
    await journal.forgotten(SPEC, "42")
    assert (await told(store))[0] == ""
