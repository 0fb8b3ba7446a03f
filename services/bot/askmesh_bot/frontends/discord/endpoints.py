"""Points discord.py at the configured Discord: the real one, a proxy, or a server on loopback."""

import discord.gateway
import discord.http
import yarl

_REAL_GATEWAY_DOMAIN = "discord.gg"


def point_at(api_url: str, gateway_url: str) -> None:
    """Where every client of this process finds REST API and gateway. discord.py keeps both in class attributes."""
    discord.http.Route.BASE = api_url.rstrip("/")
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


def resume_gateway(told: str) -> yarl.URL:
    """Where to resume a session whose READY told this address.

    Discord names a host of its own for it. Behind any other gateway, which may pass READY on as Discord wrote it, the
    resume goes where the session was opened.
    """
    configured = discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    address = yarl.URL(told)
    if _is_real(configured) or (address.host == configured.host and address.port == configured.port):
        return address
    return configured


def _is_real(url: yarl.URL) -> bool:
    host = url.host or ""
    return host == _REAL_GATEWAY_DOMAIN or host.endswith("." + _REAL_GATEWAY_DOMAIN)
