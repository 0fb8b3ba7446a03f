"""What a channel is in: its thread's channel, its category, its server."""

import discord


def surroundings(channel: object) -> tuple[int, ...]:
    """The ids of a channel or thread and of what it is in, the innermost first."""
    found: list[int] = []
    if isinstance(channel, discord.Thread):
        found += [channel.id, channel.parent_id]
        channel = channel.parent
    if isinstance(channel, discord.abc.GuildChannel):
        found += [channel.id, *([channel.category_id] if channel.category_id else [])]
    elif not found and (plain := getattr(channel, "id", None)):
        found.append(plain)
    return tuple(dict.fromkeys(found))


def guild_id_of(message: discord.Message) -> int | None:
    """The server that a message was written in, also before anything else is known of it; None: a direct message."""
    if message.guild is not None:
        return message.guild.id
    return message.channel.guild_id if isinstance(message.channel, discord.PartialMessageable) else None
