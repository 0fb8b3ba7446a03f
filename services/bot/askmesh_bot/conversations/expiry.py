"""Deletes conversations past their time, in the background."""

import asyncio

from askmesh_kit.logs import get_logger
from sqlalchemy.exc import SQLAlchemyError

from askmesh_bot.conversations.store import ConversationStore

log = get_logger("askmesh.conversations")

_EVERY_S = 3600.0


async def expire_hourly(store: ConversationStore) -> None:
    """Runs until cancelled."""
    while True:
        try:
            if deleted := await store.expire():
                log.info("conversations_expired", count=deleted)
        except SQLAlchemyError as error:
            log.error("conversations_not_expired", exc_info=error)
        await asyncio.sleep(_EVERY_S)
