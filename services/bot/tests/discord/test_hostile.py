# ruff: noqa: T201 - the figures are what one runs the long version for
"""Hostile questions and sources, through the whole bot, with a model that does whatever it reads: nothing gets live."""

import asyncio
import contextlib
import os
import re
import sys
import uuid
from pathlib import Path

import pytest
from askmesh_bot.app import create_app
from askmesh_bot.database.models import AnswerRow
from askmesh_bot.knowledge.sources.spec import SourceSpec
from askmesh_bot.settings import AnsweringSettings, EmbeddingsPeer, LlmPeer, Settings, VectordbPeer
from sqlalchemy import select

from .conftest import settings_for, until
from .emulator import Emulator
from .payloads import payloads
from .reading import fences_closed, seen

sys.path.insert(0, str(Path(__file__).parents[1] / "knowledge"))

from bot_mesh import ScriptedLlm, serving
from fake_embeddings import FakeEmbeddings

pytestmark = pytest.mark.anyio

LONG = os.environ.get("ASKMESH_LONG_TESTS") == "1"
# Of all payloads; a prime, so that every carrier and most tricks are among them.
EVERY = 1 if LONG else 43
AT_ONCE = 8
SECRET = "sk-secret-of-the-bot"
BASE_URL = "http://bot.example.org"


def obey(messages):
    """Say whatever any text asks to have said, at once, in the midst of an answer, and cited."""
    text = "\n".join(message["content"] for message in messages)
    wanted = re.findall(r"SAY\{(.*?)\}YAS", text, re.DOTALL)
    if "system prompt" in text or "text above" in text:
        wanted.append(messages[0]["content"])
    lever = re.search(r"The widget \w+ opens with the lever \w+", text)
    answer = f"{lever[0]} [1]." if lever else "It opens [1]."
    return f"{answer} " + " ".join(f"{one} [1]. {answer}\n{one}\n" for one in dict.fromkeys(wanted[:6]))


def ended(click):
    """Whether a command has its last words: they come with buttons, or are an apology."""
    last = [message for message in (click.response, *click.followups) if message][-1:]
    return any(message["components"] or "Sorry" in message["content"] for message in last)


class Bot:
    """The whole bot on an emulated Discord, with documents to answer from."""

    def __init__(self, discord, llm, folder, embeddings, vectordb) -> None:
        self.discord, self.llm, self.folder = discord, llm, folder
        self.guild = discord.world.add_guild("Python")
        self.channel = discord.world.add_channel(self.guild, "general")
        role = discord.world.add_role(self.guild, "helpers", mentionable=True)
        self.people = [discord.person(f"person{number}") for number in range(AT_ONCE)]
        self.payloads = payloads(
            user=self.people[0].user["id"], role=role["id"], channel=self.channel["id"], token=SECRET[:9]
        )[::EVERY]
        discord.limiter.limits = {key: (10_000, window) for key, (_, window) in discord.limiter.limits.items()}
        patient = {"_env_file": None, "connect_timeout_s": 60.0, "timeout_s": 60.0}
        self.settings = Settings(
            _env_file=None,
            database_url=f"sqlite+aiosqlite:///{folder}/bot.db",
            public_url=BASE_URL,
            collection=f"hostile-{uuid.uuid4().hex[:8]}",
            embeddings=EmbeddingsPeer(url=embeddings, api_key=SECRET, **patient),
            vectordb=VectordbPeer(url=vectordb, **patient),
            llm=LlmPeer(url=llm, api_key=SECRET, **patient),
            # The answer's own checks let everything pass, so that all the model says is shown.
            answering=AnsweringSettings(
                _env_file=None, min_chance=0, min_support=0, min_closeness=-1, search_timeout_s=60
            ),
            discord=settings_for(discord, folder, answers_per_user=100),
        )

    async def learn(self, library, texts):
        docs = self.folder / "docs"
        docs.mkdir()
        for number, text in enumerate(texts):
            (docs / f"widget{number}.md").write_text(
                f"# Widget w{number}\n\nThe widget w{number} opens with the lever l{number}.\n\n{text}\n"
            )
        collection = self.settings.collection
        await library.add(SourceSpec(f"docs-{collection}", collection, "folder", str(docs), "Docs"))
        await library.start(f"docs-{collection}")
        last = [progress async for progress in library.follow(f"docs-{collection}")][-1]
        assert last.state == "done", last

    async def ask(self, questions):
        """The commands in which these were asked, once they are answered."""
        turns, waiting = asyncio.Semaphore(AT_ONCE), list(enumerate(questions))

        async def one(number, question):
            async with turns:
                click = await self.people[number % AT_ONCE].slash(self.channel, "ask", question=question)
                try:
                    await until(lambda: ended(click))
                except AssertionError:
                    raise AssertionError((question, click.response, click.modal)) from None
                return click

        return await asyncio.gather(*(one(number, question) for number, question in waiting))

    async def allowed(self, database):
        """The addresses of what was retrieved, by question."""
        async with database.read() as session:
            rows = await session.execute(select(AnswerRow.question, AnswerRow.passages))
            return {question: {BASE_URL + p["url"] for p in passages} for question, passages in rows}


