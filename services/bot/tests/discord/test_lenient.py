"""Servers that are not quite like Discord: what they leave out or spell differently costs nothing."""

import aiohttp
import pytest
from aiohttp import web
from askmesh_bot.frontends.discord.responses import UNTOLD_S, lenient

pytestmark = pytest.mark.anyio


async def told(status, text, headers):
    """A server's answer as it is read: its headers and its JSON."""

    async def answer(_):
        return web.Response(text=text, status=status, headers=headers)

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with aiohttp.ClientSession(trace_configs=[lenient()]) as session, session.get(url) as response:
            json = await response.json() if response.headers["content-type"] == "application/json" else None
            return response.headers, json
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("spelt", ["application/json; charset=utf-8", "Application/JSON", "application/json"])
async def test_json_is_json_however_it_is_spelt(spelt):
    headers, json = await told(200, '{"id": "1"}', {"content-type": spelt})
    assert (headers["Content-Type"], json) == ("application/json", {"id": "1"})


async def test_a_page_stays_a_page():
    headers, _ = await told(502, "<html>", {"Content-Type": "text/html"})
    assert headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        ('{"retry_after": 0.25}', {}, 0.25),
        ("{}", {"Retry-After": "3"}, 3),
        ("{}", {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", "x-ratelimit-reset-after": "1.5"}, 1.5),
        ('{"retry_after": null}', {}, UNTOLD_S),
        ('{"retry_after": -1}', {}, UNTOLD_S),
        ('["?"]', {}, UNTOLD_S),
        ("{", {}, UNTOLD_S),
    ],
)
async def test_a_refusal_always_says_for_how_long(body, headers, seconds):
    told_headers, json = await told(429, body, {"Content-Type": "application/json"} | headers)
    assert json["retry_after"] == seconds
    assert "Retry-After" in told_headers


@pytest.mark.parametrize(
    "limits",
    [
        {"X-RateLimit-Remaining": "4"},
        {"X-RateLimit-Remaining": "many", "X-RateLimit-Reset-After": "1"},
        {"X-RateLimit-Remaining": "4", "X-RateLimit-Reset-After": "soon"},
        {"X-RateLimit-Remaining": "4", "X-RateLimit-Reset-After": "1", "X-RateLimit-Limit": ""},
    ],
)
async def test_limits_that_are_told_by_halves_are_not_told(limits):
    headers, _ = await told(200, "{}", {"Content-Type": "application/json"} | limits)
    assert not [name for name in headers if name.lower().startswith("x-ratelimit")]


async def test_whole_limits_are_kept_whatever_their_case():
    limits = {"x-ratelimit-remaining": "4", "x-ratelimit-limit": "5", "x-ratelimit-reset-after": "0.5"}
    headers, _ = await told(200, "{}", {"Content-Type": "application/json"} | limits)
    assert headers["X-RateLimit-Remaining"] == "4"
