"""Wires the service together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from askmesh_kit.app import build_app
from fastapi import FastAPI

from askmesh_vectordb import __version__
from askmesh_vectordb.bindings import Bindings
from askmesh_vectordb.moving.moves import Moves
from askmesh_vectordb.routes import ROUTERS
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import Store
from askmesh_vectordb.wire_errors import pinecone_error


class State(TypedDict):
    store: Store
    bindings: Bindings
    moves: Moves


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app. Its store is opened here and closed when the app shuts down."""
    settings = settings or Settings()
    bindings = Bindings(settings)
    moves = Moves(settings)
    store = moves.store

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        try:
            await moves.start()
            yield {"store": store, "bindings": bindings, "moves": moves}
        finally:
            await moves.close()

    return build_app(
        name="vectordb",
        version=__version__,
        description="Stores vectors with their text and finds them again: Pinecone's API over swappable stores.",
        settings=settings,
        routers=ROUTERS,
        lifespan=lifespan,
        checks={"store": store.check},
        error_dialects={"/indexes": pinecone_error},
    )
