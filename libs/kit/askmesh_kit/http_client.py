"""The HTTP client for calls between services: pooled, under a deadline, with the request's id and trace carried on."""

import httpx2
from pydantic import SecretStr

from askmesh_kit import context


def service_client(
    base_url: str,
    *,
    api_key: SecretStr | None = None,
    timeout_s: float = 30.0,
    connect_timeout_s: float = 2.0,
    max_connections: int = 100,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> httpx2.AsyncClient:
    """A client for one peer. Each request gets what is left of the caller's deadline, at most `timeout_s` seconds.

    Raises DeadlineExceeded from a call made when no time is left. Proxy variables are ignored for loopback peers.
    """

    async def carry_context(request: httpx2.Request) -> None:
        left = context.time_left(timeout_s)
        request.headers[context.DEADLINE] = str(int(left * 1000))
        if request_id := context.request_id.get():
            request.headers[context.REQUEST_ID] = request_id
        if traceparent := context.traceparent.get():
            request.headers["traceparent"] = traceparent
        # A request that carries a timeout of its own (a stream, say) keeps the shorter of the two.
        limits = request.extensions.get("timeout", {})
        request.extensions["timeout"] = {
            "connect": min(limits.get("connect") or connect_timeout_s, left),
            "read": min(limits.get("read") or left, left),
            "write": min(limits.get("write") or left, left),
            "pool": min(limits.get("pool") or left, left),
        }

    headers = {"User-Agent": "askmesh"}
    if api_key and api_key.get_secret_value():
        headers["Authorization"] = f"Bearer {api_key.get_secret_value()}"
    return httpx2.AsyncClient(
        base_url=base_url.rstrip("/") + "/",
        headers=headers,
        timeout=httpx2.Timeout(timeout_s, connect=connect_timeout_s),
        limits=httpx2.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
        event_hooks={"request": [carry_context]},
        transport=transport,
        trust_env=httpx2.URL(base_url).host not in {"127.0.0.1", "localhost", "::1"},
    )
