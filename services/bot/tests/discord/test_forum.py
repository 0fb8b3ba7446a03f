"""Forum posts that are answered unasked, and those that are better left alone."""

import asyncio
from types import SimpleNamespace

import pytest
from askmesh_bot.frontends.discord import forum as forum_module
from askmesh_bot.frontends.discord.journal import Journal

from .conftest import staged, until
from .emulator import Permission
from .emulator.world import ChannelType
from .scripted import ANSWER, abstained, answered
from .test_buttons import told

pytestmark = pytest.mark.anyio

CONTENT = 1 << 15
TAGS = [{"id": "11", "name": "solved", "moderated": False, "emoji_id": None, "emoji_name": None}]


class Waits:
    """Stands for the time for which authors must be silent: it is over when a test says so."""

    def __init__(self) -> None:
        # Of each wait that began whether it is over, and how many go on.
        self.begun: list[asyncio.Event] = []
        self.going_on = 0
        self._no_more = False

    def end_all(self) -> None:
        """Also those that are yet to begin."""
        self._no_more = True
        for over in self.begun:
            over.set()

    async def sleep(self, _: float) -> None:
        if self._no_more:
            return
        self.begun.append(asyncio.Event())
        self.going_on += 1
        try:
            await self.begun[-1].wait()
        finally:
            self.going_on -= 1


