"""The stores by name. A user's own store is named by its import string, `package.module:factory`."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from askmesh_vectordb.settings import Settings
    from askmesh_vectordb.stores.base import Store

# name -> (import string of a factory taking the settings, how to install what it needs)
STORES: dict[str, tuple[str, str]] = {
    "local": ("askmesh_vectordb.stores.local.store:open_store", "nothing: it is always there"),
    "redis": ("askmesh_vectordb.stores.redis.store:open_store", "pip install 'askmesh-vectordb[redis]'"),
    "postgres": (
        "askmesh_vectordb.stores.postgres.store:open_store",
        "pip install 'askmesh-vectordb[postgres]'",
    ),
    "pinecone": ("askmesh_vectordb.stores.pinecone.store:open_store", "pip install 'askmesh-vectordb[pinecone]'"),
    "qdrant": ("askmesh_vectordb.stores.qdrant.store:open_store", "pip install 'askmesh-vectordb[qdrant]'"),
    "chroma": ("askmesh_vectordb.stores.chroma.store:open_store", "nothing: Chroma's server is spoken to over HTTP"),
}


def open_store(settings: "Settings") -> "Store":
    """The store the settings name. Raises SystemExit, with the remedy, when it cannot be loaded."""
    path, hint = STORES.get(settings.store, (settings.store, "install the package that holds it"))
    module, _, factory = path.partition(":")
    if not factory:
        known = ", ".join(STORES)
        raise SystemExit(f"unknown store {settings.store!r}: use {known}, or an import string package.module:factory")
    try:
        loaded = import_module(module)
    except ImportError as error:
        raise SystemExit(f"the store {settings.store!r} cannot be loaded ({error}): {hint}") from error
    store: Store = getattr(loaded, factory)(settings)
    return store
