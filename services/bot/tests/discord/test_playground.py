"""The playground one can watch the bot in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .emulator.server import Emulator
from .emulator.terminal import Terminal, shown

ROOT = Path(__file__).parents[4]
DEAD = "http://127.0.0.1:9"


def test_a_message_is_shown_with_its_small_print_and_buttons():
    message = {
        "author": {"global_name": "askmesh"},
        "content": "Yes\n-# [1] pathlib",
        "components": [{"components": [{"label": "Helpful"}, {"label": "Sources"}]}],
    }
    assert shown(message, colour=False) == "askmesh\n  Yes\n  [1] pathlib\n  [Helpful] [Sources]"


@pytest.mark.anyio
async def test_a_slip_at_the_keyboard_gets_a_word_and_the_playground_goes_on():
    lines = []
    async with Emulator() as discord:
        channel = discord.world.add_channel(discord.world.add_guild("Playground"), "general")
        terminal = Terminal(discord, channel, lines.append)
        terminal._latest = {"id": "1", "channel_id": channel["id"], "components": []}
        for typed in ("! Nope", "/nonsense", "/ask", "/config", "/config nothing", "/config limits daily"):
            await terminal._typed(typed)
    assert [line.strip("()\n") for line in lines] == [
        "there is no such button",
        *["there is no such command"] * 3,
        *["there is no such option"] * 2,
    ]


@pytest.mark.skipif(os.environ.get("ASKMESH_LONG_TESTS") != "1", reason="starts a bot: set ASKMESH_LONG_TESTS=1")
def test_a_typed_question_is_answered_by_a_real_bot(tmp_path):
    """Whose services are away here: it says so."""
    dead = {f"ASKMESH_{name}_URL": DEAD for name in ("EMBEDDINGS", "VECTORDB", "LLM")}
    environment = os.environ | dead | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "services.bot.tests.discord.emulator", "--with-bot"]
    process = subprocess.run(
        command, input="How?\n/help\n", env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "─── #general ─" in process.stdout
    assert "Sorry, I can't answer this right now." in process.stdout
    assert "only you see this" in process.stdout
