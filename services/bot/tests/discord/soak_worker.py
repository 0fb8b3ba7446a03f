"""The Discord frontend in a process of its own, with logs on standard error: what test_soak.py weighs."""

import asyncio
import signal
import sys
from pathlib import Path

from askmesh_bot.frontends.discord.frontend import DiscordFrontend
from askmesh_bot.settings import DiscordSettings
from askmesh_kit import logs

from services.bot.tests.discord.conversations import scripted_conversations
from services.bot.tests.discord.scripted import ANSWER, answered


async def main(folder: Path) -> None:
    logs.configure("bot", "info", "json")
    async with scripted_conversations(folder) as (assistant, conversations, database):
        assistant.script = lambda question: answered(ANSWER, pause_s=0.05)
        frontend = DiscordFrontend(DiscordSettings(_env_file=None), "http://bot.example.org", conversations, database)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await frontend.start()
        await ended.wait()
        await frontend.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
