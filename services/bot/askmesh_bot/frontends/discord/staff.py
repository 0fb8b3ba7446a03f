"""Who counts as staff: moderators, and whoever has the role that is called when there is no answer."""

import discord

from askmesh_bot.frontends.discord.config.base import GuildConfig


def is_staff(message: discord.Message, config: GuildConfig, asker_id: int) -> bool:
    """Whether staff wrote `message`; who asked is a person like any other there."""
    author = message.author
    if author.bot or author.id == asker_id or not isinstance(author, discord.Member):
        return False
    return acts_for_staff(author, message.channel, config)


def acts_for_staff(member: discord.Member, channel: object, config: GuildConfig) -> bool:
    """Whether a member may manage messages in the channel, or has the role of those who help."""
    helps = any(role.id == config.human_role and not role.is_default() for role in member.roles)
    if helps or member.guild.owner_id == member.id:
        return True
    if isinstance(channel, discord.Thread):
        channel = channel.parent
    if not isinstance(channel, discord.abc.GuildChannel):
        return member.guild_permissions.manage_messages
    return channel.permissions_for(member).manage_messages
