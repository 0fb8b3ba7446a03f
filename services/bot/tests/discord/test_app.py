"""The whole bot with Discord on, and every peer down."""

import asyncio

import httpx2
import pytest
from askmesh_bot.app import create_app
from askmesh_bot.settings import EmbeddingsPeer, LlmPeer, Settings, VectordbPeer

from .conftest import settings_for, until
from .emulator import Emulator

pytestmark = pytest.mark.anyio

DEAD = "http://127.0.0.1:9"


async def test_with_every_peer_down_discord_gets_a_kind_word_and_the_web_stays_up(tmp_path):
    async with Emulator() as discord:
        channel = discord.world.add_channel(discord.world.add_guild("Python"), "general")
        settings = Settings(
            _env_file=None,
            database_url=f"sqlite+aiosqlite:///{tmp_path}/bot.db",
            embeddings=EmbeddingsPeer(_env_file=None, url=DEAD),
            vectordb=VectordbPeer(_env_file=None, url=DEAD),
            llm=LlmPeer(_env_file=None, url=DEAD),
            discord=settings_for(discord, tmp_path),
        )
        app = create_app(settings)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as web,
        ):
            ada = discord.person("ada")
            await until(lambda: discord.world.commands)
            while not (ready := await web.get("/readyz")).json()["checks"]["discord"]["ok"]:
                await asyncio.sleep(0.05)
            assert (ready.status_code, ready.json()["status"]) == (200, "degraded")  # for its peers
            interaction = await ada.slash(channel, "ask", question="How do I read a text file?")
            await until(lambda: "Sorry" in (interaction.response or {}).get("content", ""))
            (session,) = discord.gateway.live
            presence = await until(lambda: session.presence)
            assert presence["status"] == "idle"
            assert presence["activities"][0]["state"] == "Degraded: embeddings, vectordb, llm away"
            told = (await web.get("/metrics")).text
            for line in ('state{state="ready"} 1.0', 'answers_total{outcome="failed"} 1.0', "restarts_total 0.0"):
                assert f"askmesh_discord_{line}\n" in told
            assert "askmesh_discord_event_loop_lag_seconds_count" in told
            # Discord goes away; the bot stays ready for the web.
            discord.gateway.faults.refuse = 1000
            await discord.gateway.drop()
            while (ready := await web.get("/readyz")).json()["checks"]["discord"]["ok"]:
                await asyncio.sleep(0.05)
            assert ready.status_code == 200
            assert "reconnecting" in ready.json()["checks"]["discord"]["reason"]
        assert discord.gateway.live == []
