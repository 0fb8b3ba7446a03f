"""`/config`: what a server's admins decide, and that it holds."""

import pytest
from askmesh_bot.database.discord import DiscordChangeRow
from askmesh_bot.frontends.discord.config import store
from askmesh_bot.frontends.discord.config.base import GuildConfig, defaults, merged
from askmesh_bot.frontends.discord.config.store import GuildConfigs
from askmesh_bot.frontends.discord.settings import DiscordSettings
from pydantic import ValidationError
from sqlalchemy import func, select

from .conftest import settings_for, staged, until
from .conversations import scripted_conversations
from .emulator.world import ChannelType
from .test_buttons import told

pytestmark = pytest.mark.anyio


async def configure(stage, sub, expected, /, **options):
    """Use a subcommand as an admin; its reply, once it holds `expected`."""
    interaction = await stage.ada.slash(stage.channel, f"config {sub}", **options)
    await told(interaction, expected)
    assert interaction.ephemeral
    return interaction.response


async def show(stage):
    """The options as `/config show` shows them, by name."""
    interaction = await stage.ada.slash(stage.channel, "config show")
    await until(lambda: (interaction.response or {}).get("embeds"))
    assert interaction.ephemeral
    (embed,) = interaction.response["embeds"]
    return {field["name"]: field["value"] for field in embed["fields"]}


async def test_discord_offers_it_to_those_who_may_manage_the_server(tmp_path):
    async with staged(tmp_path) as stage:
        config = next(command for command in stage.discord.world.commands if command["name"] == "config")
    assert config["default_member_permissions"] == str(1 << 5)  # an admin may decide otherwise under Integrations
    assert config["dm_permission"] is False
    names = {option["name"] for option in config["options"]}
    assert names >= {"show", "channels", "collection", "forum", "learning", "language", "limits", "human"}


async def test_options_are_shown_kept_over_a_restart_and_noted(tmp_path):
    async with staged(tmp_path, daily_answers=50) as stage:
        other = stage.discord.world.add_channel(stage.guild, "elsewhere")
        await stage.discord.gateway.dispatch("CHANNEL_CREATE", other)
        helpers = stage.discord.world.add_role(stage.guild, "helpers", mentionable=False)
        await stage.discord.gateway.dispatch("GUILD_ROLE_CREATE", {"guild_id": stage.guild["id"], "role": helpers})
        before = await show(stage)
        assert before["Channels"] == "everywhere"
        assert before["Answers per day"] == "50"
        await configure(stage, "channels", f"Channels: <#{other['id']}>", channel=other)
        await configure(stage, "limits", "Answers per day: 7", cooldown=2.5, daily=7)
        await configure(stage, "language", "Language: Deutsch", language="de")
        saved = await configure(stage, "human", f"<@&{helpers['id']}>", role=helpers)
        assert "I may not mention this role" not in saved["content"]  # the bot has Mention Everyone here
        assert saved["mention_roles"] == []
        await configure(stage, "human", "I don't call everyone", role=stage.guild["roles"][0])
        after = await show(stage)
        assert after["Channels ✎"] == f"<#{other['id']}>"
        assert after["Pause between questions ✎"] == "2.5 s"
        assert after["Language ✎"] == "Deutsch"
        kept = GuildConfigs(stage.database, defaults(settings_for(stage.discord, tmp_path)))
        await kept.load()
        assert kept.get(int(stage.guild["id"])) == GuildConfig(
            channels=(int(other["id"]),), cooldown_s=2.5, daily_answers=7, language="de", human_role=int(helpers["id"])
        )
        async with stage.database.read() as session:
            changes = list(await session.scalars(select(DiscordChangeRow).order_by(DiscordChangeRow.id)))
        assert {change.user_id for change in changes} == {int(stage.ada.user["id"])}
        assert [(change.option, change.became.get("value")) for change in changes][:2] == [
            ("channels", [int(other["id"])]),
            ("cooldown_s", 2.5),
        ]
        await configure(stage, "limits", "Answers per day: 50")
        await configure(stage, "channels", "Channels: everywhere")
        assert "Channels" in await show(stage)


