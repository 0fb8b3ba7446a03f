"""PostgreSQL's failures as the store's own."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from askmesh_kit.errors import InvalidRequest
from psycopg import errors as pg

from askmesh_vectordb.stores.base import (
    StorageFull,
    StoreError,
    StoreOverloaded,
    StoreRefused,
    StoreRefusesKey,
    StoreUnavailable,
)

_URL = "ASKMESH_VECTORDB_POSTGRES_URL"
REPEATABLE = (pg.DeadlockDetected, pg.SerializationFailure)
"""After these nothing was written, and the same transaction may well succeed."""

_REFUSED = (pg.InvalidAuthorizationSpecification, pg.InvalidPassword, pg.InvalidCatalogName)
# A connection that was never made has no SQLSTATE: libpq says in words what the server answered.
_REFUSED_WORDS = ("authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry")


@contextmanager
def translated() -> Iterator[None]:
    """Translate what psycopg raises, and that nobody answered in time."""
    try:
        yield
    except psycopg.Error as error:
        raise _store_error(error) from error
    except TimeoutError as error:
        raise _unreachable("PostgreSQL does not answer in time.") from error


def _store_error(error: psycopg.Error) -> Exception:
    said = _first_line(error)
    match error:
        case pg.DiskFull():
            return StorageFull("PostgreSQL's disk is full.", fix="Free space on the server.")
        case pg.InsufficientPrivilege():
            return StoreRefused(f"PostgreSQL denies it: {said}.", fix=f"Grant it to the user of {_URL}.")
        case pg.ReadOnlySqlTransaction():
            return StoreUnavailable(f"PostgreSQL is read-only: {said}.", fix=f"Point {_URL} at the primary.")
        case pg.TooManyConnections():
            fix = "Lower ASKMESH_VECTORDB_POSTGRES_CONNECTIONS, or raise max_connections on the server."
            return StoreOverloaded("PostgreSQL has no connection left.", fix=fix, retry_after=1)
        case pg.QueryCanceled() | pg.LockNotAvailable():
            fix = "Try again, ask for less, or raise ASKMESH_VECTORDB_POSTGRES_TIMEOUT_S."
            return StoreUnavailable(f"PostgreSQL gave up: {said}.", fix=fix)
        case pg.DeadlockDetected() | pg.SerializationFailure():
            return StoreOverloaded("Too many writes meet on the same records.", fix="Try again.", retry_after=1)
        case pg.DataError() | pg.ProgramLimitExceeded():
            return InvalidRequest(f"PostgreSQL cannot keep that: {said}.")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        if isinstance(error, _REFUSED) or any(words in str(error) for words in _REFUSED_WORDS):
            return StoreRefusesKey(f"PostgreSQL refuses the connection: {said}.", fix=f"Check {_URL}.")
        return _unreachable(f"PostgreSQL cannot be reached: {said}.")
    return StoreRefused(f"PostgreSQL failed: {said}.")


def _unreachable(what: str) -> StoreError:
    return StoreUnavailable(what, fix=f"Try again; see that the server of {_URL} runs.")


def _first_line(error: psycopg.Error) -> str:
    """What the server or libpq said, without the hints that follow and without a full stop."""
    text = error.diag.message_primary or str(error)
    return next((line.strip().rstrip(".") for line in text.splitlines() if line.strip()), type(error).__name__)
