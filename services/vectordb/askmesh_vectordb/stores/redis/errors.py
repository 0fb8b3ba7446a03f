"""Redis's failures as the store's own."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from redis import exceptions as sdk

from askmesh_vectordb.stores.base import OutcomeUnknown, StorageFull, StoreRefused, StoreRefusesKey, StoreUnavailable

_URL = "ASKMESH_VECTORDB_REDIS_URL"
_NOT_NOW = ("LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MISCONF", "NOREPLICAS", "BUSY ")


class IndexGone(Exception):
    """The index was dropped, and perhaps made anew, by another process."""


class Conflict(Exception):
    """A record changed between the look at it and the write."""


@contextmanager
def translated(*, writes: bool = False) -> Iterator[None]:
    """Translate what the client raises. `writes`: whether a broken connection leaves the outcome open."""
    try:
        yield
    except (sdk.AuthenticationError, sdk.AuthorizationError, sdk.NoPermissionError) as error:
        raise StoreRefusesKey(f"Redis refuses the user: {_said(error)}.", fix=f"Check {_URL}.") from error
    except sdk.OutOfMemoryError as error:
        raise StorageFull("Redis is at its memory limit.", fix="Raise maxmemory on the server.") from error
    except (sdk.BusyLoadingError, sdk.ReadOnlyError, sdk.TryAgainError, sdk.MasterDownError) as error:
        raise StoreUnavailable(f"Redis cannot do that now: {_said(error)}.", fix="Try again.") from error
    except (sdk.ConnectionError, sdk.TimeoutError, TimeoutError, OSError) as error:
        if isinstance(error.__cause__, sdk.AuthenticationError):
            # Met while connecting.
            raise StoreRefusesKey(f"Redis refuses the user: {_said(error)}.", fix=f"Check {_URL}.") from error
        what = f"Redis cannot be reached: {_said(error)}."
        if writes:
            raise OutcomeUnknown(what, fix="Try again: writes can be repeated.") from error
        raise StoreUnavailable(what, fix=f"Try again; see that the server of {_URL} runs.") from error
    except sdk.ResponseError as error:
        raise _answered(error) from error


def _answered(error: sdk.ResponseError) -> Exception:
    said = _said(error)
    if "INDEXGONE" in said:
        return IndexGone()
    if "CONFLICT" in said:
        return Conflict()
    if "OOM" in said:
        return StorageFull("Redis is at its memory limit.", fix="Raise maxmemory on the server.")
    if re.search(r"unknown (redis )?command", said, re.IGNORECASE):
        return StoreRefused(f"This Redis has no vector sets: {said}.", fix="Redis 8 is needed.")
    if any(word in said for word in _NOT_NOW):
        return StoreUnavailable(f"Redis cannot do that now: {said}.", fix="Try again.")
    return StoreRefused(f"Redis failed: {said}.")


def _said(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).rstrip(".")[:300]
