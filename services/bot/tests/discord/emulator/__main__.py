# ruff: noqa: T201 - this is a program that talks to a terminal
"""A Discord to play with: `python -m services.bot.tests.discord.emulator [--with-bot]` from the repository's root."""

import argparse
import asyncio
import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from .server import Emulator
from .terminal import Terminal

_USE = """
Type a question: it mentions the bot in #general, which answers in a thread.
  /ask QUESTION   the command          > QUESTION   asks on in the latest thread
  ! Sources       presses that button  /privacy     what is kept of you
  /config show    the server's options; also e.g.  /config limits daily=5   /config channels channel=#general
End with Ctrl+D.
"""


async def serve(port: int, *, with_bot: bool) -> None:
    async with Emulator(port=port) as discord:
        channel = discord.world.add_channel(discord.world.add_guild("Playground"), "general")
        if with_bot:
            async with _bot(discord):
                print(_USE, flush=True)
                await Terminal(discord, channel).run()
            return
        for name, value in _variables(discord).items():
            print(f"export {name}={value}")
        print(_USE, flush=True)
        await Terminal(discord, channel).run()


def _variables(discord: Emulator) -> dict[str, str]:
    return {
        "ASKMESH_DISCORD_TOKEN": discord.world.token,
        "ASKMESH_DISCORD_API_URL": discord.api_url,
        "ASKMESH_DISCORD_GATEWAY_URL": discord.gateway_url,
    }


@asynccontextmanager
async def _bot(discord: Emulator) -> AsyncIterator[None]:
    """A bot of its own for the block, on the services that `make up` started and a copy of its bot's database."""
    with _state() as folder:
        log = folder / "bot.log"
        environment = os.environ | _variables(discord)
        environment |= {
            "ASKMESH_BOT_PORT": str(_free_port()),
            "ASKMESH_BOT_DATABASE_URL": f"sqlite+aiosqlite:///{_copied(Path('.askmesh/bot.db'), folder)}",
            "ASKMESH_DISCORD_STATE_DIR": str(folder),
            "ASKMESH_DISCORD_COOLDOWN_S": "0",
        }
        environment.setdefault("ASKMESH_BOT_PUBLIC_URL", "http://127.0.0.1:8000")
        with log.open("wb") as output:
            command = [sys.executable, "-m", "askmesh_bot"]
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
            try:
                await _connected(discord, process, log)
                yield
            finally:
                process.terminate()
                await asyncio.to_thread(process.wait)


async def _connected(discord: Emulator, process: subprocess.Popen[bytes], log: Path) -> None:
    print("Starting the bot …", flush=True)
    while not (discord.gateway.live and discord.world.commands):
        if process.poll() is not None:
            sys.exit(f"The bot did not start:\n{log.read_text()[-2000:]}")
        await asyncio.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _copied(database: Path, folder: Path) -> Path:
    """A copy that the demo may write to; a new one where there is none."""
    copy = folder / "bot.db"
    if database.exists():
        with contextlib.closing(sqlite3.connect(database)) as ours, contextlib.closing(sqlite3.connect(copy)) as theirs:
            ours.backup(theirs)
    return copy


@contextmanager
def _state() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="askmesh-discord-") as folder:
        yield Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=_USE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "0")), help="default: a free one")
    parser.add_argument(
        "--with-bot", action="store_true", help="start a bot too, on the services that `make up` started"
    )
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.port, with_bot=arguments.with_bot))


if __name__ == "__main__":
    main()
