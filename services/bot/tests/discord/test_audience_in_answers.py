"""A source for staff, from learning it to who hears of it, over the real services."""

import httpx2
import pytest
from askmesh_bot.app import create_app
from bot_mesh import bot_settings

from .conftest import settings_for, until
from .emulator import Emulator
from .test_buttons import told

pytestmark = pytest.mark.anyio

SECRET = "7391"
QUESTION = "What is the code of the alarm in the server room?"


def serving(app, state):
    """The app with what its lifespan made, as a server hands it on."""

    async def serve(scope, receive, send):
        await app(scope | {"state": dict(state)}, receive, send)

    return serve


async def learn(web, folder, **options):
    async with web.stream(
        "POST", "/v1/sources", json={"kind": "folder", "location": str(folder), "stream": True, "options": options}
    ) as response:
        assert "event: done" in (await response.aread()).decode()


async def test_a_source_for_staff_is_answered_from_where_only_staff_read(
    tmp_path, embeddings_server, vectordb_server, llm_server
):
    runbook = tmp_path / "runbook"
    runbook.mkdir()
    (runbook / "alarm.md").write_text(f"# Alarm\n\nThe code of the alarm in the server room is {SECRET}.\n")
    async with Emulator() as discord:
        world = discord.world
        guild = world.add_guild("Club")
        staff = world.add_role(guild, "staff")
        lobby, backstage = world.add_channel(guild, "lobby"), world.add_channel(guild, "backstage")
        world.allow_only(backstage, staff)
        ada, bob = discord.person("ada"), discord.person("bob")
        world.give(bob.user, guild, staff)
        settings = bot_settings(
            tmp_path,
            embeddings=embeddings_server.url,
            vectordb=vectordb_server.url,
            llm=llm_server.url,
            collection=f"staff-{world.bot['id']}",
            discord=settings_for(discord, tmp_path),
        )
        app = create_app(settings)
        async with (
            app.router.lifespan_context(app) as state,
            httpx2.AsyncClient(transport=httpx2.ASGITransport(serving(app, state)), base_url="http://localhost") as web,
        ):
            await learn(web, runbook, audience=[f"role:{staff['id']}"])
            await until(lambda: world.commands and discord.gateway.live)

            def written(channel):
                return [m for m in world.in_channel(channel) if m["author"]["id"] == world.bot["id"]]

            async def asks(person, channel):
                thread = {"id": (await person.mention(channel, QUESTION))["id"]}
                await until(lambda: any(m["components"] for m in written(thread)))
                return written(thread)[-1]["content"]

            assert SECRET not in await asks(bob, lobby)  # staff asks, everyone reads
            assert SECRET not in await asks(ada, lobby)
            assert SECRET in await asks(bob, backstage)
            private = await bob.slash(lobby, "ask", question=QUESTION, private=True)
            await told(private, SECRET)
            assert private.ephemeral
            private = await ada.slash(lobby, "ask", question=QUESTION, private=True)
            await until(lambda: (private.response or {}).get("components"))
            assert SECRET not in private.response["content"]
            direct = world.add_dm(bob.user)
            await bob.say(direct, QUESTION)
            await until(lambda: any(m["components"] for m in written(direct)))
            assert SECRET not in written(direct)[0]["content"]
            assert SECRET not in (await web.post("/v1/ask", json={"question": QUESTION})).text
            # Opened to the server, it is answered from everywhere in it, and nowhere else.
            await learn(web, runbook, audience=[f"guild:{guild['id']}"])
            assert SECRET in await asks(ada, lobby)
            assert SECRET not in (await web.post("/v1/ask", json={"question": QUESTION})).text