@pytest.fixture
def waits(monkeypatch):
    made = Waits()
    monkeypatch.setattr(forum_module, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": made.sleep}))
    return made


async def a_forum(stage):
    forum = stage.discord.world.add_channel(stage.guild, "help", kind=ChannelType.FORUM, available_tags=TAGS)
    stage.discord.world.privileged_intents = CONTENT
    mod = stage.discord.person("mod")
    role = stage.discord.world.add_role(stage.guild, "mods", Permission.MANAGE_MESSAGES)
    stage.discord.world.give(mod.user, stage.guild, role)
    await until(lambda: stage.frontend.status.state == "ready" and stage.discord.world.commands)
    await told(await stage.ada.slash(stage.channel, "config forum", channel=forum, on=True), "Saved")
    return forum, mod


async def heard(stage):
    """Waits until the bot has done with all that happened so far: what happens later is told later."""
    await told(await stage.ada.slash(stage.channel, "help"), "/ask")
    await until(lambda: not stage.frontend._tracker.everything())


def forum_stage(tmp_path, **changes):
    return staged(tmp_path, wait_ready=False, message_content=True, forum_wait_s=0.05, **changes)


async def test_a_post_is_answered_once_its_author_is_silent_from_their_words_only(tmp_path, waits):
    async with forum_stage(tmp_path) as stage:
        forum, mod = await a_forum(stage)
        quiet = await mod.post(forum, "Old", "Never mind.", tags=["solved"])
        post = await stage.ada.post(forum, "Reading files", "How do I read a text file?")
        await heard(stage)
        await until(lambda: waits.going_on)
        begun, bob = len(waits.begun), stage.discord.person("bob")
        await bob.say(post, "I wonder too. IGNORE ALL")
        await heard(stage)
        assert len(waits.begun) == begun
        await stage.ada.say(post, "With pathlib, I mean.")
        await heard(stage)
        await until(lambda: (len(waits.begun), waits.going_on) == (begun + 1, 1))  # anew: she had gone on
        assert stage.assistant.questions == []
        waits.begun[-1].set()
        message = await stage.answer_with("**Sources**", lambda: stage.messages(post))
        assert message["components"]
        # The author goes on without a mention; others are not answered.
        await bob.say(post, "And me?")
        await stage.ada.say(post, "And a binary one?")
        await until(lambda: len(stage.messages(post)) == 2)
        # Until staff take over.
        await mod.say(post, "I'll help you.")
        while not (await Journal(stage.database).place(int(post["id"]))).silenced:
            await asyncio.sleep(0.02)
        await stage.ada.say(post, "Thanks! Which version?")
        await asyncio.sleep(0.6)
        assert len(stage.messages(post)) == 2
        await stage.ada.mention(post, "What do you think?")
        await until(lambda: len(stage.messages(post)) == 3)
        assert stage.messages(quiet) == []
        assert len(waits.begun) == begun + 1
    texts = [question.text for question in stage.assistant.questions]
    assert texts == [
        "Reading files\n\nHow do I read a text file?\n\nWith pathlib, I mean.",
        "And a binary one?",
        "What do you think?",
    ]


async def test_staff_a_lock_and_a_mention_come_first(tmp_path, waits):
    async with forum_stage(tmp_path) as stage:
        forum, mod = await a_forum(stage)
        helped = await stage.ada.post(forum, "Helped", "How?")
        await mod.say(helped, "Like this.")
        await heard(stage)
        assert not waits.going_on
        locked = await stage.ada.post(forum, "Locked", "How?")
        locked["thread_metadata"]["locked"] = True
        await stage.discord.gateway.dispatch("THREAD_UPDATE", locked)
        asked = await stage.ada.post(forum, "Asked", f"<@{stage.discord.world.bot['id']}> How?")
        await until(lambda: stage.messages(asked))
        await heard(stage)
        await until(lambda: waits.going_on)
        waits.end_all()
        await asyncio.sleep(0.4)
        assert (stage.messages(helped), stage.messages(locked)) == ([], [])
        assert len(stage.messages(asked)) == 1


async def test_a_post_is_answered_once_over_restarts_and_a_missed_one_too(tmp_path):
    async with forum_stage(tmp_path) as stage:
        forum, mod = await a_forum(stage)
        first = await stage.ada.post(forum, "First", "How?")
        await stage.answer_with("**Sources**", lambda: stage.messages(first))
        await stage.frontend.stop()
        missed = await stage.ada.post(forum, "Missed", "How, while you were away?")
        helped = await stage.ada.post(forum, "Helped", "How?")
        await mod.say(helped, "Like this.")
        again = stage.restarted(tmp_path, message_content=True, forum_wait_s=0.05)
        await again.start()
        await stage.answer_with("**Sources**", lambda: stage.messages(missed))
        await asyncio.sleep(0.4)
        assert len(stage.messages(first)) == 1
        assert stage.messages(helped) == []  # read in the history
        await again.stop()


async def test_where_nothing_is_found_the_people_who_help_are_called_once_in_a_while(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        helpers = stage.discord.world.add_role(stage.guild, "helpers", mentionable=True)
        await until(lambda: stage.frontend.status.state == "ready" and stage.discord.world.commands)
        await told(await stage.ada.slash(stage.channel, "config human", role=helpers), "Saved")
        stage.assistant.script = lambda question: abstained()
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "Who knows @everyone?"))
        call = await stage.answer_with("Can one of you help?", lambda: stage.messages(thread))
        assert (call["mention_roles"], call["mentions"], call["mention_everyone"]) == ([helpers["id"]], [], False)
        second = await stage.thread_of(await stage.ada.mention(stage.channel, "And this?"))
        await stage.answer_with("couldn't find", lambda: stage.messages(second))
        private = await stage.ada.slash(stage.channel, "ask", question="And that?", private=True)
        await until(lambda: "couldn't find" in (private.response or {}).get("content", ""))
        await until(lambda: not stage.frontend.busy)
        await asyncio.sleep(0.1)
        everything = [m for m in stage.discord.world.messages.values() if m["mention_roles"]]
        assert everything == [call]


async def test_an_answer_that_mentions_the_helpers_pings_nobody(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        helpers = stage.discord.world.add_role(stage.guild, "helpers", mentionable=True)
        await until(lambda: stage.frontend.status.state == "ready" and stage.discord.world.commands)
        await told(await stage.ada.slash(stage.channel, "config human", role=helpers), "Saved")
        stage.assistant.script = lambda question: answered(f"<@&{helpers['id']}> {ANSWER}")
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "Who?"))
        message = await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        assert message["mention_roles"] == []
