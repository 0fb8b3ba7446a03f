"""`/livez`, `/readyz`, `/metrics`. Readiness derives from the checks that `create_app` was given."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

# A check returns None when all is well, else the reason and, if there is one, the remedy.
Check = Callable[[], Awaitable[str | None]]


class Health:
    """The checks of one app: `critical` ones make it unready, the others only degraded."""

    def __init__(self, critical: Mapping[str, Check], optional: Mapping[str, Check], timeout_s: float = 2.0) -> None:
        self._critical, self._optional, self._timeout_s = dict(critical), dict(optional), timeout_s

    async def report(self) -> tuple[int, dict[str, Any]]:
        """The status code and body of `/readyz`."""
        checks = self._critical | self._optional
        reasons = await asyncio.gather(*(self._run(check) for check in checks.values()))
        results = dict(zip(checks, reasons, strict=True))
        down = any(results[name] for name in self._critical)
        degraded = any(results[name] for name in self._optional)
        body: dict[str, Any] = {
            "status": "unready" if down else "degraded" if degraded else "ready",
            "checks": {name: {"ok": reason is None, "reason": reason} for name, reason in results.items()},
        }
        return (503 if down else 200), body

    async def _run(self, check: Check) -> str | None:
        try:
            return await asyncio.wait_for(check(), self._timeout_s)
        except TimeoutError:
            return f"no answer within {self._timeout_s:g} s"
        except Exception as error:  # noqa: BLE001 - a check that breaks is itself the reason
            return f"{type(error).__name__}: {error}"


router = APIRouter(tags=["operations"])


@router.get("/livez", summary="The process runs")
async def livez() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/readyz", summary="Requests can be answered, with reasons where they can't")
async def readyz(request: Request) -> JSONResponse:
    status, body = await request.app.state.health.report()
    return JSONResponse(body, status)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)
