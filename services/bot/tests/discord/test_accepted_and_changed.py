"""What becomes of an answer later: accepted by those it helped, marked where its sources changed."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from askmesh_bot.database.models import ChunkRow, CollectionRow, DocumentRow, SourceRow
from askmesh_bot.knowledge.journal import Journal
from askmesh_bot.knowledge.sources.discord import channel_spec
from sqlalchemy import delete, update

from .conftest import staged, until
from .emulator import Permission
from .scripted import PASSAGES, answered
from .test_buttons import answer, noted
from .test_privacy import privacy

pytestmark = pytest.mark.anyio

LATER = datetime(2100, 1, 1, tzinfo=UTC)


async def accepted(stage, expected):
    """Waits until exactly these answers are golden."""
    async with asyncio.timeout(60):
        while await stage.accepted() != expected:
            await asyncio.sleep(0.02)


async def test_a_reaction_of_its_asker_or_of_staff_accepts_an_answer(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        mod, bob = stage.discord.person("mod"), stage.discord.person("bob")
        role = stage.discord.world.add_role(stage.guild, "mods", Permission.MANAGE_MESSAGES)
        stage.discord.world.give(mod.user, stage.guild, role)
        await until(lambda: stage.frontend.status.state == "ready" and stage.discord.world.commands)
        message = await answer(stage, "How?")
        (answer_id,) = {button["custom_id"].split(":")[2] for button in message["components"][0]["components"]}
        await bob.react(message, "✅")
        await stage.ada.react(message, "👍")
        await asyncio.sleep(0.15)
        assert await stage.accepted() == {}
        await stage.ada.react(message, "✅")
        await accepted(stage, {answer_id: f"discord:{stage.ada.user['id']}"})
        await bob.react(message, "✅", back=True)
        await asyncio.sleep(0.1)
        assert answer_id in await stage.accepted()
        await stage.ada.react(message, "✅", back=True)
        await accepted(stage, {})
        await mod.react(message, "✅\ufe0f")
        await accepted(stage, {answer_id: f"discord:{mod.user['id']}"})
        # Not an answer: nothing happens.
        await stage.ada.react(await bob.say(stage.channel, "Hello"), "✅")
        await asyncio.sleep(0.1)
        assert len(await stage.accepted()) == 1


async def learned(stage):
    """The two passages of the scripted answers, as learning leaves them."""
    async with stage.database.write() as session:
        session.add(CollectionRow(name="default", index="i", namespace="default", fingerprint="model-1"))
        for key, document in (("p1", "pathlib"), ("p2", "deploy")):
            row = SourceRow(collection="default", id=f"s-{key}", kind="folder", location=key, synced_at=None)
            row.status = "ready"
            session.add(row)
            parts = {"collection": "default", "source": f"s-{key}"}
            session.add(ChunkRow(record_id=key, document=document, hash="1", position=0, **parts))
            session.add(DocumentRow(id=document, kind="text", content_hash="c", text="t", **parts))


async def change(stage, *statements):
    async with stage.database.write() as session:
        for statement in statements:
            await session.execute(statement)


def of(key, **values):
    return update(ChunkRow).where(ChunkRow.record_id == key).values(**values)


async def test_an_answer_whose_source_changed_or_went_says_so_on_top(tmp_path):
    async with staged(tmp_path, changes_s=0.1) as stage:
        await learned(stage)
        first, second = await answer(stage, "First?"), await answer(stage, "Second?")
        before = first["content"]
        # Nothing that is only under way, or only embedded anew, is a change.
        await change(stage, of("p1", hash=""))
        await change(stage, update(SourceRow).where(SourceRow.id == "s-p2").values(status="syncing"))
        await change(stage, of("p2", hash="2"))
        await asyncio.sleep(0.4)
        assert stage.discord.world.messages[first["id"]]["content"] == before
        await change(stage, of("p1", hash="1"))
        await change(stage, update(SourceRow).where(SourceRow.id == "s-p2").values(status="ready"))
        message = await stage.answer_with("has changed since", lambda: [stage.discord.world.messages[first["id"]]])
        mark, _, rest = message["content"].partition("\n")
        assert mark.startswith("-# ⚠️ A source of this answer has changed since it was written (<t:")
        assert rest == before
        assert message["components"] == first["components"]
        await stage.answer_with("has changed since", lambda: [stage.discord.world.messages[second["id"]]])
        third = await answer(stage, "Third?")
        edits = len(stage.discord.edits[first["id"]])
        gone = (
            delete(ChunkRow).where(ChunkRow.record_id == "p1"),
            delete(DocumentRow).where(DocumentRow.id == "pathlib"),
        )
        await change(stage, *gone)
        await stage.answer_with("has been deleted", lambda: [stage.discord.world.messages[third["id"]]])
        assert len(stage.discord.edits[first["id"]]) == edits  # marked once


@pytest.mark.parametrize(
    ("meanwhile", "told"),
    [
        ([delete(ChunkRow), delete(DocumentRow)], "has been deleted"),
        ([update(ChunkRow).values(hash="2"), update(DocumentRow).values(synced_at=LATER)], "has changed since"),
    ],
    ids=["deleted", "changed"],
)
async def test_a_source_that_changes_while_the_answer_is_written_is_told_too(tmp_path, meanwhile, told):
    async with staged(tmp_path, changes_s=0.1) as stage:
        row = SourceRow(collection="default", id="stdlib", kind="folder", location="p1", status="ready", synced_at=None)
        collection = CollectionRow(name="default", index="i", namespace="default", fingerprint="model-1")
        parts = {"collection": "default", "source": "stdlib", "document": "pathlib"}
        async with stage.database.write() as session:
            session.add_all([row, collection, ChunkRow(record_id="p1", hash="1", position=0, **parts)])
        stage.assistant.script = lambda question: answered("Call it. [1]", pause_s=0.5, timings_ms={"total": 1500.0})
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
        await stage.answer_with("Call", lambda: stage.messages(thread))
        await change(stage, *meanwhile)
        await stage.answer_with(told, lambda: stage.messages(thread))


async def test_an_answer_that_rested_on_what_somebody_took_back_keeps_none_of_its_words(tmp_path):
    passage = replace(PASSAGES[0], kind="thread", text="# bob, 2026-01-01\nRead it with read_text.")
    said = "Read it with `read_text` [1]. " * 90
    spec = channel_spec(7, "Python #help", "default")
    passage = replace(passage, source=spec.id, document="42")
    async with staged(tmp_path, changes_s=0.1) as stage:
        journal = Journal(stage.database)
        await journal.save_source(spec)
        async with stage.database.write() as session:
            session.add(CollectionRow(name="default", index="i", namespace="default", fingerprint="model-1"))
            where = {"collection": "default", "source": spec.id}
            session.add(ChunkRow(record_id=passage.id, document="42", hash="1", position=0, **where))
            text = "bob, 2026-01-01:\nRead it with read_text."
            session.add(DocumentRow(id="42", kind="thread", content_hash="c", text=text, **where))
        await journal.set_status(spec, "ready")
        stage.assistant.script = lambda question: answered(said, passages=(passage,), cited=(1,))
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How?"))
        await until(lambda: len(stage.messages(thread)) > 1 and stage.messages(thread)[-1]["components"])
        await noted(stage, stage.messages(thread)[0])
        await journal.forgotten(spec, "42")
        await until(lambda: len(stage.messages(thread)) == 1)
        await stage.answer_with("has been deleted", lambda: stage.messages(thread))
        assert "read_text" not in stage.messages(thread)[0]["content"]


async def test_who_had_their_part_deleted_has_no_answers_watched(tmp_path):
    async with staged(tmp_path, changes_s=0.1) as stage:
        await learned(stage)
        message = await answer(stage, "How?")
        await privacy(stage, stage.ada, "Delete mine")
        await change(stage, of("p1", hash="2"))
        await asyncio.sleep(0.4)
        assert "changed since" not in stage.discord.world.messages[message["id"]]["content"]


async def test_a_watched_answer_is_remembered_over_a_restart_and_a_deleted_one_let_go(tmp_path):
    async with staged(tmp_path) as stage:
        await learned(stage)
        kept, gone = await answer(stage, "Kept?"), await answer(stage, "Gone?")
        await stage.frontend.stop()
        del stage.discord.world.messages[gone["id"]]
        await change(stage, update(CollectionRow).values(fingerprint="model-2"))
        await change(stage, of("p1", hash="2"))
        again = stage.restarted(tmp_path, changes_s=0.1)
        await again.start()
        await until(lambda: again.status.state == "ready")
        await asyncio.sleep(0.3)
        # Vectors of another model say nothing about the text.
        assert "changed since" not in stage.discord.world.messages[kept["id"]]["content"]
        await change(stage, update(CollectionRow).values(fingerprint="model-1"))
        await stage.answer_with("changed since", lambda: [stage.discord.world.messages[kept["id"]]])
        await again.stop()
