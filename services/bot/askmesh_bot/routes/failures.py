"""A failed answer as the error that a JSON caller gets."""

from askmesh_kit.errors import ServiceError

from askmesh_bot.answering.base import Failed

_STATUS = {
    "deadline_exceeded": 504,
    "overloaded": 429,
    "nothing_learned": 404,
    "index_mismatch": 409,
    "context_exceeded": 400,
    "internal_error": 500,
}


def as_error(failed: Failed) -> ServiceError:
    """503 for a peer that is down, 502 for one that refused, else by code."""
    error = ServiceError(
        failed.detail,
        fix=failed.fix or None,
        code=failed.code,
        retry_after=2 if failed.retryable else None,
        retryable=failed.retryable,
    )
    error.status = _STATUS.get(failed.code, 503 if failed.retryable else 502)
    return error
