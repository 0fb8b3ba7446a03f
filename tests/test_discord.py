"""Discord, end to end: stock discord.py in the bot's own process, a gateway on loopback, the whole mesh behind it."""

import asyncio
from typing import Any

import httpx2
from running_mesh import PATHLIB_QUESTION, UNANSWERABLE_QUESTION, RunningMesh

from services.bot.tests.discord.emulator import Emulator


async def eventually(find: Any, seconds: float = 120) -> Any:
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := find()):
        assert asyncio.get_running_loop().time() < deadline, "nothing of the kind happened in time"
        await asyncio.sleep(0.1)
    return found


def test_slash_ask_is_answered_with_links_and_abstained_from(mesh: RunningMesh, another_mesh: Any) -> None:
    asyncio.run(talk(mesh, another_mesh))


async def talk(mesh: RunningMesh, another_mesh: Any) -> None:
    async with Emulator() as discord:
        # Discord's three seconds are for other tests: here the whole mesh runs beside the bot.
        discord.world.interaction_ack_s = 60
        channel = discord.world.add_channel(discord.world.add_guild("Python"), "general")
        variables = {
            "ASKMESH_DISCORD_TOKEN": discord.world.token,
            "ASKMESH_DISCORD_API_URL": discord.api_url,
            "ASKMESH_DISCORD_GATEWAY_URL": discord.gateway_url,
            # The first mesh's services, and a collection of its own.
            "ASKMESH_EMBEDDINGS_URL": mesh.urls["embeddings"],
            "ASKMESH_VECTORDB_URL": mesh.urls["vectordb"],
            "ASKMESH_LLM_URL": mesh.urls["llm"],
            "ASKMESH_BOT_COLLECTION": "discord",
            # Two questions at once are what this test is about, not their pace.
            "ASKMESH_DISCORD_COOLDOWN_S": "0",
        }
        other = another_mesh(**variables)
        started = await asyncio.to_thread(other.up)
        assert started.returncode == 0, started.stdout + started.stderr
        await asyncio.to_thread(other.learn, "python", "pathlib")
        await eventually(lambda: discord.world.commands)
        ada = discord.person("ada")

        def written(text: str) -> list[dict[str, Any]]:
            mine = discord.world.bot["id"]
            found = [message for message in discord.world.messages.values() if message["author"]["id"] == mine]
            return [message for message in found if text in message["content"]]

        await ada.slash(channel, "ask", question=PATHLIB_QUESTION)
        message = (await eventually(lambda: written("**Sources**")))[0]
        assert "read_text" in message["content"]
        link = next(part for part in message["content"].split("<") if part.startswith(other.urls["bot"])).split(">")[0]
        page = await asyncio.to_thread(httpx2.get, link.partition("#")[0], timeout=60, trust_env=False)
        assert page.status_code == 200
        assert "def read_text" in page.text
        interaction = await ada.slash(channel, "ask", question=UNANSWERABLE_QUESTION)
        await eventually(lambda: "do not hold an answer" in ((interaction.response or {}).get("content") or ""))
        assert "**Sources**" not in interaction.response["content"]
        other.close()
