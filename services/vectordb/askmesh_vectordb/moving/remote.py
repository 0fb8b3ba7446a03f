"""`askmesh-vectordb move`: begins a live move in a running service, follows it, and cuts over, rolls back or finishes."""

import argparse
import asyncio
import os
from typing import Any

import httpx2
from askmesh_kit.errors import UpstreamError
from askmesh_kit.http_client import service_client
from pydantic import SecretStr

from askmesh_vectordb.moving.base import MoveRefused
from askmesh_vectordb.moving.progress import Progress, print_line
from askmesh_vectordb.settings import Settings

_POLL_S = 0.3
_WAITING = ("dual", "backfill", "verify")
_WHAT = {"dual": "begin", "backfill": "copy", "verify": "compare"}


class MovesClient:
    """The moves of one service."""

    def __init__(self, client: httpx2.AsyncClient, progress: Progress) -> None:
        self._client, self._progress = client, progress

    async def latest(self) -> dict[str, Any]:
        moves = (await self._ask("GET", "moves"))["moves"]
        if not moves:
            raise MoveRefused("The service has not moved anything.")
        return dict(moves[-1])

    async def begin(self, to: str, *, replace: bool) -> dict[str, Any]:
        return await self._ask("POST", "moves", {"to": to, "replace": replace})

    async def act(self, action: str) -> dict[str, Any]:
        return await self._ask("POST", f"moves/{(await self.latest())['id']}/{action}")

    async def follow(self, move: dict[str, Any]) -> dict[str, Any]:
        """Until the stores are equal, or the move is over."""
        phase, said = "", None
        while move["phase"] in _WAITING:
            if move["phase"] != phase:
                phase = move["phase"]
                self._progress.begin(0)
            done = move["compared"] if phase == "verify" else move["copied"]
            self._progress(_WHAT[phase], done, move["records"])
            if move["error"] and move["error"] != said:
                said = move["error"]
                self._progress.end()
                print_line(f"delayed: {said}")
            await asyncio.sleep(_POLL_S)
            move = await self._ask("GET", f"moves/{move['id']}")
        self._progress.end()
        return move

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = await self._client.request(method, path, json=body)
            told: dict[str, Any] = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise UpstreamError(
                f"The service at {self._client.base_url} does not answer: {error}.",
                fix="Give its address as --service.",
            ) from error
        if answer.is_error:
            raise MoveRefused(str(told.get("detail", answer.status_code)), fix=told.get("fix"))
        return told


async def move(given: argparse.Namespace, progress: Progress) -> int:
    """Exit status 0; what cannot be done is raised."""
    address = given.service or f"http://127.0.0.1:{Settings().port}"
    if given.key_env and given.key_env not in os.environ:
        raise SystemExit(f"the environment holds no {given.key_env}")
    key = SecretStr(os.environ[given.key_env]) if given.key_env else None
    async with service_client(address, api_key=key, timeout_s=60.0) as client:
        moves = MovesClient(client, progress)
        if given.action in ("begin", "all"):
            if not given.to:
                raise SystemExit("say where to: --to NAME")
            now = await moves.follow(await moves.begin(given.to, replace=given.replace))
            if given.action == "all" and now["phase"] == "ready":
                for action in ("cut-over", "finish"):
                    now = await moves.act(action)
        elif given.action == "status":
            now = await moves.latest()
        elif given.action == "follow":
            now = await moves.follow(await moves.latest())
        else:
            now = await moves.act(given.action)
    print_line(_told(now))
    return 0


def _told(move: dict[str, Any]) -> str:
    parts = [f"{move['id']}: {move['from']} -> {move['to']}, {move['phase'].replace('_', ' ')}"]
    parts.append(f"{move['copied']:,} of {move['records']:,} records copied, {move['pending']:,} changes pending")
    if move["overlap"] is not None:
        parts.append(f"top 10 overlap {move['overlap']:.3f}")
    if move["error"]:
        parts.append(f"delayed: {move['error']}")
    return ", ".join(parts)
