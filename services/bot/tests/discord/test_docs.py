"""The guide says what the code does."""

import re
from pathlib import Path

from askmesh_bot.frontends.discord.settings import DiscordSettings

from .emulator import Permission

GUIDE = (Path(__file__).parents[4] / "docs" / "discord.md").read_text()


def test_the_guide_lists_every_variable_with_its_description():
    fields = DiscordSettings.model_fields
    listed = dict(re.findall(r"(?m)^\| `ASKMESH_DISCORD_(\w+)` \|[^|]*\| (.+) \|$", GUIDE))
    assert listed == {name.upper(): field.description for name, field in fields.items()}


def test_the_invitation_asks_for_what_the_bot_uses():
    needed = (
        Permission.VIEW_CHANNEL
        | Permission.SEND_MESSAGES
        | Permission.READ_MESSAGE_HISTORY
        | Permission.CREATE_PUBLIC_THREADS
        | Permission.SEND_MESSAGES_IN_THREADS
    )
    assert f"permissions={int(needed)}\n" in GUIDE
