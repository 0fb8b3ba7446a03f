"""Stores named in one line, for commands: `local:/folder`, `postgres://…`, `qdrant:http://…`, `pinecone:`, …"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores import STORES, open_store
from askmesh_vectordb.stores.base import Store
from askmesh_vectordb.stores.local.maintenance import CATALOG_NAME

# store -> the setting that says where it is
_PLACES = {
    "local": "data_path",
    "postgres": "postgres_url",
    "qdrant": "qdrant_url",
    "chroma": "chroma_url",
    "redis": "redis_url",
    "pinecone": "pinecone_host",
}
# store -> the setting that holds its key
_KEYS = {"pinecone": "pinecone_api_key", "qdrant": "qdrant_api_key", "chroma": "chroma_token"}
# URL schemes that say by themselves which store is meant; any HTTP server is taken to speak Pinecone's API.
_SCHEMES = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "redis": "redis",
    "rediss": "redis",
    "unix": "redis",
    "http": "pinecone",
    "https": "pinecone",
}
EXAMPLES = (
    "local:/folder, postgres://user@host/database, qdrant:http://host:6333, chroma:http://host:8000, "
    "redis://host:6379, pinecone:, https://host (any server that speaks Pinecone's API), package.module:factory"
)


@dataclass(frozen=True, slots=True)
class Spec:
    """`location` is empty where the settings say it. `label` names the store without its password."""

    store: str
    location: str
    label: str


def parse(text: str) -> Spec:
    """Raises SystemExit, with examples, for what names no store."""
    head, colon, rest = text.partition(":")
    if head in _SCHEMES and rest.startswith("//"):
        return Spec(_SCHEMES[head], text, _without_secrets(text))
    if head in _PLACES:
        if head == "local":
            return Spec(head, rest, f"local:{Path(rest).absolute()}" if rest else head)
        return Spec(head, rest, f"{head}:{_without_secrets(rest)}" if rest else head)
    if colon and head and rest.isidentifier():
        return Spec(text, "", text)
    if text in STORES:
        return Spec(text, "", text)
    raise SystemExit(f"{text!r} names no store: use {EXAMPLES}")


def settings_of(spec: Spec, base: Settings, folder: Path, api_key: str = "") -> Settings:
    """The settings of a service over that store. `folder` takes the files that it keeps beside a remote store."""
    changes: dict[str, object] = {"store": spec.store}
    if spec.store != "local":
        changes["data_path"] = folder
    if spec.location:
        changes[_PLACES[spec.store]] = spec.location
    if api_key:
        if spec.store not in _KEYS:
            raise SystemExit(f"the store {spec.store} takes no API key: its password is part of its URL")
        changes[_KEYS[spec.store]] = api_key
    elif spec.store == "pinecone" and _is_loopback(spec.location) and not base.pinecone_api_key.get_secret_value():
        # A server of one's own asks for no key; the SDK wants one all the same.
        changes["pinecone_api_key"] = "none"
    return type(base)(_env_file=None, **(base.model_dump() | changes))


def open_spec(spec: Spec, base: Settings, folder: Path, *, api_key: str = "", must_exist: bool = False) -> Store:
    """Raises SystemExit, with the remedy, for a store that cannot be loaded, or a folder that holds none."""
    settings = settings_of(spec, base, folder, api_key)
    if must_exist and spec.store == "local" and not (settings.data_path / CATALOG_NAME).exists():
        raise SystemExit(f"there is no store in {settings.data_path}")
    return open_store(settings)


def _is_loopback(location: str) -> bool:
    return urlsplit(location).hostname in {"127.0.0.1", "localhost", "::1"}


def _without_secrets(url: str) -> str:
    """Scheme, host and path: no user, no password, no query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme else url
