"""A Discord channel whose threads are learned as they are written: the frontend that hears them hands them in one by one."""

from collections.abc import AsyncIterator
from datetime import datetime

from askmesh_bot.knowledge.audience import PUBLIC
from askmesh_bot.knowledge.base import Chunk, Document, Source, SourceUnavailable
from askmesh_bot.knowledge.sources.spec import InvalidSource, SourceOptions, SourceSpec

KIND = "discord"


def channel_spec(channel_id: int, title: str, collection: str) -> SourceSpec:
    """The source of a channel's threads: for those who can read the channel."""
    options = SourceOptions(audience=(f"channel:{channel_id}",))
    return SourceSpec(source_id(channel_id), collection, KIND, str(channel_id), title, options=options)


def source_id(channel_id: int) -> str:
    return f"discord-{channel_id}"


def discord_source(spec: SourceSpec) -> Source:
    """Raises InvalidSource unless it is a channel."""
    if not spec.location.isdigit() or PUBLIC in spec.options.audience:
        raise InvalidSource("threads of Discord are learned where a server's admins switch it on: /config learning")
    return DiscordSource(spec)


class DiscordSource:
    """Links to messages. It lists nothing: what is there is known to Discord alone."""

    def __init__(self, spec: SourceSpec) -> None:
        self._spec = spec

    @property
    def id(self) -> str:
        return self._spec.id

    @property
    def title(self) -> str:
        return self._spec.title

    async def total(self) -> int | None:
        return None

    def documents(self, since: datetime | None = None) -> AsyncIterator[Document]:
        """Raises SourceUnavailable."""
        raise SourceUnavailable(
            "it is kept up to date as people write; what was written before is read by /config history in Discord"
        )

    def link(self, document: Document, chunk: Chunk) -> str:
        """The message's own address."""
        return document.links.get(chunk.anchor) or next(iter(document.links.values()))
