# ruff: noqa: T201 - this is a program that talks to a terminal
"""Serves one guild to play with: `python -m services.bot.tests.discord.emulator` from the repository's root."""

import argparse
import asyncio
import contextlib
import os

from .server import Emulator


async def serve(port: int) -> None:
    async with Emulator(port=port) as discord:
        guild = discord.world.add_guild("Playground")
        channel = discord.world.add_channel(guild, "general")
        print(f"export ASKMESH_DISCORD_TOKEN={discord.world.token}")
        print(f"export ASKMESH_DISCORD_API_URL={discord.api_url}")
        print(f"export ASKMESH_DISCORD_GATEWAY_URL={discord.gateway_url}", flush=True)
        ada = discord.person("ada")
        loop, shown = asyncio.get_running_loop(), dict[str, str]()
        asking = loop.run_in_executor(None, input)
        while True:
            done, _ = await asyncio.wait({asking}, timeout=0.5)
            if done:
                try:
                    line = asking.result()
                except EOFError:
                    return
                await ada.mention(channel, line)
                asking = loop.run_in_executor(None, input)
            for message in list(discord.world.messages.values()):
                if shown.get(message["id"]) != message["content"]:
                    shown[message["id"]] = message["content"]
                    print(f"{message['author']['username']}> {message['content']}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Each line you type mentions the bot in #general.")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "0")), help="default: a free one")
    port = parser.parse_args().port
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(port))


if __name__ == "__main__":
    main()
