"""A process with nothing but the Discord frontend in it: run by test_processes.py, ended by SIGTERM or SIGKILL."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from askmesh_bot.frontends.discord.frontend import DiscordFrontend
from askmesh_bot.settings import DiscordSettings

from services.bot.tests.discord.conversations import scripted_conversations
from services.bot.tests.discord.scripted import ANSWER, answered


async def main(folder: Path) -> None:
    """Settings come from the environment, as they do for the bot. A file named for the pid tells the state. With
    WORKER_HOLDS every answer waits after its first word until there is a file named `go`."""
    async with scripted_conversations(folder, os.environ.get("WORKER_DATABASE_URL", "")) as (
        assistant,
        conversations,
        database,
    ):
        go, holding = folder / "go", "WORKER_HOLDS" in os.environ
        assistant.script = lambda question: answered(
            ANSWER, pause_s=0.06, holds=lambda said: said and holding and not go.exists()
        )
        frontend = DiscordFrontend(DiscordSettings(_env_file=None), "http://bot.example.org", conversations, database)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await frontend.start()
        while not ended.is_set():
            # Whole at once: whoever reads it may come at any time.
            (folder / f"{os.getpid()}.new").write_text(frontend.status.state)
            (folder / f"{os.getpid()}.new").replace(folder / str(os.getpid()))
            await asyncio.sleep(0.05)
        await frontend.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
