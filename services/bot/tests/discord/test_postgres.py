"""Hosts that share a PostgreSQL: one connection among them, and what one knows the next one knows."""

import asyncio
import os
import time
from contextlib import asynccontextmanager

import pytest
from askmesh_bot.database.engine import Database
from askmesh_bot.frontends.discord.config.base import GuildConfig
from askmesh_bot.frontends.discord.config.store import GuildConfigs
from askmesh_bot.frontends.discord.frontend import DiscordFrontend
from askmesh_bot.frontends.discord.journal import Journal, Place, Seen
from askmesh_bot.frontends.discord.status import State
from sqlalchemy import text

from .conftest import BASE_URL, settings_for, until
from .conversations import scripted_conversations
from .emulator import Emulator
from .postgres_server import postgres
from .test_limits import DAY
from .test_processes import state_of, worker

pytestmark = pytest.mark.anyio

LONG = os.environ.get("ASKMESH_LONG_TESTS") == "1"
# Bigger than 32 bits, as Discord's ids are.
ONE, TWO = 1573726008580767747, 1573726008580767750


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@asynccontextmanager
async def host(discord, tmp_path, name, url):
    """A bot on a host of its own: nothing but Discord and the database is shared."""
    async with scripted_conversations(tmp_path / name, url) as (_, conversations, database):
        frontend = DiscordFrontend(settings_for(discord, tmp_path / name), BASE_URL, conversations, database)
        await frontend.start()
        try:
            yield frontend, database
        finally:
            await frontend.stop()


async def identifies(discord, count):
    await until(lambda: discord.gateway.received["identify"] == count)


async def test_of_two_hosts_one_connects_and_the_other_takes_over(tmp_path, server):
    async with Emulator() as discord, host(discord, tmp_path, "one", server) as (one, _):
        channel = discord.world.add_channel(discord.world.add_guild("Python"), "general")
        await until(lambda: one.status.state is State.READY)
        async with host(discord, tmp_path, "two", server) as (two, _):
            await until(lambda: two.status.state is State.STANDBY)
            await asyncio.sleep(0.3)
            assert discord.gateway.received["identify"] == 1
            assert await two.check() is None
            await one.stop()
            await identifies(discord, 2)
            await until(lambda: two.status.state is State.READY)
            asked = await discord.person("ada").mention(channel, "How?")
            thread = {"id": asked["id"]}
            await until(lambda: any("**Sources**" in m["content"] for m in discord.world.in_channel(thread)))


@pytest.mark.skipif(not LONG, reason="starts processes: set ASKMESH_LONG_TESTS=1")
@pytest.mark.parametrize("round_", range(5))
async def test_a_host_that_is_killed_is_followed_within_a_second(tmp_path, server, round_):
    folders = [tmp_path / name for name in ("one", "two")]
    async with Emulator() as discord:
        channel = discord.world.add_channel(discord.world.add_guild("Python"), "general")
        for folder in folders:
            folder.mkdir()
        hosts = [(worker(discord, folder, WORKER_DATABASE_URL=server), folder) for folder in folders]
        try:
            await until(lambda: {state_of(*host) for host in hosts} == {"ready", "standby"})
            hosts.sort(key=lambda host: state_of(*host))
            (leader, _), (other, folder) = hosts
            began = time.monotonic()
            leader.kill()
            await identifies(discord, 2)
            took = time.monotonic() - began
            print(f"killed: followed after {took:.2f} s")  # noqa: T201 - what one runs the long version for
            assert took < 1.0
            await until(lambda: state_of(other, folder) == "ready")
            asked = await discord.person("ada").mention(channel, "How?")
            await until(
                lambda: any("**Sources**" in m["content"] for m in discord.world.in_channel({"id": asked["id"]}))
            )
            assert discord.gateway.received["identify"] == 2
        finally:
            for process, _ in hosts:
                process.kill()
                process.wait()


async def test_who_loses_the_session_that_held_the_lock_disconnects_before_another_connects(tmp_path, server):
    async with (
        Emulator() as discord,
        host(discord, tmp_path, "one", server) as (one, database),
        host(discord, tmp_path, "two", server) as (two, _),
    ):
        await until(lambda: {one.status.state, two.status.state} == {State.READY, State.STANDBY})
        leader, other = (one, two) if one.status.state is State.READY else (two, one)
        holder = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        async with database.engine.connect() as connection:
            await connection.execute(text(holder))
        await until(lambda: other.status.state is State.READY)
        await until(lambda: leader.status.state is State.STANDBY)
        assert len(discord.gateway.live) == 1
        assert discord.gateway.received["identify"] == 2


async def test_a_database_that_is_away_is_told_and_waited_for(tmp_path):
    async with Emulator() as discord:
        nowhere = f"postgresql+psycopg://bot@/postgres?host={tmp_path}"
        async with scripted_conversations(tmp_path) as (_, conversations, _):
            database = Database(nowhere)
            frontend = DiscordFrontend(settings_for(discord, tmp_path), BASE_URL, conversations, database)
            await frontend.start()
            await until(lambda: "database is away" in frontend.status.last_error)
            assert "reconnecting" in await frontend.check()
            assert discord.gateway.received["connect"] == 0
            await frontend.stop()
            await database.close()


async def test_what_one_host_kept_the_next_one_knows(tmp_path, server):
    async with scripted_conversations(tmp_path, server) as (_, _, database):
        journal = Journal(database)
        await journal.tidy()
        assert [await journal.take(ONE), await journal.take(ONE)] == [True, False]
        assert await journal.taken([ONE, TWO]) == {ONE}
        place = Place("c", TWO)
        await journal.remember([ONE, ONE], place)
        await journal.silence(ONE)
        await journal.remember([ONE], Place("d", TWO))
        assert await journal.place(ONE) == Place("d", TWO, silenced=True)
        for _ in range(2):
            await journal.note("answer", "asked", ONE)
            await journal.spend(ONE, DAY)
            await journal.saw({ONE: Seen(TWO, private=False)})
            await journal.opt_out(ONE, True)
        assert await journal.noted(ONE, "asked") == ["answer"]
        assert await journal.spent(DAY) == {ONE: 2}
        assert (await journal.seen())[ONE] == Seen(TWO, private=False)
        assert await journal.opted_out(ONE)
        await journal.forget(TWO)
        assert await journal.place(ONE) is None
        configs = GuildConfigs(database, GuildConfig())
        await configs.set(ONE, TWO, "collections", {TWO: "music"})
        again = GuildConfigs(database, GuildConfig())
        await again.load()
        assert again.get(ONE).collections == {TWO: "music"}
