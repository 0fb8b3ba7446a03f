"""A stage whose bot learns threads: with the library, over the real vector database and embeddings that count words."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from askmesh_bot.database.collections import Collections
from askmesh_bot.frontends.discord.frontend import DiscordFrontend
from askmesh_bot.frontends.discord.status import State
from askmesh_bot.knowledge.journal import Journal
from askmesh_bot.knowledge.library import Library
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.vectordb import VectordbClient
from askmesh_bot.settings import EmbeddingsPeer, LearningSettings, VectordbPeer

from .conftest import BASE_URL, settings_for, until
from .conversations import scripted_conversations
from .emulator import Emulator
from .emulator.world import ChannelType

TAGS = [
    {"id": "11", "name": "solved", "moderated": False, "emoji_id": None, "emoji_name": None},
    {"id": "12", "name": "bug", "moderated": False, "emoji_id": None, "emoji_name": None},
]


class LiveStage:
    """An emulated Discord with a forum and a channel that are learned, and the bot connected to it."""

    def __init__(self, discord: Emulator, folder: Path, embeddings: str, vectordb: str) -> None:
        self.discord, self.folder = discord, folder
        self.guild = discord.world.add_guild("Python")
        self.forum = discord.world.add_channel(self.guild, "help", kind=ChannelType.FORUM, available_tags=TAGS)
        self.channel = discord.world.add_channel(self.guild, "general")
        discord.world.privileged_intents = 1 << 15
        self.ada, self.bob = discord.person("ada"), discord.person("bob")
        patient = {"_env_file": None, "connect_timeout_s": 60.0, "timeout_s": 60.0}
        self.embeddings = EmbeddingsClient(EmbeddingsPeer(url=embeddings, **patient))
        self.vectordb = VectordbClient(VectordbPeer(url=vectordb, **patient))

    async def close(self) -> None:
        await self.embeddings.close()
        await self.vectordb.close()

    @asynccontextmanager
    async def bot(self, **changes: Any) -> AsyncIterator[DiscordFrontend]:
        """The bot, for the length of the block."""
        async with scripted_conversations(self.folder) as (_, conversations, database):
            self.journal, self.collections = Journal(database), Collections(database)
            learning = LearningSettings(_env_file=None, retry_s=1)
            library = Library(self.journal, self.collections, self.embeddings, self.vectordb, learning)
            live = f"{self.forum['id']},{self.channel['id']}"
            settings = settings_for(
                self.discord,
                self.folder,
                **{"message_content": True, "live_channels": live, "live_gap_s": 0.0, "collection": self.collection}
                | changes,
            )
            frontend = DiscordFrontend(settings, BASE_URL, conversations, database, library=library)
            await frontend.start()
            try:
                await until(lambda: frontend.status.state is State.READY and self.discord.world.commands)
                yield frontend
            finally:
                await frontend.stop()

    @property
    def collection(self) -> str:
        """One for each stage: the vector database is shared."""
        return f"live-{self.guild['id']}"

    async def found(
        self, query: str, *, readers_of: dict[str, Any] | None = None, vector: list[float] | None = None
    ) -> list[str]:
        """The texts that a search finds for those who can read a channel; the forum unless told otherwise."""
        place = await self.collections.get(self.collection)
        if place is None:
            return []
        labels = ["public", f"channel:{(readers_of or self.forum)['id']}"]
        if vector is None:
            (vector,) = await self.embeddings.embed([query], "query")
        hits = await self.vectordb.search(
            place.index, place.namespace, text=query, vector=vector, top_k=20, filter={"audience": {"$in": labels}}
        )
        return [str(hit.metadata["text"]) for hit in hits]

    async def document(self, channel: dict[str, Any]) -> str:
        """The one document of a channel's; it is noted a moment after it can be found."""
        async with asyncio.timeout(60):
            while not (found := await self.journal.documents(f"discord-{channel['id']}")):
                await asyncio.sleep(0.02)
        (document,) = found
        return document[2]

    async def citable(
        self, words: str, query: str = "How do I read a file?", seconds: float = 60.0, **where: Any
    ) -> float:
        """Wait until a search finds `words`; how long that took."""
        return await self._until(True, words, query, seconds, **where)

    async def gone(
        self, words: str, query: str = "How do I read a file?", seconds: float = 60.0, **where: Any
    ) -> float:
        """Wait until a search finds them no more."""
        return await self._until(False, words, query, seconds, **where)

    async def _until(self, wanted: bool, words: str, query: str, seconds: float, **where: Any) -> float:
        began = time.monotonic()
        while any(words in text for text in await self.found(query, **where)) is not wanted:
            assert time.monotonic() - began < seconds, f"{words!r} was not {'found' if wanted else 'gone'} in time"
            await asyncio.sleep(0.05)
        return time.monotonic() - began