async def test_in_other_channels_the_bot_is_silent_and_says_where_it_is_not(tmp_path):
    async with staged(tmp_path) as stage:
        other = stage.discord.world.add_channel(stage.guild, "ask-here")
        await stage.discord.gateway.dispatch("CHANNEL_CREATE", other)
        await configure(stage, "channels", "Saved", channel=other)
        await told(await stage.ada.slash(stage.channel, "ask", question="Here?"), f"<#{other['id']}>")
        await stage.ada.mention(stage.channel, "Here?")
        direct = stage.discord.world.add_dm(stage.ada.user)
        await stage.answer_with(f"<#{other['id']}>", lambda: stage.messages(direct))
        assert [m for m in stage.messages() if not m["flags"] & 64] == []
        thread = await stage.thread_of(await stage.ada.mention(other, "There?"))
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        # A thread counts as the channel it is in.
        await stage.ada.mention(thread, "And on?")
        await until(lambda: len(stage.messages(thread)) == 2)
    assert [question.text for question in stage.assistant.questions] == ["There?", "And on?"]


async def test_without_the_content_intent_forums_need_it_is_said_wherever_an_admin_looks(tmp_path):
    async with staged(tmp_path) as stage:
        assert await stage.frontend.check() is None
        forum = stage.discord.world.add_channel(stage.guild, "help", kind=ChannelType.FORUM)
        saved = await configure(stage, "forum", "Forums answered unasked", channel=forum, on=True)
        assert "ASKMESH_DISCORD_MESSAGE_CONTENT=true" in saved["content"]
        assert "content intent" in (await show(stage))["Forums answered unasked ✎"]
        assert "ASKMESH_DISCORD_MESSAGE_CONTENT" in await stage.frontend.check()
        await configure(stage, "forum", "none", channel=forum, on=False)
        assert await stage.frontend.check() is None


async def test_what_can_not_be_set_is_refused_and_what_can_not_be_read_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_MOST_CHANGES", 5)
    async with scripted_conversations(tmp_path) as (_, _, database):
        configs = GuildConfigs(database, GuildConfig(cooldown_s=3))
        for option, value in [
            ("language", "klingon"),
            ("channels", tuple(range(101))),
            ("daily_answers", -1),
            ("collection", "../x"),
        ]:
            with pytest.raises(ValidationError):
                await configs.set(7, 1, option, value)
        assert configs.get(7) == GuildConfig(cooldown_s=3)
        for number in range(8):
            await configs.set(7, 1, "daily_answers", number)
        async with database.read() as session:
            assert await session.scalar(select(func.count()).select_from(DiscordChangeRow)) == 5
    told = merged(GuildConfig(cooldown_s=3), {"language": "klingon", "cooldown_s": "x", "daily_answers": 4, "new": 1})
    assert told == GuildConfig(cooldown_s=3, daily_answers=4)


def test_the_innermost_place_decides_the_collection():
    config = GuildConfig(collection="all", collections={5: "forum", 9: "category"})
    assert config.collection_in((1, 5, 9)) == "forum"
    assert config.collection_in((2, 9)) == "category"
    assert config.collection_in((3,)) == "all"
    assert GuildConfig().collection_in((3,)) is None


async def test_the_environment_decides_where_nothing_was_set(tmp_path, monkeypatch):
    monkeypatch.setenv("ASKMESH_DISCORD_CHANNELS", "1573726008580767747, 2")
    monkeypatch.setenv("ASKMESH_DISCORD_FORUMS", "[3,4]")
    monkeypatch.setenv("ASKMESH_DISCORD_LIVE_CHANNELS", "")
    base = defaults(DiscordSettings(_env_file=None))
    assert (base.channels, base.forums, base.live) == ((1573726008580767747, 2), (3, 4), ())
    monkeypatch.undo()
    async with staged(tmp_path, language="ja") as stage:
        await stage.ada.mention(stage.channel, "")
        await stage.answer_with("こんにちは", stage.messages)
        await configure(stage, "language", "Language: Français", language="fr")
        await stage.ada.mention(stage.channel, "")
        await stage.answer_with("Bonjour", stage.messages)
