"""Who sees what: judged by a reading of Discord's documentation that was written apart from the code."""

import random
import time

import discord
import pytest
from askmesh_bot.frontends.discord.audience import PUBLIC, of_channel, of_member
from hypothesis import given, settings
from hypothesis import strategies as st

from .emulator.gateway import guild_create
from .emulator.world import ChannelType, Permission, World

VIEW, ADMIN = Permission.VIEW_CHANNEL, Permission.ADMINISTRATOR


def views(world, guild, channel, user):
    """https://discord.com/developers/docs/topics/permissions#permission-overwrites, for View Channel."""
    if guild["owner_id"] == user["id"]:
        return True
    has = [guild["id"], *world.roles.get((guild["id"], user["id"]), [])]
    granted = 0
    for role in guild["roles"]:
        if role["id"] in has:
            granted |= int(role["permissions"])
    if granted & ADMIN:
        return True
    allow = deny = 0
    for overwrite in channel["permission_overwrites"]:
        if overwrite["id"] == guild["id"]:
            granted = granted & ~int(overwrite["deny"]) | int(overwrite["allow"])
        elif overwrite["id"] in has:
            allow, deny = allow | int(overwrite["allow"]), deny | int(overwrite["deny"])
    granted = granted & ~deny | allow
    for overwrite in channel["permission_overwrites"]:
        if overwrite["id"] == user["id"]:
            granted = granted & ~int(overwrite["deny"]) | int(overwrite["allow"])
    return bool(granted & VIEW)


def holds(world, guild, channels, user, label):
    """Whether a member is one of those whom a label names; docs/audiences.md."""
    kind, _, number = label.partition(":")
    if kind == "public":
        return True
    if kind == "guild":
        return number == guild["id"]
    if kind == "channel":
        return any(channel["id"] == number and views(world, guild, channel, user) for channel in channels)
    roles = world.roles.get((guild["id"], user["id"]), [])
    mine = [role for role in guild["roles"] if role["id"] in (guild["id"], *roles)]
    everything = guild["owner_id"] == user["id"] or any(int(role["permissions"]) & ADMIN for role in mine)
    return any(role["id"] == number for role in (guild["roles"] if everything else mine))


def community(draws):
    """A server with roles, channels and people, drawn by chance."""
    world = World()
    guild = world.add_guild("Random", VIEW if draws.random() < 0.6 else Permission(0))
    for number in range(draws.randint(1, 5)):
        granted = draws.choice([Permission(0), Permission(0), VIEW, VIEW, ADMIN])
        world.add_role(guild, f"role{number}", granted)
    if draws.random() < 0.5:
        world.add_role(guild, "askmesh", VIEW, managed=True, tags={"bot_id": world.bot["id"]})
    roles = guild["roles"][1:]
    people = [world.add_user(f"person{number}") for number in range(8)]
    for person in people:  # nobody can be given a bot's own role
        given = [role for role in roles if not role["managed"]]
        world.give(person, guild, *draws.sample(given, draws.randint(0, min(3, len(given)))))
    world.give(world.bot, guild, *[role for role in roles if role["managed"]])
    for number in range(draws.randint(1, 5)):
        kind = draws.choice([ChannelType.TEXT, ChannelType.FORUM])
        channel = world.add_channel(guild, f"channel{number}", kind)
        named = [(guild["id"], 0), *((role["id"], 0) for role in roles)]
        named += [(person["id"], 1) for person in [*people[:2], world.bot]]
        for key, of in draws.sample(named, draws.randint(0, min(4, len(named)))):
            allow, deny = draws.choice([(VIEW, 0), (0, VIEW), (0, VIEW), (0, 0)])
            overwrite = {"id": key, "type": of, "allow": str(int(allow)), "deny": str(int(deny))}
            channel["permission_overwrites"].append(overwrite)
    return world, guild, people


def as_discord_py_has_it(world, guild):
    state = discord.Client(intents=discord.Intents(guilds=True))._connection
    state.user = discord.ClientUser(state=state, data=world.bot)
    made = discord.Guild(data=guild_create(world, guild), state=state)
    return state, made


