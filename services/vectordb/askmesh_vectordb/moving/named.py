"""The stores a service may move between, by name, opened when they are first asked for."""

import json
import shutil
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from askmesh_vectordb.moving import specs
from askmesh_vectordb.moving.base import MoveRefused
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores import STORES, open_store
from askmesh_vectordb.stores.base import Store


class NamedStores:
    """A name is one of the registry's, opened with the service's own settings, or one of `MOVE_TARGETS`.

    What a store that was moved to keeps beside a remote server lies in a folder of its own.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._targets = _read_targets(settings)
        self._open: dict[str, Store] = {}

    def check_name(self, name: str) -> None:
        """Raises MoveRefused for a name that stands for no store."""
        if name not in STORES and name not in self._targets and name != self._settings.store:
            known = ", ".join([*STORES, *self._targets])
            raise MoveRefused(
                f"There is no store named {name[:60]!r} here; there are {known}.",
                fix="Add it to ASKMESH_VECTORDB_MOVE_TARGETS.",
                code="unknown_store",
            )

    def named(self, name: str) -> Store:
        """Raises SystemExit, with the remedy, where it cannot be loaded."""
        if name not in self._open:
            self._open[name] = self._load(name)
        return self._open[name]

    async def begin_anew(self, name: str) -> None:
        """Forget what lies beside a store from an earlier time: it would be stale."""
        if store := self._open.pop(name, None):
            await store.close()
        self.forget(name)

    def forget(self, name: str) -> None:
        """The same for a store that is not open."""
        shutil.rmtree(self._beside(name), ignore_errors=True)
        if name != "local":
            # From now on this folder is used, not the service's own, where there may be files of an earlier time too.
            self._beside(name).mkdir(parents=True)

    def lag_s(self, name: str) -> float:
        """How long the store may not show what was written."""
        return 0.0 if self.named(name).capabilities.read_your_writes else self._settings.pinecone_lag_s

    async def close(self) -> None:
        for store in self._open.values():
            await store.close()

    def _load(self, name: str) -> Store:
        beside = self._beside(name)
        if name in self._targets:
            return open_store(specs.settings_of(specs.parse(self._targets[name]), self._settings, beside))
        if name == "local" or (name == self._settings.store and not beside.exists()):
            return open_store(self._settings.model_copy(update={"store": name}))
        return open_store(self._settings.model_copy(update={"store": name, "data_path": beside}))

    def _beside(self, name: str) -> Path:
        return self._folder / "stores" / name


def _read_targets(settings: Settings) -> dict[str, str]:
    """Raises SystemExit, with the remedy."""
    text = settings.move_targets.get_secret_value()
    if not text:
        return {}
    try:
        targets = TypeAdapter(dict[str, str]).validate_python(json.loads(text))
    except (ValidationError, ValueError):
        raise _unusable("it is not a JSON object from names to stores") from None
    for name, spec in targets.items():
        if name in STORES or not name.replace("-", "").isalnum():
            raise _unusable(f"{name!r} is taken, or has more than letters, digits and hyphens")
        specs.parse(spec)
    return targets


def _unusable(why: str) -> SystemExit:
    return SystemExit(f"ASKMESH_VECTORDB_MOVE_TARGETS cannot be used: {why}. A store is {specs.EXAMPLES}.")
