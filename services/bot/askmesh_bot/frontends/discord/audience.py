"""Who can read a place in Discord, in the labels that chunks carry: an answer there rests on what all of them may see.

`public`; `guild:ID`, a server's members; `channel:ID`, those who can view a channel; `role:ID`, those who have a role. A
server's owner and its administrators see everything in it and count as having every role. Everything is decided from
roles and overwrites, as documented at https://discord.com/developers/docs/topics/permissions: who is a member need not
be known. What can't be decided counts as not shared.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations

import discord

PUBLIC = frozenset({"public"})

_Roles = frozenset[int]
_NOBODY: _Roles = frozenset()
_VIEW = discord.Permissions(view_channel=True).value
# Where there is no way to tell who reads, as in a server that the bot is not in.
Channel = discord.abc.GuildChannel | discord.Thread


@dataclass(frozen=True)
class Realm:
    """What a server's roles give. Roles of administrators and the bot's own are left out."""

    # Whether @everyone may view channels, and the roles that may.
    everyone: bool
    viewers: _Roles
    ignored: _Roles = _NOBODY
    # The bot itself: that it reads along shows nothing to anybody.
    me: int = 0


@dataclass(frozen=True)
class Gate:
    """A channel's overwrites of View Channel."""

    everyone_allowed: bool = False
    everyone_denied: bool = False
    allowed: _Roles = _NOBODY
    denied: _Roles = _NOBODY
    members_allowed: frozenset[int] = field(default=_NOBODY)
    members_denied: frozenset[int] = field(default=_NOBODY)


def views(realm: Realm, gate: Gate, roles: _Roles) -> bool:
    """Whether a member who has exactly these roles, and no overwrite of their own, views the channel."""
    if roles & gate.allowed:
        return True
    if roles & gate.denied:
        return False
    if gate.everyone_allowed:
        return True
    return not gate.everyone_denied and (realm.everyone or bool(roles & realm.viewers))


def everyone_views(realm: Realm, gate: Gate) -> bool:
    """Whether every member views the channel, whatever roles they have."""
    return not gate.members_denied and all(views(realm, gate, roles) for roles in _role_sets(realm, gate))


def sole_role(realm: Realm, gate: Gate) -> int | None:
    """The role that every reader of the channel has; None where there is none, or it can't be told."""
    if gate.members_allowed - {realm.me} or views(realm, gate, _NOBODY):
        return None
    # Nobody views it without at least one role that opens it by itself.
    candidates = (gate.allowed | realm.viewers) - realm.ignored
    openers = [role for role in candidates if views(realm, gate, frozenset({role}))]
    return openers[0] if len(openers) == 1 else None


def includes(realm: Realm, narrow: Gate, wide: Gate) -> bool:
    """Whether every reader of `narrow` also views `wide`."""
    if narrow == wide:
        return True
    if wide.members_denied - narrow.members_denied - {realm.me}:
        return False
    extra = narrow.members_allowed - wide.members_allowed - {realm.me}
    if extra and not everyone_views(realm, wide):
        return False
    return all(views(realm, wide, roles) for roles in _role_sets(realm, narrow, wide) if views(realm, narrow, roles))


def _role_sets(realm: Realm, *gates: Gate) -> Iterator[_Roles]:
    """Enough sets of roles to decide by. One role can let somebody into a channel and one can keep them out of another,
    so that a difference between channels shows with two roles at most; roles without an overwrite differ only in
    whether they may view channels at all."""
    named = frozenset().union(*(gate.allowed | gate.denied for gate in gates)) - realm.ignored
    plain = min(realm.viewers - named - realm.ignored, default=None)
    roles = sorted(named | ({plain} if plain is not None else _NOBODY))
    for count in range(3):
        yield from (frozenset(chosen) for chosen in combinations(roles, count))


