"""What a channel is in: its thread's channel, its category."""

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
