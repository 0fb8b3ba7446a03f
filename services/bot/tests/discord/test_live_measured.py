# ruff: noqa: T201 - the figures are what the test is run for
"""How soon a solved thread is citable and a deleted message is gone: with the real embeddings and the usual delays."""

import time

import pytest

from .emulator import Emulator, threads
from .live_stage import LiveStage
from .test_live import QUESTION, asked_and_answered

pytestmark = [pytest.mark.anyio, pytest.mark.models]


@pytest.mark.timeout(180)
async def test_a_solved_thread_is_citable_and_a_deleted_message_gone_within_a_minute(
    tmp_path, embeddings_server, vectordb_server
):
    async with Emulator() as discord:
        stage = LiveStage(discord, tmp_path, embeddings_server.url, vectordb_server.url)
        async with stage.bot(live_gap_s=0.25):
            post, reply = await asked_and_answered(stage)
            await stage.bob.say(post, "Mind the encoding: pass utf-8, since the default depends on the system.")
            began = time.monotonic()
            await threads.change(discord, post, tags=["solved"])
            await stage.citable("it closes the file", QUESTION, 60)
            learned_s = time.monotonic() - began
            began = time.monotonic()
            await discord.delete(reply)
            await stage.gone("it closes the file", QUESTION, 60)
            gone_s = time.monotonic() - began
            assert any("Mind the encoding" in text for text in await stage.found(QUESTION))
        await stage.close()
    print(f"citable after {learned_s:.1f} s, gone after {gone_s:.1f} s")
