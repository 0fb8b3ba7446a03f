"""The client with as many connections as Discord recommends, for a bot in very many servers."""

from collections.abc import Sequence
from typing import Any

import discord
from discord.gateway import DiscordWebSocket

from askmesh_bot.frontends.discord.client import AskmeshClient


class ShardedClient(AskmeshClient, discord.AutoShardedClient):
    """All its shards live in this process; each serves a part of the servers."""

    async def setup_hook(self) -> None:
        # Asked for here: discord.py would also take the gateway's address from it, past the configured one.
        self.shard_count, _, _ = await self.http.get_bot_gateway()
        await super().setup_hook()

    async def on_shard_ready(self, shard_id: int) -> None:
        # discord.py says `ready` once, when all shards are; this one may have come back alone.
        if self.is_ready():
            self._works("shard_ready", shard=shard_id)
            await self._look_back()

    def sockets(self) -> Sequence[DiscordWebSocket]:
        return [info._parent.ws for info in self.shards.values()]

    async def _hang_up(self) -> None:
        for info in self.shards.values():
            await info._parent.close()
        await super()._hang_up()

    def _socket_of(self, ready: Any) -> DiscordWebSocket:
        return self._get_websocket(shard_id=ready["shard"][0])
