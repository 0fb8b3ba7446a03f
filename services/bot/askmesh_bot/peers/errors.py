"""How a peer can fail: try again later, or mend the configuration."""

from typing import Literal

from askmesh_kit.errors import ServiceError

Peer = Literal["embeddings", "vectordb", "llm", "reranker"]


class PeerUnavailable(ServiceError):
    """No connection, no answer in time, a 5xx or a 429: the same call may succeed later."""

    status = 503

    def __init__(self, peer: Peer, url: str, why: str, *, retry_after: float | None = None) -> None:
        super().__init__(
            f"The {peer} service at {url} can't be used now: {why}.",
            fix=f"See that it runs and that ASKMESH_{peer.upper()}_URL points at it, then ask again.",
            code=f"{peer}_unavailable",
            retry_after=retry_after,
        )
        self.peer = peer


class PeerError(ServiceError):
    """The peer understood the call and refused it: a wrong key, model or index. Trying again won't help."""

    status = 502

    def __init__(self, peer: Peer, url: str, why: str, *, peer_status: int = 0) -> None:
        super().__init__(
            f"The {peer} service at {url} refused the call: {why}",
            fix=f"Check the ASKMESH_{peer.upper()}_… settings against that service.",
            code=f"{peer}_error",
        )
        self.peer = peer
        self.peer_status = peer_status
