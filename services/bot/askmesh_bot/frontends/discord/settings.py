"""Every knob of the Discord frontend."""

from pathlib import Path
from typing import Annotated

from askmesh_kit.settings import ServiceSettings
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_Ids = Annotated[tuple[int, ...], NoDecode]
_SOLVED = "solved,resolved,answered,done,closed,gelöst,erledigt,résolu,resuelto,resolvido,解決済み,解決,已解决"


class DiscordSettings(BaseSettings):
    """The Discord frontend runs only where a token is set."""

    model_config = SettingsConfigDict(**ServiceSettings.model_config | {"env_prefix": "ASKMESH_DISCORD_"})

    token: SecretStr = Field(SecretStr(""), description="Bot token. Empty: no Discord.")
    api_url: str = Field("https://discord.com/api/v10", description="Base URL of Discord's REST API.")
    gateway_url: str = Field("wss://gateway.discord.gg/", description="Address of Discord's gateway.")
    edit_interval_s: float = Field(1.2, ge=0.2, description="Least time between two edits of one message, in seconds.")
    state_dir: Path = Field(
        Path(".askmesh"), description="Folder of the connection's lock, where the database is not Postgres."
    )
    message_content: bool = Field(
        False,
        description="Read messages that do not address the bot. Needs the message content intent in Discord's portal.",
    )
    direct_messages: bool = Field(True, description="Answer direct messages.")
    answers_per_user: int = Field(3, ge=1, description="Answers one person may wait for at once.")
    cooldown_s: float = Field(3.0, ge=0, description="Least time between two questions of one person, in seconds.")
    daily_answers: int = Field(0, ge=0, description="Answers a server gets per day (UTC); 0: no limit.")
    channels: _Ids = Field(
        (), description="Ids of the channels and categories where the bot answers, comma-separated. Empty: everywhere."
    )
    collection: str = Field(
        "", pattern=r"^([a-z0-9][a-z0-9-]{0,44})?$", description="The collection asked. Empty: the bot's own default."
    )
    forums: _Ids = Field(
        (), description="Ids of the forums whose posts are answered unasked, comma-separated; needs the content intent."
    )
    live_channels: _Ids = Field(
        (), description="Ids of the channels whose threads are learned as they are written, comma-separated."
    )
    live_threads: int = Field(20_000, ge=1, description="Threads learned as they are written, at most.")
    live_messages: int = Field(
        5_000, ge=2, description="Messages read of one thread, the oldest; 100 are one call of Discord's API."
    )
    live_gap_s: float = Field(0.25, ge=0, description="Least time between two threads that are read, in seconds.")
    language: str = Field(
        "",
        pattern="^(en|de|fr|es|pt-BR|ja|zh-CN)?$",
        description="Language of all public words: en, de, fr, es, pt-BR, ja or zh-CN. Empty: as Discord tells.",
    )
    human_role: int = Field(0, ge=0, description="Id of the role to call when there is no answer; 0: nobody.")
    human_gap_s: float = Field(
        600.0, ge=0, description="Least time between two calls to the human role of one server, in seconds."
    )
    forum_wait_s: float = Field(
        20.0, ge=0, description="How long a forum post's author must be silent before it is answered, in seconds."
    )
    solved_tags: str = Field(
        _SOLVED, description="Forum tags that mean that nobody waits for an answer, comma-separated."
    )
    accept_emoji: str = Field(
        "✅", description="Reaction by which an asker or staff accepts an answer into the golden set. Empty: none."
    )
    changes_s: float = Field(
        20.0, gt=0, description="How often answers are compared with the sources they cite, in seconds."
    )
    changes_days: float = Field(
        14.0, ge=0, description="Age up to which an answer is marked when its sources change, in days; 0: never."
    )
    changes_answers: int = Field(500, ge=0, description="Answers compared at most, the newest; 0: none.")
    answer_deadline_s: float = Field(150.0, gt=0, description="Longest time for one answer, in seconds.")
    rest_deadline_s: float = Field(20.0, gt=0, description="Longest wait for one call of Discord's API, in seconds.")
    drain_s: float = Field(15.0, ge=0, description="Time that answers in flight get at shutdown, in seconds.")
    ready_deadline_s: float = Field(60.0, gt=0, description="Longest wait for a connection to be ready, in seconds.")
    backoff_s: float = Field(1.0, gt=0, description="First pause before a new connection, in seconds; it doubles.")
    backoff_limit_s: float = Field(120.0, gt=0, description="Longest pause before a new connection, in seconds.")
    identify_gap_s: float = Field(
        5.0, ge=0, description="Least time between two sessions of one client, in seconds; Discord asks for 5."
    )
    standby_poll_s: float = Field(0.2, gt=0, description="How often a second process tries to take over, in seconds.")
    watch_s: float = Field(5.0, gt=0, description="How often the connection's health is looked at, in seconds.")
    probe_s: float = Field(60.0, gt=0, description="How often Discord's API is probed, in seconds.")
    presence_s: float = Field(
        30.0, gt=0, description="How often the bot's presence is made to say whether its services are up, in seconds."
    )
    catch_up_s: float = Field(
        600.0, ge=0, description="Age up to which mentions missed while disconnected are answered, in seconds; 0: none."
    )
    guild_ready_s: float = Field(2.0, gt=0, description="Wait for the next server after READY, in seconds.")

    @field_validator("channels", "forums", "live_channels", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(item.strip() for item in value.strip("[]").split(",") if item.strip())