def member(state, made, world, guild, user):
    return discord.Member(data=world.member(user, guild), guild=made, state=state)


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_no_reader_of_a_destination_ever_sees_what_they_may_not(seed):
    draws = random.Random(seed)
    world, guild, people = community(draws)
    channels = [channel for channel in world.channels.values() if channel.get("guild_id") == guild["id"]]
    state, made = as_discord_py_has_it(world, guild)
    owner = world.users[guild["owner_id"]]
    labels = [f"guild:{guild['id']}", "guild:1", "public"]
    labels += [f"role:{role['id']}" for role in guild["roles"]]
    labels += [f"channel:{channel['id']}" for channel in channels]
    sources = [draws.sample(labels, draws.randint(1, min(3, len(labels)))) for _ in range(30)]
    for channel in channels:
        destination = of_channel(made.get_channel(int(channel["id"])))
        readers = [person for person in [*people, owner] if views(world, guild, channel, person)]
        for source in sources:
            if not destination & set(source):
                continue
            for reader in readers:
                assert any(holds(world, guild, channels, reader, label) for label in source), (source, reader)
    for person in [*people, owner]:
        held = of_member(member(state, made, world, guild, person))
        assert held == {label for label in labels if holds(world, guild, channels, person, label)}


@pytest.fixture
def server():
    world = World()
    guild = world.add_guild("Club", VIEW)
    staff, helpers = world.add_role(guild, "staff"), world.add_role(guild, "helpers")
    world.add_role(guild, "admins", ADMIN)
    world.add_role(guild, "askmesh", VIEW, managed=True, tags={"bot_id": world.bot["id"]})
    return world, guild, staff, helpers


def labels_of(world, guild, channel):
    _, made = as_discord_py_has_it(world, guild)
    return of_channel(made.get_channel(int(channel["id"])))


def test_a_channel_open_to_all_holds_what_all_may_see(server):
    world, guild, staff, _ = server
    lobby, backstage = world.add_channel(guild, "lobby"), world.add_channel(guild, "backstage")
    world.allow_only(backstage, staff)
    everyone = {"public", f"guild:{guild['id']}", f"role:{guild['id']}", f"channel:{lobby['id']}"}
    assert labels_of(world, guild, lobby) == everyone
    assert labels_of(world, guild, backstage) == everyone | {f"role:{staff['id']}", f"channel:{backstage['id']}"}


def test_two_roles_have_only_in_common_what_both_may_see(server):
    world, guild, staff, helpers = server
    both, one = world.add_channel(guild, "both"), world.add_channel(guild, "one")
    world.allow_only(both, staff, helpers)
    world.allow_only(one, staff)
    assert not {f"role:{staff['id']}", f"role:{helpers['id']}", f"channel:{one['id']}"} & labels_of(world, guild, both)
    assert f"channel:{both['id']}" in labels_of(world, guild, one)


def test_a_person_let_in_by_name_has_no_role_that_could_be_counted_on(server):
    world, guild, staff, _ = server
    channel = world.add_channel(guild, "backstage")
    world.allow_only(channel, staff)
    guest = {"id": world.add_user("guest")["id"], "type": 1, "allow": str(int(VIEW)), "deny": "0"}
    channel["permission_overwrites"].append(guest)
    assert f"role:{staff['id']}" not in labels_of(world, guild, channel)


def test_a_thread_is_read_by_those_who_view_its_channel(server):
    world, guild, staff, _ = server
    channel = world.add_channel(guild, "backstage")
    world.allow_only(channel, staff)
    thread = world.add_thread(channel, "plans", world.snowflake(), 1440)
    _, made = as_discord_py_has_it(world, guild)
    assert of_channel(made.get_thread(int(thread["id"]))) == labels_of(world, guild, channel)
    assert f"role:{staff['id']}" in labels_of(world, guild, channel)


def test_what_is_not_known_counts_as_public():
    assert of_channel(None) == of_member(None) == of_channel(object()) == PUBLIC


def test_many_channels_are_judged_in_time(server):
    world, guild, staff, _ = server
    for number in range(500):
        channel = world.add_channel(guild, f"channel{number}")
        if number % 7 == 0:
            world.allow_only(channel, staff)
    _, made = as_discord_py_has_it(world, guild)
    channel, began = made.text_channels[3], time.thread_time()
    assert len(of_channel(channel)) > 400
    # Before an interaction is acknowledged, which must happen in three seconds.
    assert time.thread_time() - began < 1
