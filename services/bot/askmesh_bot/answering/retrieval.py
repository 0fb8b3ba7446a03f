"""From a question to candidate passages: embedded, searched with the audience filter inside the database, fused."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from askmesh_bot.answering.base import Passage
from askmesh_bot.answering.fusion import of_version, rescored
from askmesh_bot.answering.named_sources import of_source, plain
from askmesh_bot.answering.rewrite import Rewritten
from askmesh_bot.database.models import CollectionRow
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.vectordb import Match, VectordbClient

# Cormack, Clarke and Buettcher, "Reciprocal rank fusion outperforms Condorcet", SIGIR 2009. Their k of 60 is for many
# rankings of like worth: with it, whatever is far down in both of ours goes before the best of one.
_RRF_K = 10
# What was typed says less of what a follow-up asks than its standalone form (docs/decisions/0067, 0084).
_RAW_SHARE = 1 / 3


@dataclass(frozen=True)
class Candidate:
    """A passage that may be shown."""

    passage: Passage
    # Its place in the full-text ranking, from 1; None where it is not in it.
    lexical_rank: int | None = None


def search_filter(audience: Collection[str], sources: Collection[str]) -> dict[str, Any]:
    """Only what all readers may see, and only from these sources if any are named."""
    seen: dict[str, Any] = {"audience": {"$in": sorted(audience)}}
    if not sources:
        return seen
    return {"$and": [seen, {"source": {"$in": sorted(sources)}}]}


class Retrieval:
    """Hybrid search of one collection."""

    def __init__(self, embeddings: EmbeddingsClient, vectordb: VectordbClient, candidates: int) -> None:
        self._embeddings, self._vectordb, self._candidates = embeddings, vectordb, candidates
        self.vectordb_url = vectordb.url

    async def embed(self, query: Rewritten) -> list[list[float]]:
        """The vectors of the question and, for a follow-up, of its standalone form. Raises PeerUnavailable, PeerError."""
        return await self._embeddings.embed(query_texts(query), "query")

    async def search(
        self,
        collection: CollectionRow,
        query: Rewritten,
        vectors: Sequence[Sequence[float]],
        audience: frozenset[str],
        sources: Sequence[str] = (),
    ) -> list[list[Match]]:
        """What the store finds for each of the query's texts. Raises PeerUnavailable or PeerError."""
        if not audience:
            return []
        wanted = search_filter(audience, sources)
        texts = query_texts(query)
        return await asyncio.gather(
            *(
                self._vectordb.search(collection.index, collection.namespace, text, vector, self._candidates, wanted)
                for text, vector in zip(texts, vectors, strict=True)
            )
        )

    def ranked(self, query: Rewritten, found_by_each: Sequence[Sequence[Match]]) -> list[Candidate]:
        """Candidates, best first."""
        texts = query_texts(query)
        rankings = [ordered(text, found) for text, found in zip(texts, found_by_each, strict=False)]
        found = rankings[0] if len(rankings) == 1 else of_source(query.standalone, fuse(rankings))
        return [candidate(match) for match in found[: self._candidates]]

    async def holds(self, collection: CollectionRow, name: str, audience: frozenset[str]) -> bool:
        """Whether an identifier stands anywhere these readers may look."""
        found = await self._vectordb.search(
            collection.index, collection.namespace, name, None, 5, search_filter(audience, ())
        )
        return any(mentions(candidate(match).passage, name) for match in found)


def ordered(question: str, found: Sequence[Match]) -> list[Match]:
    """What was found for a question, best first; the version and the source that it names before others."""
    return of_source(question, of_version(question, rescored(plain(question, found), found)))


def query_texts(query: Rewritten) -> list[str]:
    """The texts to search for: the raw question last."""
    return [query.standalone, query.raw] if query.follow_up else [query.raw]


def fuse(rankings: Sequence[Sequence[Match]]) -> list[Match]:
    """Several rankings as one, by reciprocal ranks: the first counts whole, the others a third.

    A match keeps the best similarity it had; ties go by id.
    """
    scores: dict[str, float] = {}
    best: dict[str, Match] = {}
    for number, ranking in enumerate(rankings):
        for rank, match in enumerate(ranking, start=1):
            scores[match.id] = scores.get(match.id, 0.0) + (_RAW_SHARE if number else 1.0) / (_RRF_K + rank)
            known = best.get(match.id)
            if known is None or (match.similarity or 0.0) > (known.similarity or 0.0):
                best[match.id] = match
    ordered = sorted(scores, key=lambda key: (-scores[key], key))
    return [replace(best[key], score=scores[key]) for key in ordered]


def mentions(passage: Passage, name: str) -> bool:
    """Whether a passage names this identifier, or the last part of a dotted one as a name of its own."""
    text = f"{passage.header}\n{passage.text}".lower()
    return name.lower() in text or (name.count(".") > 1 and ".".join(name.lower().split(".")[-2:]) in text)


def candidate(match: Match) -> Candidate:
    """A match as a passage not yet numbered. Metadata that is missing or of another type counts as absent."""
    data = match.metadata

    def text(field: str) -> str:
        value = data.get(field)
        return value if isinstance(value, str) else ""

    def number(field: str) -> int | None:
        value = data.get(field)
        return int(value) if isinstance(value, (int, float)) else None

    passage = Passage(
        number=0,
        id=match.id,
        text=text("text"),
        header=text("header") or text("title"),
        title=text("title"),
        url=text("url"),
        source=text("source"),
        document=text("document"),
        kind=text("kind"),
        path=text("path"),
        line_start=number("line_start"),
        line_end=number("line_end"),
        similarity=match.similarity,
        score=match.score,
    )
    return Candidate(passage, match.lexical_rank)
