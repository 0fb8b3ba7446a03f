"""Every knob of the Discord frontend."""

from pathlib import Path

from askmesh_kit.settings import ServiceSettings
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class DiscordSettings(BaseSettings):
    """The Discord frontend runs only where a token is set."""

    model_config = SettingsConfigDict(**ServiceSettings.model_config | {"env_prefix": "ASKMESH_DISCORD_"})

    token: SecretStr = Field(SecretStr(""), description="Bot token. Empty: no Discord.")
    api_url: str = Field("https://discord.com/api/v10", description="Base URL of Discord's REST API.")
    gateway_url: str = Field("wss://gateway.discord.gg/", description="Address of Discord's gateway.")
    edit_interval_s: float = Field(1.2, ge=0.2, description="Least time between two edits of one message, in seconds.")
    state_dir: Path = Field(
        Path(".askmesh"), description="Folder of the connection's lock and of which thread holds which conversation."
    )
    message_content: bool = Field(
        False,
        description="Read messages that do not address the bot. Needs the message content intent in Discord's portal.",
    )
    answers_per_user: int = Field(3, ge=1, description="Answers one person may wait for at once.")
    cooldown_s: float = Field(3.0, ge=0, description="Least time between two questions of one person, in seconds.")
    daily_answers: int = Field(0, ge=0, description="Answers a server gets per day (UTC); 0: no limit.")
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
