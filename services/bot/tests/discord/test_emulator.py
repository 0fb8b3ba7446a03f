"""The emulator answers as Discord documents it, here asked without any client library."""

import json

import aiohttp
import pytest

from .emulator import Emulator, Permission

pytestmark = pytest.mark.anyio


@pytest.fixture
async def discord():
    async with Emulator() as emulator:
        yield emulator


async def call(discord, method, path, body=None, token=None):
    headers = {"Authorization": f"Bot {token or discord.world.token}"}
    url = discord.api_url + path
    async with aiohttp.ClientSession() as session, session.request(method, url, json=body, headers=headers) as response:
        return response.status, await response.json(), response.headers


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"content": "x" * 2001}, 400, 50035),
        ({"content": " \n"}, 400, 50006),
        ({"content": 5}, 400, 50035),
        ({"content": "x" * 2000}, 200, None),
    ],
)
async def test_messages_are_validated(discord, body, status, code):
    channel = discord.world.add_channel(discord.world.add_guild("Python"), "general")
    told = await call(discord, "POST", f"/channels/{channel['id']}/messages", body)
    assert (told[0], told[1].get("code")) == (status, code)
    assert told[2]["Content-Type"] == "application/json"
    assert told[2]["X-RateLimit-Remaining"] == "4"


async def test_the_sixth_message_in_five_seconds_is_limited(discord):
    channel = discord.world.add_channel(discord.world.add_guild("Python"), "general")
    path, limits = f"/channels/{channel['id']}/messages", discord.limiter.limits
    count, window = limits[("POST", "/channels/{channel}/messages")]
    assert window == 5
    limits[("POST", "/channels/{channel}/messages")] = (count, 60.0)  # this machine may take longer
    told = [await call(discord, "POST", path, {"content": "hi"}) for _ in range(6)]
    assert [status for status, _, _ in told] == [200] * 5 + [429]
    assert 0 < told[-1][1]["retry_after"] <= 60
    assert told[-1][2]["Via"]


async def test_permissions_and_tokens_are_checked(discord):
    guild = discord.world.add_guild("Python")
    mute = discord.world.add_channel(guild, "mute", denied=Permission.SEND_MESSAGES)
    hidden = discord.world.add_channel(guild, "hidden", denied=Permission.VIEW_CHANNEL)
    told = [
        await call(discord, "POST", f"/channels/{mute['id']}/messages", {"content": "hi"}),
        await call(discord, "POST", f"/channels/{hidden['id']}/messages", {"content": "hi"}),
        await call(discord, "POST", "/channels/1/messages", {"content": "hi"}),
        await call(discord, "GET", "/users/@me", token="another"),
        await call(discord, "GET", "/nowhere"),
    ]
    assert [(status, body["code"]) for status, body, _ in told] == [
        (403, 50013),
        (403, 50001),
        (404, 10003),
        (401, 0),
        (404, 0),
    ]


async def test_without_allowed_mentions_a_message_pings(discord):
    channel = discord.world.add_channel(discord.world.add_guild("Python"), "general")
    path, ada = f"/channels/{channel['id']}/messages", discord.person("ada").user["id"]
    _, loud, _ = await call(discord, "POST", path, {"content": f"@everyone <@{ada}>"})
    silent = {"content": f"@everyone <@{ada}>", "allowed_mentions": {"parse": []}}
    _, quiet, _ = await call(discord, "POST", path, silent)
    assert (loud["mention_everyone"], [user["id"] for user in loud["mentions"]]) == (True, [ada])
    assert (quiet["mention_everyone"], quiet["mentions"]) == (False, [])


async def test_the_gateway_greets_resumes_and_refuses(discord):
    discord.world.add_guild("Python")
    identify = {"token": discord.world.token, "intents": 1, "properties": {}}
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(discord.gateway_url) as socket:
            assert (await socket.receive_json())["op"] == 10
            await socket.send_json({"op": 2, "d": identify})
            ready, guild = [await socket.receive_json() for _ in range(2)]
        assert (ready["t"], guild["t"]) == ("READY", "GUILD_CREATE")
        await discord.gateway.dispatch("MISSED", {})
        resume = {"token": discord.world.token, "session_id": ready["d"]["session_id"], "seq": guild["s"]}
        async with session.ws_connect(discord.gateway_url) as socket:
            await socket.receive_json()
            await socket.send_json({"op": 6, "d": resume})
            assert [(await socket.receive_json())["t"] for _ in range(2)] == ["MISSED", "RESUMED"]
        for payload, code in ((json.dumps({"op": 2, "d": identify | {"token": "x"}}), 4004), ("{", 4002)):
            async with session.ws_connect(discord.gateway_url) as socket:
                await socket.receive_json()
                await socket.send_str(payload)
                await socket.receive()
                assert socket.close_code == code
