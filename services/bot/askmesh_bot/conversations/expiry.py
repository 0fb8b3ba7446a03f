"""Deletes what is past its time, in the background."""

import asyncio
from typing import Protocol

from askmesh_kit.logs import get_logger
from sqlalchemy.exc import SQLAlchemyError

log = get_logger("askmesh.conversations")

_EVERY_S = 3600.0


class Expiring(Protocol):
    """Something kept for a time."""

    async def expire(self) -> int:
        """Delete what is past its time; how much went."""


async def expire_hourly(*kept: Expiring) -> None:
    """Runs until cancelled."""
    while True:
        for one in kept:
            try:
                if deleted := await one.expire():
                    log.info("expired", of=type(one).__name__, count=deleted)
            except SQLAlchemyError as error:
                log.error("not_expired", of=type(one).__name__, exc_info=error)
        await asyncio.sleep(_EVERY_S)
