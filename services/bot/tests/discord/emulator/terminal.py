"""A channel in the terminal: what people type, and every message as Discord would show it, while it changes."""

import asyncio
import contextlib
import shutil
import sys
from collections.abc import Callable
from typing import Any

from .server import Emulator
from .world import Json

_BOLD, _DIM, _OFF = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_WIDTH = 100


def shown(message: Json, *, colour: bool) -> str:
    """A message as lines of text, its buttons below it."""
    bold, dim, off = (_BOLD, _DIM, _OFF) if colour else ("", "", "")
    content = message["content"].splitlines()
    lines = [f"{bold}{message['author']['global_name']}{off}"]
    lines += [f"  {dim}{line[3:]}{off}" if line.startswith("-# ") else f"  {line}" for line in content]
    lines += [
        f"  {field['name']}: {field['value']}"
        for embed in message.get("embeds", [])
        for field in embed.get("fields", [])
    ]
    buttons = [button.get("label", "") for row in message["components"] for button in row["components"]]
    if buttons:
        lines.append("  " + " ".join(f"[{label}]" for label in buttons))
    return "\n".join(lines)


class Terminal:
    """Asks in `#general` as one person. `ask` says what a typed line does: by default it mentions the bot."""

    def __init__(self, discord: Emulator, channel: Json, write: Callable[[str], object] = sys.stdout.write) -> None:
        self._discord, self._channel, self._write = discord, channel, write
        self._ada = discord.person("you")
        self._last: dict[str, str] = {}
        self._colour = sys.stdout.isatty()
        self._latest: Json | None = None
        self._count = 0

    async def run(self) -> None:
        """Until end of input."""
        watching = asyncio.create_task(self._watch())
        try:
            while line := await asyncio.to_thread(sys.stdin.readline):
                await self._typed(line.strip())
            if not sys.stdin.isatty():
                await self._quiet()  # piped input ends before the answers come
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _quiet(self, seconds: float = 4.0) -> None:
        """Until nothing was shown for a while."""
        count = -1
        while count != self._count:
            count = self._count
            await asyncio.sleep(seconds)

    async def _typed(self, line: str) -> None:
        if line.startswith("/ask ") and line.removeprefix("/ask ").strip():
            await self._ada.slash(self._channel, "ask", question=line.removeprefix("/ask "))
        elif line in ("/help", "/privacy"):
            await self._ada.slash(self._channel, line[1:])
        elif line.startswith("/config "):
            _, sub, *given = line.split()
            try:
                await self._ada.slash(self._channel, f"config {sub}", **dict(map(self._option, given)))
            except (AssertionError, LookupError, ValueError):
                self._write("(there is no such option)\n")
        elif line.startswith("/"):
            self._write("(there is no such command)\n")
        elif line.startswith("!") and self._latest is not None:
            await self._click(self._latest, line[1:].strip())
        elif line.startswith(">") and self._latest is not None:
            # A thread has the id of the message that it hangs on, as with a command's answer.
            channels = self._discord.world.channels
            where = channels.get(self._latest["id"]) or channels[self._latest["channel_id"]]
            await self._ada.mention(where, line[1:].strip())
        elif line:
            await self._ada.mention(self._channel, line)

    def _option(self, given: str) -> tuple[str, Any]:
        """`name=value`, where a value may be a number, on or off, or a #channel."""
        name, _, value = given.partition("=")
        if value.startswith("#"):
            channels = self._discord.world.channels.values()
            return name, next((channel for channel in channels if channel.get("name") == value[1:]), self._channel)
        if value in ("on", "off"):
            return name, value == "on"
        return name, int(value) if value.isdigit() else value

    async def _click(self, message: Json, label: str) -> None:
        try:
            click = await self._ada.click(message, label)
        except LookupError:
            self._write("(there is no such button)\n")
            return
        await asyncio.sleep(0.5)
        if click.modal:
            self._write(f"{click.modal['title']} ")
            await self._ada.submit(click, (await asyncio.to_thread(sys.stdin.readline)).strip())

    async def _watch(self) -> None:
        while True:
            for message in list(self._discord.world.messages.values()):
                text = shown(message, colour=self._colour)
                if (message["content"] or message["embeds"]) and self._last.get(message["id"]) != text:
                    self._show(message, text, edited=message["id"] in self._last)
            await asyncio.sleep(0.2)

    def _show(self, message: Json, text: str, *, edited: bool) -> None:
        self._last[message["id"]] = text
        self._count += 1
        channel = self._discord.world.channels[message["channel_id"]]
        private = " · only you see this" if message["flags"] & 64 else ""
        place = f"#{channel.get('name', 'direct message')}{' · edited' if edited else ''}{private}"
        width = min(_WIDTH, shutil.get_terminal_size().columns)
        self._write(f"{'─' * 3} {place} {'─' * max(3, width - len(place) - 5)}\n{text}\n")
        if message["author"]["id"] == self._discord.world.bot["id"] and message["components"]:
            self._latest = message
