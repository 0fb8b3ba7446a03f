"""Qdrant's exceptions as the store's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from askmesh_vectordb.stores.base import (
    IndexNotFound,
    OutcomeUnknown,
    StorageFull,
    StoreError,
    StoreOverloaded,
    StoreRefused,
    StoreRefusesKey,
    StoreUnavailable,
)

_START = "Check ASKMESH_VECTORDB_QDRANT_URL and that Qdrant runs there; then try again."


class Exists(Exception):
    """A collection of that name is there; for the caller to say what that means."""


@asynccontextmanager
async def translated(index: str, *, writes: bool = False) -> AsyncIterator[None]:
    """`writes`: whether a broken connection leaves the outcome open."""
    try:
        yield
    except TimeoutError as error:
        raise _broken(writes, "Qdrant did not answer in time.") from error
    except ResourceExhaustedResponse as error:
        raise StoreOverloaded("Qdrant limits the rate.", retry_after=error.retry_after_s or 1) from error
    except UnexpectedResponse as error:
        raise _refusal(error, index, writes) from error
    except ResponseHandlingException as error:
        # Where no connection came about, nothing was done.
        writes = writes and not isinstance(error.source, httpx.ConnectError | httpx.ConnectTimeout)
        raise _broken(writes, f"Qdrant cannot be reached: {error.source}.") from error
    except ApiException as error:
        raise _broken(writes, f"Qdrant failed: {error}.") from error
    except ValueError as error:
        # What the client's own engine raises.
        if "not found" in str(error):
            raise IndexNotFound(index) from error
        if "already exists" in str(error):
            raise Exists from error
        raise


def _refusal(error: UnexpectedResponse, index: str, writes: bool) -> Exception:
    said = error.content.decode(errors="replace")[:300]
    match error.status_code:
        case 404:
            return IndexNotFound(index)
        case 409:
            return Exists()
        case 401 | 403:
            return StoreRefusesKey("Qdrant refuses the key.", fix="Set ASKMESH_VECTORDB_QDRANT_API_KEY.")
        case 429:
            return StoreOverloaded("Qdrant limits the rate.", retry_after=1)
        case 507:
            return StorageFull("Qdrant has no room left.", fix="Free some space and try again.")
        case 400 if "already exists" in said:
            return Exists()
        case int() as status if status < 500:
            return StoreRefused(f"Qdrant refuses the request with {status}: {said}")
    if "No space left" in said or "out of disk" in said.lower():
        return StorageFull("Qdrant has no room left.", fix="Free some space and try again.")
    return _broken(writes, f"Qdrant failed with {error.status_code}: {said}")


def _broken(writes: bool, what: str) -> StoreError:
    return (OutcomeUnknown if writes else StoreUnavailable)(what, fix=_START)
