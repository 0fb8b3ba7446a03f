"""Pinecone's error object, from which its SDKs raise their own typed errors.

The data plane speaks google.rpc (`code`, `message`, `details`), the control plane `{"error": {"code", "message"},
"status"}`; one body carries both, so whichever part a client reads is there.
"""

from typing import Any

from askmesh_kit.errors import ServiceError

# HTTP status -> google.rpc code (https://github.com/googleapis/googleapis, google/rpc/code.proto), and what the control
# plane calls it (Pinecone's OpenAPI, ErrorResponse).
_RPC: dict[int, tuple[int, str]] = {
    400: (3, "INVALID_ARGUMENT"),
    401: (16, "UNAUTHENTICATED"),
    403: (7, "FORBIDDEN"),
    404: (5, "NOT_FOUND"),
    405: (12, "UNIMPLEMENTED"),
    409: (6, "ALREADY_EXISTS"),
    412: (9, "FAILED_PRECONDITION"),
    413: (11, "OUT_OF_RANGE"),
    415: (3, "INVALID_ARGUMENT"),
    429: (8, "RESOURCE_EXHAUSTED"),
    501: (12, "UNIMPLEMENTED"),
    502: (14, "UNAVAILABLE"),
    503: (14, "UNAVAILABLE"),
    504: (4, "DEADLINE_EXCEEDED"),
    507: (8, "RESOURCE_EXHAUSTED"),
}


def pinecone_error(error: ServiceError) -> dict[str, Any]:
    """Both planes' shapes; the stable askmesh code is the `reason` of an ErrorInfo detail."""
    number, name = _RPC.get(error.status, (13, "INTERNAL"))
    metadata = {
        "retryable": str(getattr(error, "retryable", error.status in (429, 503))).lower(),
        "outcome_unknown": str(getattr(error, "outcome_unknown", False)).lower(),
    }
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.code,
        "domain": "askmesh",
        "metadata": metadata,
    }
    return {
        "code": number,
        "message": error.message,
        "details": [info],
        "status": error.status,
        "error": {"code": name, "message": error.message},
    }
