"""Opens the chroma store."""

from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.chroma.api import ChromaApi
from askmesh_vectordb.stores.chroma.engine import ChromaEngine
from askmesh_vectordb.stores.engine.store import EngineStore


def open_store(settings: Settings) -> EngineStore:
    return EngineStore(ChromaEngine(ChromaApi(settings)), folder=settings.data_path)
