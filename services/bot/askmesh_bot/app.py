"""The composition root: wires the bot together and starts nothing by being imported."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypedDict

from askmesh_kit.app import build_app
from fastapi import FastAPI

from askmesh_bot import __version__
from askmesh_bot.database.collections import Collections
from askmesh_bot.database.engine import Database
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.llm import LlmClient
from askmesh_bot.peers.vectordb import VectordbClient
from askmesh_bot.settings import Settings


class State(TypedDict):
    """What routes find in `request.state`."""

    settings: Settings
    database: Database
    collections: Collections
    embeddings: EmbeddingsClient
    vectordb: VectordbClient
    llm: LlmClient


def create_app(settings: Settings | None = None) -> FastAPI:
    """The bot's app. Starts and serves whether or not its peers are up."""
    settings = settings or Settings()
    database = Database(settings.database_url)
    embeddings = EmbeddingsClient(settings.embeddings)
    vectordb = VectordbClient(settings.vectordb)
    llm = LlmClient(settings.llm)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        async with AsyncExitStack() as stack:
            for resource in (database, embeddings, vectordb, llm):
                stack.push_async_callback(resource.close)
            await database.migrate()
            yield State(
                settings=settings,
                database=database,
                collections=Collections(database),
                embeddings=embeddings,
                vectordb=vectordb,
                llm=llm,
            )

    return build_app(
        name="bot",
        version=__version__,
        description="Answers questions from what it has learned, with checked citations.",
        settings=settings,
        routers=[],
        lifespan=lifespan,
        checks={"database": database.check},
        optional_checks={"embeddings": embeddings.check, "vectordb": vectordb.check, "llm": llm.check},
    )
