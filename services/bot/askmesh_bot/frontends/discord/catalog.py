"""The sources there are, kept in memory: what `/ask` and `/config` offer while somebody types."""

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass

from askmesh_kit.logs import get_logger
from sqlalchemy import select

from askmesh_bot.database.engine import Database
from askmesh_bot.database.models import SourceRow
from askmesh_bot.frontends.discord.ending import end

log = get_logger("askmesh.discord.catalog")

# What Discord shows at most, and how long a choice may be.
MOST_CHOICES, MOST_CHARACTERS = 25, 100
_MOST_SOURCES = 5_000
# How old the list may be, and how long somebody who types waits for the first one; Discord waits three seconds.
_KEEP_S, _PATIENCE_S = 20.0, 1.0


@dataclass(frozen=True)
class Source:
    """A source as people choose it."""

    id: str
    title: str
    collection: str
    audience: frozenset[str]


class Catalog:
    """Answers from memory and reads the database in the background, so that a slow one keeps nobody waiting."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sources: tuple[Source, ...] | None = None
        self._read_at = 0.0
        self._reading: asyncio.Task[None] | None = None

    async def sources(self) -> tuple[Source, ...]:
        """What is known now; the first caller waits a moment for it."""
        self.refresh()
        if self._sources is None and self._reading is not None:
            await asyncio.wait({self._reading}, timeout=_PATIENCE_S)
        return self._sources or ()

    def refresh(self) -> None:
        """Begin to read the list anew where it has aged."""
        if self._reading is None and time.monotonic() - self._read_at > _KEEP_S:
            self._reading = asyncio.create_task(self._read())

    async def offered(self, collection: str, audience: Collection[str], typed: str) -> list[Source]:
        """Sources of a collection that these readers may see, those whose title begins with what was typed first."""
        return _matching(await self._seen(collection, audience), typed)[:MOST_CHOICES]

    async def named(self, collection: str, audience: Collection[str], name: str) -> Source | None:
        """The source that somebody means: by its id, or by a title that only one has."""
        seen = await self._seen(collection, audience)
        if chosen := next((source for source in seen if source.id == name), None):
            return chosen
        alike = [source for source in seen if source.title.casefold() == name.casefold()]
        alike = alike or [source for source in seen if name.casefold() in source.title.casefold()]
        return alike[0] if len(alike) == 1 else None

    async def collections(self, readers: frozenset[str]) -> list[str]:
        """Collections that hold something these readers may see."""
        return sorted({source.collection for source in await self.sources() if source.audience & readers})

    async def close(self) -> None:
        if self._reading is not None:
            await end(self._reading)

    async def _seen(self, collection: str, audience: Collection[str]) -> list[Source]:
        readers = frozenset(audience)
        return [
            source for source in await self.sources() if source.collection == collection and source.audience & readers
        ]

    async def _read(self) -> None:
        query = select(SourceRow).order_by(SourceRow.title, SourceRow.id).limit(_MOST_SOURCES)
        try:
            async with self._database.read() as session:
                rows = list(await session.scalars(query))
            self._sources = tuple(
                Source(
                    row.id, row.title or row.id, row.collection, frozenset(row.options.get("audience") or ["public"])
                )
                for row in rows
            )
        except Exception as error:  # noqa: BLE001 - the next reading may be better; nobody waits for this one
            log.warning("catalog_not_read", error=f"{type(error).__name__}: {error}")
        finally:
            self._read_at = time.monotonic()
            self._reading = None


def _matching(sources: list[Source], typed: str) -> list[Source]:
    """Beginning with what was typed, then with a word that does, then with it anywhere."""
    wanted = typed.strip().casefold()
    ranked: list[tuple[int, Source]] = []
    for source in sources:
        title = source.title.casefold()
        if title.startswith(wanted):
            ranked.append((0, source))
        elif any(word.startswith(wanted) for word in title.split()):
            ranked.append((1, source))
        elif wanted in title or wanted in source.id:
            ranked.append((2, source))
    return [source for _, source in sorted(ranked, key=lambda pair: pair[0])]