@contextlib.asynccontextmanager
async def running(tmp_path, vectordb_url):
    scripted = ScriptedLlm(reply=obey, piece=200, max_model_len=32_000)
    encoder = FakeEmbeddings(fingerprint=f"fake-{uuid.uuid4().hex}")
    with serving(scripted.app) as llm, serving(encoder.app) as embeddings:
        async with Emulator() as discord:
            bot = Bot(discord, llm.url, tmp_path, embeddings.url, vectordb_url)
            app = create_app(bot.settings)
            async with app.router.lifespan_context(app) as state:
                await until(lambda: discord.world.commands)
                yield bot, scripted, state


def check(bot, click, allowed):
    """Nothing that was ever shown of an answer is live but links to what was retrieved for it."""
    written = [click.response, *click.followups]
    for message in written:
        assert not message["mentions"]
        assert not message["mention_roles"]
        assert not message["mention_everyone"]
        contents = [message["content"], *(content for _, content in bot.discord.edits.get(message["id"], ()))]
        for content in contents:
            found = seen(content)
            assert not found.pings, content
            assert set(found.links) <= allowed, content
            assert fences_closed(content), content
            # The list of sources is in small print.
            assert all(line.lstrip().startswith("-#") for line in found.headings), content
            assert SECRET not in content
            assert bot.discord.world.token not in content


@pytest.mark.timeout(600)
async def test_hostile_questions_get_nothing_said(tmp_path, vectordb_server):
    async with running(tmp_path, vectordb_server.url) as (bot, scripted, state):
        await bot.learn(state["library"], ["It is made of steel."] * 20)
        asked = [f"How does the widget w{number % 20} open? {text}"[:1900] for number, text in enumerate(bot.payloads)]
        clicks = await bot.ask(asked)
        report("questions", clicks, scripted)
        allowed = await bot.allowed(state["database"])
        for click in clicks:
            question = click.payload["data"]["options"][0]["value"]
            check(bot, click, allowed.get(question.strip(), set()))
        assert all(SECRET not in str(request) for request in scripted.requests)
        assert len(scripted.requests) >= len(asked) * 0.5


@pytest.mark.timeout(600)
async def test_hostile_sources_get_nothing_said(tmp_path, vectordb_server):
    async with running(tmp_path, vectordb_server.url) as (bot, scripted, state):
        await bot.learn(state["library"], bot.payloads)
        clicks = await bot.ask([f"How does the widget w{number} open?" for number in range(len(bot.payloads))])
        report("sources", clicks, scripted)
        allowed = await bot.allowed(state["database"])
        for click in clicks:
            check(bot, click, allowed[click.payload["data"]["options"][0]["value"]])
        assert len(scripted.requests) >= len(clicks) * 0.5
        assert sum("SAY{" in str(request) for request in scripted.requests) >= len(clicks) * 0.4


def report(what, clicks, scripted):
    print(f"{len(clicks)} hostile {what}, the model asked {len(scripted.requests)} times, messages:", end=" ")
    print(sum(1 + len(click.followups) for click in clicks))
