"""Notices what discord.py does not: no READY, a silent gateway, a REST API that hangs."""

import asyncio
import time

import discord
from askmesh_kit.logs import get_logger
from discord.http import Route

from askmesh_bot.frontends.discord.client import AskmeshClient
from askmesh_bot.frontends.discord.pause import PAUSE
from askmesh_bot.frontends.discord.rest import bounded
from askmesh_bot.frontends.discord.settings import DiscordSettings
from askmesh_bot.frontends.discord.status import State, Status

log = get_logger("askmesh.discord.watchdog")

# Heartbeat intervals without an acknowledgement after which the connection is taken for dead.
_SILENT_INTERVALS = 2.5
_FAILED_PROBES = 3
# discord.py doubles its pauses between reconnects for as long as a client lives. A fresh one is back sooner, in seconds.
_RECONNECT_S = 15.0


async def watch(client: AskmeshClient, settings: DiscordSettings, status: Status) -> None:
    """Makes the client give up when it no longer serves. Runs until cancelled."""
    began, failed_probes, next_probe = time.monotonic(), 0, time.monotonic() + settings.probe_s
    patience_s = settings.ready_deadline_s
    while True:
        await asyncio.sleep(settings.watch_s)
        now = time.monotonic()
        if PAUSE.left_s:
            began, next_probe = now, now + settings.probe_s  # nothing can be said of a client that may not call
        elif status.state is State.READY:
            began, patience_s = now, min(patience_s, _RECONNECT_S)
            _check_heartbeat(client, status)
        elif now - began > patience_s:
            client.give_up(f"not ready within {patience_s:g} s")
        if now >= next_probe:
            next_probe = now + settings.probe_s
            failed_probes = 0 if await _probe(client, settings) else failed_probes + 1
            if failed_probes >= _FAILED_PROBES:
                client.give_up("Discord's API does not answer")


def _check_heartbeat(client: AskmeshClient, status: Status) -> None:
    # There is no public way to see when the last acknowledgement came; `latency` only changes when one comes.
    for socket in client.sockets():
        heart = socket._keep_alive
        if heart is None or heart.interval is None:
            continue
        status.latency_s = heart.latency
        if time.perf_counter() - heart._last_ack > _SILENT_INTERVALS * heart.interval:
            client.give_up("the gateway stopped acknowledging heartbeats")


async def _probe(client: AskmeshClient, settings: DiscordSettings) -> bool:
    try:
        await bounded(client.http.request(Route("GET", "/users/@me")), settings.rest_deadline_s)
    except (discord.HTTPException, OSError, TimeoutError) as error:
        log.warning("probe_failed", error=f"{type(error).__name__}: {error}")
        return False
    return True
