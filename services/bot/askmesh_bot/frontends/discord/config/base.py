"""What can be set for a server, and what it comes to in a channel."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.translations import LANGUAGES

MOST_CHANNELS = 100
MOST_COOLDOWN_S, MOST_DAILY = 86_400.0, 1_000_000

_Id = Annotated[int, Field(ge=0, lt=1 << 63)]
_Ids = Annotated[tuple[_Id, ...], Field(max_length=MOST_CHANNELS)]
_Collection = Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]{0,44})?$")]


class GuildConfig(BaseModel):
    """A server's options, every one of them decided: by its admins, else by the bot's settings."""

    model_config = ConfigDict(frozen=True)

    # Channels and categories where the bot answers; none: everywhere.
    channels: _Ids = ()
    # The collection asked; empty: the bot's own default.
    collection: _Collection = ""
    # Another collection by channel or category.
    collections: Annotated[dict[_Id, _Collection], Field(max_length=MOST_CHANNELS)] = Field(default_factory=dict)
    # Forums whose posts are answered without being asked.
    forums: _Ids = ()
    # Channels whose threads are learned as they are written.
    live: _Ids = ()
    # A language for all public words; empty: as Discord tells.
    language: Annotated[str, Field(pattern=f"^({'|'.join(LANGUAGES)})?$")] = ""
    cooldown_s: Annotated[float, Field(ge=0, le=MOST_COOLDOWN_S)] = 0.0
    daily_answers: Annotated[int, Field(ge=0, le=MOST_DAILY)] = 0
    # The role to call when there is no answer; None: nobody.
    human_role: _Id | None = None

    def answers_in(self, places: Sequence[int]) -> bool:
        """Whether to answer in a channel. `places`: its id and those of what it is in, the innermost first."""
        return not self.channels or any(place in self.channels for place in places)

    def collection_in(self, places: Sequence[int]) -> str | None:
        """The collection to ask there; None: the bot's default."""
        chosen = next((self.collections[place] for place in places if place in self.collections), self.collection)
        return chosen or None


OPTIONS = frozenset(GuildConfig.model_fields)


def defaults(settings: DiscordSettings) -> GuildConfig:
    """What holds in a server where nothing was set."""
    return GuildConfig(
        channels=tuple(settings.channels),
        collection=settings.collection,
        forums=tuple(settings.forums),
        live=tuple(settings.live_channels),
        language=settings.language,
        cooldown_s=settings.cooldown_s,
        daily_answers=settings.daily_answers,
        human_role=settings.human_role or None,
    )


def merged(base: GuildConfig, options: dict[str, Any]) -> GuildConfig:
    """`base` with a server's own options. What can't be read any more counts as not set."""
    told = base.model_dump()
    for name, value in options.items():
        if name not in OPTIONS:
            continue
        try:
            GuildConfig.model_validate(told | {name: value})
        except ValidationError:
            continue
        told[name] = value
    return GuildConfig.model_validate(told)
