"""Takes over what earlier versions kept in a file of their own: who opted out, whose answer is whose, which thread goes on."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from askmesh_kit.logs import get_logger

from askmesh_bot.frontends.discord.journal import Journal, Place

log = get_logger("askmesh.discord.adoption")

_TABLES = {
    "opted_out": "SELECT user_id FROM opted_out",
    "people": "SELECT answer_id, what, user_id FROM people WHERE what <> 'rated'",
    "places": "SELECT place_id, conversation_id, asker_id FROM places",
}


async def adopt(state_dir: Path, journal: Journal) -> None:
    """Once: the file is renamed when everything in it is in the bot's database. Raises SQLAlchemyError."""
    file = state_dir / "discord.db"
    if not file.is_file():
        return
    try:
        rows = await asyncio.to_thread(_read, file)
    except sqlite3.Error as error:
        log.warning("old_journal_unreadable", file=str(file), error=str(error))
        return
    for (user_id,) in rows["opted_out"]:
        await journal.opt_out(user_id, True)
    for answer_id, what, user_id in rows["people"]:
        await journal.note(answer_id, what, user_id)
    for place_id, conversation_id, asker_id in rows["places"]:
        await journal.remember([place_id], Place(conversation_id, asker_id))
    file.rename(file.with_suffix(".db.adopted"))
    log.info("old_journal_adopted", **{table: len(found) for table, found in rows.items()})


def _read(file: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as old:
        return {table: old.execute(query).fetchall() for table, query in _TABLES.items()}
