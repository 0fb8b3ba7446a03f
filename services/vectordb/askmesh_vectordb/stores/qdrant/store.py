"""Opens the qdrant store."""

from pathlib import Path

from qdrant_client import AsyncQdrantClient

from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.engine.store import EngineStore
from askmesh_vectordb.stores.qdrant.engine import QdrantEngine


def open_store(settings: Settings) -> EngineStore:
    """A server by its URL; `:memory:` or a folder is Qdrant's client alone, in this process, for trying out."""
    engine = QdrantEngine(
        _client(settings),
        prefix=settings.qdrant_prefix,
        timeout_s=settings.qdrant_timeout_s,
        server="://" in settings.qdrant_url,
    )
    return EngineStore(engine, folder=settings.data_path)


def _client(settings: Settings) -> AsyncQdrantClient:
    url = settings.qdrant_url
    if url == ":memory:":
        return AsyncQdrantClient(":memory:")
    if "://" not in url:
        return AsyncQdrantClient(path=str(Path(url)))
    return AsyncQdrantClient(
        url=url,
        api_key=settings.qdrant_api_key.get_secret_value() or None,
        # Ours comes first: this is for what is left running in the client.
        timeout=int(settings.qdrant_timeout_s) + 5,
        # It would ask the server while the client is made, and wait.
        check_compatibility=False,
    )