def realm_of(guild: discord.Guild) -> Realm:
    """What the roles of a server that the bot is in give."""
    mine = guild.self_role
    ignored = {role.id for role in guild.roles if role.permissions.administrator}
    viewers = {role.id for role in guild.roles if role.permissions.view_channel and not role.is_default()}
    ignored |= {mine.id} if mine is not None else set()
    everyone = guild.default_role.permissions
    return Realm(
        everyone.view_channel or everyone.administrator, frozenset(viewers - ignored), frozenset(ignored), guild.me.id
    )


def gate_of(channel: discord.abc.GuildChannel) -> Gate:
    """A channel's own overwrites; one that is synced with its category carries the category's."""
    everyone: bool | None = None
    roles: dict[bool, set[int]] = {True: set(), False: set()}
    members: dict[bool, set[int]] = {True: set(), False: set()}
    for overwrite in channel._overwrites:
        # discord.py's own reading of an overwrite costs a hundred times as much, for each of some thousands.
        if not (overwrite.allow | overwrite.deny) & _VIEW:
            continue
        value = bool(overwrite.allow & _VIEW)
        if overwrite.id == channel.guild.id:
            everyone = value
        else:
            (members if overwrite.is_member() else roles)[value].add(overwrite.id)
    return Gate(
        everyone is True,
        everyone is False,
        frozenset(roles[True]),
        frozenset(roles[False]),
        frozenset(members[True]),
        frozenset(members[False]),
    )


def of_channel(channel: object) -> frozenset[str]:
    """What everyone who can read a channel or thread may see. Anything else than a known server's: what is public."""
    if isinstance(channel, discord.Thread):
        channel = channel.parent  # whoever reads a thread views its channel
    if not isinstance(channel, discord.abc.GuildChannel) or not _known(channel.guild):
        return PUBLIC
    guild, realm, gate = channel.guild, realm_of(channel.guild), gate_of(channel)
    labels = {*PUBLIC, *_everyone(guild), f"channel:{channel.id}"}
    if (role := sole_role(realm, gate)) is not None:
        labels.add(f"role:{role}")
    judged: dict[Gate, bool] = {}
    for other in _readable(guild):
        wide = gate_of(other)
        if wide not in judged:
            judged[wide] = includes(realm, gate, wide)
        if judged[wide]:
            labels.add(f"channel:{other.id}")
    return frozenset(labels)


def of_member(member: object) -> frozenset[str]:
    """What one member may see: for answers that nobody else reads."""
    if not isinstance(member, discord.Member) or not _known(member.guild):
        return PUBLIC
    guild = member.guild
    everything = guild.owner_id == member.id or member.guild_permissions.administrator
    roles: Iterable[discord.Role] = guild.roles if everything else member.roles
    channels = [channel for channel in _readable(guild) if channel.permissions_for(member).view_channel]
    return frozenset(
        {
            *PUBLIC,
            *_everyone(guild),
            *(f"role:{role.id}" for role in roles),
            *(f"channel:{channel.id}" for channel in channels),
        }
    )


def of_guild(guild: discord.Guild | None) -> frozenset[str]:
    """Every label of a server: for those who decide what it may use, not for answers."""
    if guild is None or not _known(guild):
        return PUBLIC
    roles = (f"role:{role.id}" for role in guild.roles)
    return frozenset({*PUBLIC, *_everyone(guild), *roles, *(f"channel:{one.id}" for one in guild.channels)})


def _everyone(guild: discord.Guild) -> tuple[str, str]:
    # Discord's @everyone is a role with the server's id.
    return f"guild:{guild.id}", f"role:{guild.id}"


def _known(guild: discord.Guild | None) -> bool:
    """Whether the bot is in the server and Discord has told its roles."""
    return guild is not None and guild.me is not None and not guild.unavailable and bool(guild.roles)


def _readable(guild: discord.Guild) -> Iterator[discord.abc.GuildChannel]:
    return (channel for channel in guild.channels if not isinstance(channel, discord.CategoryChannel))
