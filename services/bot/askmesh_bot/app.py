"""The composition root: wires the bot together and starts nothing by being imported."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypedDict

from askmesh_kit.app import build_app
from askmesh_kit.metrics import Metrics
from fastapi import FastAPI

from askmesh_bot import __version__
from askmesh_bot.answering.assistant import GroundedAssistant
from askmesh_bot.answering.reranking import Reranking
from askmesh_bot.conversations.expiry import expire_hourly
from askmesh_bot.conversations.service import Conversations
from askmesh_bot.conversations.store import ConversationStore
from askmesh_bot.database.collections import Collections
from askmesh_bot.database.engine import Database
from askmesh_bot.frontends.discord.frontend import DiscordFrontend
from askmesh_bot.frontends.web.routes import router as web_router
from askmesh_bot.knowledge.journal import Journal
from askmesh_bot.knowledge.library import Library
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.llm import LlmClient
from askmesh_bot.peers.reranker import RerankerClient
from askmesh_bot.peers.vectordb import VectordbClient
from askmesh_bot.review.gaps import GapFinder
from askmesh_bot.review.golden import GoldenSet
from askmesh_bot.routes.ask import router as ask_router
from askmesh_bot.routes.conversations import router as conversations_router
from askmesh_bot.routes.feedback import router as feedback_router
from askmesh_bot.routes.knowledge import router as knowledge_router
from askmesh_bot.routes.openai import ERROR_DIALECTS
from askmesh_bot.routes.openai import router as openai_router
from askmesh_bot.routes.reader import router as reader_router
from askmesh_bot.routes.review import router as review_router
from askmesh_bot.settings import Settings


class State(TypedDict):
    """What routes find in `request.state`."""

    settings: Settings
    database: Database
    collections: Collections
    embeddings: EmbeddingsClient
    vectordb: VectordbClient
    llm: LlmClient
    conversations: Conversations
    library: Library
    golden: GoldenSet
    gaps: GapFinder


def create_app(settings: Settings | None = None) -> FastAPI:
    """The bot's app. Starts and serves whether or not its peers are up."""
    settings = settings or Settings()
    database = Database(settings.database_url)
    collections = Collections(database)
    embeddings = EmbeddingsClient(settings.embeddings)
    vectordb = VectordbClient(settings.vectordb)
    llm = LlmClient(settings.llm)
    metrics = Metrics()
    reranker = RerankerClient(settings.reranker) if settings.reranker.url else None
    reranking = Reranking(reranker, settings.reranker, metrics.registry) if reranker else None
    assistant = GroundedAssistant(
        collections=collections,
        embeddings=embeddings,
        vectordb=vectordb,
        llm=llm,
        settings=settings.answering,
        max_answer_tokens=settings.llm.max_answer_tokens,
        reranking=reranking,
    )
    store = ConversationStore(database, settings.conversations)
    conversations = Conversations(assistant, store, settings.answering, settings.collection)
    golden = GoldenSet(database, settings.review)
    # Learning has clients of its own: it may wait longer for a call than people who asked something.
    patience = {"timeout_s": settings.learning.timeout_s}
    learning_embeddings = EmbeddingsClient(settings.embeddings.model_copy(update=patience))
    learning_vectordb = VectordbClient(settings.vectordb.model_copy(update=patience))
    library = Library(Journal(database), collections, learning_embeddings, learning_vectordb, settings.learning)

    optional = {"embeddings": embeddings.check, "vectordb": vectordb.check, "llm": llm.check}
    discord = None
    if settings.discord.token.get_secret_value():
        discord = DiscordFrontend(
            settings.discord, settings.base_url, conversations, database, metrics.registry, optional, golden, library
        )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        async with AsyncExitStack() as stack:
            for resource in (database, embeddings, vectordb, llm, learning_embeddings, learning_vectordb, library):
                stack.push_async_callback(resource.close)
            if reranker:
                stack.push_async_callback(reranker.close)
            await database.migrate()
            stack.callback(asyncio.create_task(expire_hourly(store, golden)).cancel)
            await library.resume()
            if discord:
                stack.push_async_callback(discord.stop)
                await discord.start()
            yield State(
                settings=settings,
                database=database,
                collections=collections,
                embeddings=embeddings,
                vectordb=vectordb,
                llm=llm,
                conversations=conversations,
                library=library,
                golden=golden,
                gaps=GapFinder(database, embeddings, settings.review),
            )

    return build_app(
        name="bot",
        version=__version__,
        description="Answers questions from what it has learned, with checked citations.",
        settings=settings,
        routers=[
            ask_router,
            openai_router,
            conversations_router,
            feedback_router,
            knowledge_router,
            reader_router,
            review_router,
            web_router,
        ],
        lifespan=lifespan,
        metrics=metrics,
        checks={"database": database.check},
        optional_checks=optional
        | ({"reranker": reranking.check} if reranking else {})
        | ({"discord": discord.check} if discord else {}),
        error_dialects=ERROR_DIALECTS,
    )
