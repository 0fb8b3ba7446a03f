"""Which API keys are bound to part of the records, from the settings."""

import hashlib
import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from askmesh_vectordb import filters
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import Store
from askmesh_vectordb.stores.bound import Binding, BoundStore
from askmesh_vectordb.validation import DEFAULT_NAMESPACE


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    namespace: str | None = None
    filter: Annotated[dict[str, Any], Field(min_length=1)] | None = None


class Bindings:
    """The bindings by a caller's name: a key's fingerprint, or `anonymous`."""

    def __init__(self, settings: Settings) -> None:
        self._by_name = _read(settings)

    def seen_by(self, caller: str, store: Store) -> Store:
        """The store as this caller may use it."""
        binding = self._by_name.get(caller)
        return store if binding is None else BoundStore(store, binding)


def fingerprint(key: str) -> str:
    """A key's name in logs, as the kit tells it."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def _read(settings: Settings) -> dict[str, Binding]:
    """Raises SystemExit, with the remedy: a binding that is not understood must not leave its key unbound."""
    text = settings.key_bindings.get_secret_value()
    if not text:
        return {}
    try:
        entries = TypeAdapter(dict[str, _Entry]).validate_python(json.loads(text))
    except ValidationError as error:
        places = [".".join(map(str, item["loc"][1:])) or "the value" for item in error.errors()]
        raise _unusable(f"{', '.join(places)} of an entry is not what it must be") from None
    except ValueError:
        raise _unusable("it is not JSON") from None
    keys = [entry.strip().partition("=")[0] for entry in settings.api_keys.get_secret_value().split(",")]
    known = {fingerprint(key) for key in keys if key} | {"anonymous"}
    bindings: dict[str, Binding] = {}
    for number, (key, entry) in enumerate(entries.items(), start=1):
        name = key if key in known else fingerprint(key)
        if name not in known:
            raise _unusable(f"entry {number} names no key of API_KEYS")
        if entry.namespace is None and entry.filter is None:
            raise _unusable(f"entry {number} has neither namespace nor filter")
        if name in bindings:
            raise _unusable(f"entry {number} names a key a second time")
        bindings[name] = _binding(entry, number)
    return bindings


def _binding(entry: _Entry, number: int) -> Binding:
    try:
        chosen = None if entry.filter is None else filters.parse(entry.filter)
    except filters.InvalidFilter as error:
        raise _unusable(f"entry {number}: {error.detail}") from None
    return Binding("" if entry.namespace == DEFAULT_NAMESPACE else entry.namespace, chosen)


def _unusable(why: str) -> SystemExit:
    return SystemExit(
        f"ASKMESH_VECTORDB_KEY_BINDINGS cannot be used: {why}. It is a JSON object from a key of API_KEYS, or its "
        'fingerprint, or anonymous, to {"namespace": …, "filter": {…}}.'
    )
