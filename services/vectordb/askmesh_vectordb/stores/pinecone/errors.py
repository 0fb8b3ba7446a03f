"""Pinecone's exceptions as the store's own."""

from collections.abc import Iterator
from contextlib import contextmanager

from askmesh_kit.errors import InvalidRequest
from pinecone import errors as sdk

from askmesh_vectordb.stores.base import (
    IndexNotFound,
    OutcomeUnknown,
    StorageFull,
    StoreError,
    StoreOverloaded,
    StoreRefusesKey,
    StoreUnavailable,
)


@contextmanager
def translated(index: str, *, writes: bool = False) -> Iterator[None]:
    """Translate what the SDK raises about an index. `writes`: whether a broken connection leaves the outcome open."""
    try:
        yield
    except sdk.NotFoundError as error:
        raise IndexNotFound(index) from error
    except sdk.ConflictError:
        # What exists already is for the caller to say.
        raise
    except sdk.RateLimitError as error:
        raise StoreOverloaded("Pinecone limits the rate.", retry_after=error.retry_after or 1) from error
    except (sdk.UnauthorizedError, sdk.ForbiddenError) as error:
        raise StoreRefusesKey(
            f"Pinecone refuses the key: {error.message}.", fix="Set ASKMESH_VECTORDB_PINECONE_API_KEY."
        ) from error
    except sdk.ServiceError as error:
        if error.status_code == 507:
            raise StorageFull("The store behind is full.") from error
        raise _broken(writes, f"Pinecone failed with {error.status_code}: {error.message}") from error
    except (sdk.PineconeConnectionError, sdk.PineconeTimeoutError) as error:
        raise _broken(writes, f"Pinecone cannot be reached: {error.message}") from error
    except (sdk.ApiError, sdk.PineconeValueError, sdk.PineconeTypeError) as error:
        # What the SDK or the server finds malformed; both name the place.
        raise InvalidRequest(error.message) from error


def _broken(writes: bool, what: str) -> StoreError:
    return (OutcomeUnknown if writes else StoreUnavailable)(what, fix="Try again: writes can be repeated.")
