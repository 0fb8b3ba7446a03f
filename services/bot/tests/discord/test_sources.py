"""Choosing a source or a collection while typing, and what that changes about an answer."""

import asyncio
import time

import pytest
from askmesh_bot.database.models import SourceRow
from askmesh_bot.frontends.discord import catalog as catalog_module
from askmesh_bot.frontends.discord.catalog import Catalog

from .conftest import staged, until
from .conversations import scripted_conversations
from .test_buttons import told

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _always_read_anew(monkeypatch):
    monkeypatch.setattr(catalog_module, "_KEEP_S", 0.0)


async def learned(stage, *sources):
    """Sources as learning leaves them: id, title, collection, audience."""
    async with stage.database.write() as session:
        for key, title, collection, audience in sources:
            row = SourceRow(collection=collection, id=key, kind="folder", title=title, location=key, synced_at=None)
            row.options = {"audience": audience} if audience else {}
            row.status = "ready"
            session.add(row)
    # Whoever types sets off the reading; the list is there for those who come after it.
    choices = None
    while not choices:
        typed = await stage.ada.type(stage.channel, "config collection", "collection", "")
        choices = await until(lambda typed=typed: typed.choices is not None) and typed.choices


def titles(interaction):
    return [choice["name"] for choice in interaction.choices]


async def offered(stage, typed, where=None, who=None, **options):
    interaction = await (who or stage.ada).type(where or stage.channel, "ask", "source", typed, question="x", **options)
    await until(lambda: interaction.choices is not None)
    return titles(interaction)


async def test_sources_are_offered_by_what_was_typed_and_by_who_will_read(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        staff = stage.discord.world.add_role(stage.guild, "staff")
        backstage = stage.discord.world.add_channel(stage.guild, "backstage")
        stage.discord.world.allow_only(backstage, staff)
        bob = stage.discord.person("bob")
        stage.discord.world.give(bob.user, stage.guild, staff)
        await until(lambda: stage.frontend.status.state == "ready" and stage.discord.world.commands)
        many = [(f"book-{number}", f"Book {number}", "default", []) for number in range(40)]
        await learned(
            stage,
            ("stdlib", "Python standard library", "default", []),
            ("runbook", "Runbook", "default", [f"role:{staff['id']}"]),
            ("handbook", "Handbook", "default", [f"guild:{stage.guild['id']}"]),
            ("other", "Other library", "elsewhere", []),
            *many,
        )
        assert await offered(stage, "lib") == ["Python standard library"]
        assert await offered(stage, "book")  # by beginning first, then by a later word, then anywhere
        assert (await offered(stage, "book"))[0] == "Book 0"
        assert len(await offered(stage, "")) == 25
        assert await offered(stage, "run") == []
        assert await offered(stage, "run", who=bob) == []  # in public not even for those who may read it
        assert await offered(stage, "run", who=bob, private=True) == ["Runbook"]
        assert await offered(stage, "run", where=backstage, who=bob) == ["Runbook"]
        assert await offered(stage, "hand") == ["Handbook"]

        await stage.ada.slash(stage.channel, "ask", question="How?", source="stdlib")
        await stage.answer_with("**Sources**", stage.messages)
        await told(await stage.ada.slash(stage.channel, "ask", question="How?", source="runbook"), "no source called")
        private = await bob.slash(stage.channel, "ask", question="Secret?", source="Runbook", private=True)
        await told(private, "**Sources**")
    first, second = stage.assistant.questions
    assert first.sources == ("stdlib",)
    assert f"role:{staff['id']}" not in first.audience
    assert f"guild:{stage.guild['id']}" in first.audience
    assert second.sources == ("runbook",)
    assert f"role:{staff['id']}" in second.audience


async def test_a_collection_is_chosen_by_channel_from_those_there_are(tmp_path):
    async with staged(tmp_path) as stage:
        await learned(
            stage,
            ("a", "A", "games", []),
            ("b", "B", "music", []),
            ("c", "C", "secrets", ["role:1"]),
        )
        typing = await stage.ada.type(stage.channel, "config collection", "collection", "")
        await until(lambda: typing.choices is not None)
        assert titles(typing) == ["games", "music"]
        await told(await stage.ada.slash(stage.channel, "config collection", collection="secrets"), "games, music")
        await told(await stage.ada.slash(stage.channel, "config collection", collection="games"), "Saved")
        chosen = await stage.ada.slash(stage.channel, "config collection", collection="music", channel=stage.channel)
        await told(chosen, "music")
        await stage.ada.slash(stage.channel, "ask", question="How?")
        await stage.answer_with("**Sources**", stage.messages)
        direct = stage.discord.world.add_dm(stage.ada.user)
        await stage.ada.say(direct, "In private?")
        await stage.answer_with("**Sources**", lambda: stage.messages(direct))
    assert [question.collection for question in stage.assistant.questions] == ["music", "default"]
    assert stage.assistant.questions[1].audience == {"public"}


async def test_a_database_that_does_not_answer_keeps_nobody_who_types_waiting(tmp_path):
    class Stuck:
        def read(self):
            return self

        async def __aenter__(self):
            await asyncio.sleep(3600)

        async def __aexit__(self, *_):
            pass

    async with scripted_conversations(tmp_path) as (_, _, database):
        catalog, began = Catalog(database), time.monotonic()
        catalog._database = Stuck()
        assert await catalog.offered("default", {"public"}, "x") == []
        assert time.monotonic() - began < 60
        await catalog.close()
