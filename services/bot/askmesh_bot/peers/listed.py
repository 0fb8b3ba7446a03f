"""Finding a model in a server's list."""

from collections.abc import Mapping
from typing import Any


def listed(wanted: str, entries: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The entry of a model by its id, or by its last part where no id is `wanted` itself; empty where there is none.

    A service of ours takes both as names. It calls a model in a folder by the folder's name, while the settings, which
    it reads too, have the path.
    """
    by_last_part = {_last_part(name): entry for name, entry in reversed([*entries.items()])}
    return entries.get(wanted) or by_last_part.get(_last_part(wanted), {})


def _last_part(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2]
