"""A reranker: the embeddings service with one, or any other server of Cohere's and Jina's API."""

import sys
from collections.abc import Sequence
from typing import Any

from askmesh_bot.peers.calls import PeerCalls
from askmesh_bot.peers.errors import PeerError
from askmesh_bot.settings import RerankerPeer

# What servers say to a field they do not know.
_REFUSED = frozenset({400, 422})
_LARGEST = sys.float_info.max


class RerankerClient:
    """A question and texts to scores."""

    def __init__(self, settings: RerankerPeer) -> None:
        self._model = settings.model
        # Either the server, or, where the path is another than `/v1/rerank` (Cohere's `/v2/rerank`), its whole address.
        root = settings.url.rstrip("/").removesuffix("/rerank")
        whole = root != settings.url.rstrip("/") and not root.endswith("/v1")
        self._path = "rerank" if whole else "v1/rerank"
        self._calls = PeerCalls("reranker", settings.model_copy(update={"url": root}))
        self.url = self._calls.url
        # Ours refuses pairs that are too long unless it may cut them; others cut them by themselves.
        self._may_say_truncate = True

    async def scores(self, query: str, documents: Sequence[str]) -> list[float]:
        """How relevant each document is, in their order; higher is better. Any scale, any sign.

        Raises PeerUnavailable, or PeerError: refused, or an answer that does not rank each document once.
        """
        answer = await self._answer(query, documents)
        scores = _scores(answer, len(documents))
        if scores is None:
            raise PeerError("reranker", self.url, f"its answer is no ranking of the {len(documents)} passages.")
        return scores

    async def close(self) -> None:
        await self._calls.close()

    async def _answer(self, query: str, documents: Sequence[str]) -> Any:
        body: dict[str, Any] = {"query": query, "documents": list(documents), "top_n": len(documents)}
        if self._model:
            body["model"] = self._model
        if self._may_say_truncate:
            try:
                return await self._calls.json("POST", self._path, body | {"truncate": True})
            except PeerError as error:
                if error.peer_status not in _REFUSED:
                    raise
        answer = await self._calls.json("POST", self._path, body)
        self._may_say_truncate = False
        return answer


def _scores(answer: Any, count: int) -> list[float] | None:
    """The scores by document; None unless there is one finite number for each."""
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or len(results) != count:
        return None
    found: dict[int, float] = {}
    for result in results:
        index, score = _pair(result)
        if type(index) is not int or not 0 <= index < count or index in found:
            return None
        # Neither text nor `true`, neither infinite nor NaN, nor a whole number too large for a float.
        if type(score) not in (int, float) or not -_LARGEST < score < _LARGEST:
            return None
        found[index] = float(score)
    return [found[index] for index in range(count)]


def _pair(result: Any) -> tuple[Any, Any]:
    return (result.get("index"), result.get("relevance_score")) if isinstance(result, dict) else (None, None)
