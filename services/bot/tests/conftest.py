"""The mesh around the bot, started once: the real embeddings, vectordb and llm services on loopback."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from askmesh_bot.answering import closeness
from askmesh_bot.app import create_app
from askmesh_bot.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))

from bot_corpus import MODULES, docstrings, learn
from bot_mesh import ScriptedLlm, Server, bot_settings, serving, until_ready


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told of meaning must not depend on how busy the machine is."""
    monkeypatch.setattr(closeness, "_TIMEOUT_S", 60.0)


@pytest.fixture(scope="session")
def embeddings_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    from askmesh_embeddings import app, settings

    cache = tmp_path_factory.getbasetemp().parent / "askmesh-graphs"
    own = settings.Settings(_env_file=None, log_level="warning", lanes=1, cache_dir=cache)
    with serving(lambda: app.create_app(own)) as server:
        until_ready(server.url)
        yield server


@pytest.fixture(scope="session")
def vectordb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    from askmesh_vectordb import app, settings

    folder = tmp_path_factory.mktemp("vectordb")
    own = settings.Settings(_env_file=None, log_level="warning", data_path=folder)
    with serving(lambda: app.create_app(own)) as server:
        until_ready(server.url)
        yield server


@pytest.fixture(scope="session")
def llm_server() -> Iterator[Server]:
    """The extractive engine."""
    from askmesh_llm import app, settings

    own = settings.Settings(_env_file=None, log_level="warning")
    with serving(lambda: app.create_app(own)) as server:
        until_ready(server.url)
        yield server


@pytest.fixture(scope="session")
def learned(
    tmp_path_factory: pytest.TempPathFactory, embeddings_server: Server, vectordb_server: Server, llm_server: Server
) -> Settings:
    """Settings of a bot that has learned a few standard-library modules."""
    settings = bot_settings(
        tmp_path_factory.mktemp("bot"),
        embeddings=embeddings_server.url,
        vectordb=vectordb_server.url,
        llm=llm_server.url,
    )
    rows = [row for module in MODULES for row in docstrings(module)]
    asyncio.run(learn(settings, rows))
    return settings


@pytest.fixture(scope="session")
def bot(learned: Settings) -> Iterator[str]:
    """The address of the bot over the real services."""
    with serving(lambda: create_app(learned)) as server:
        yield server.url


@pytest.fixture
def scripted() -> ScriptedLlm:
    """A language model that says what the test tells it to."""
    return ScriptedLlm()


@pytest.fixture
def scripted_bot(learned: Settings, scripted: ScriptedLlm) -> Iterator[Callable[..., str]]:
    """Starts a bot over the learned corpus with the scripted model; takes answering settings."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        llm = stack.enter_context(serving(scripted.app))

        def start(**answering: Any) -> str:
            values = {
                "answering": learned.answering.model_copy(update=answering),
                "llm": learned.llm.model_copy(update={"url": llm.url}),
            }
            return stack.enter_context(serving(lambda: create_app(learned.model_copy(update=values)))).url

        yield start
