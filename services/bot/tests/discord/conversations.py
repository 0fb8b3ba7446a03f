"""Real conversations over a temporary database, with a scripted assistant behind them."""

import functools
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from askmesh_bot.conversations.service import Conversations
from askmesh_bot.conversations.store import ConversationStore
from askmesh_bot.database.engine import Database
from askmesh_bot.settings import AnsweringSettings, ConversationSettings

from .scripted import ScriptedAssistant

_MIGRATE = """
import asyncio, sys
from askmesh_bot.database.engine import Database

async def main():
    database = Database(sys.argv[1])
    await database.migrate()
    await database.close()  # leaves nothing behind in a write-ahead log

asyncio.run(main())
"""


@functools.cache
def migrated() -> bytes:
    """An empty database. It is copied for each test: migrating takes longer than most of them."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", _MIGRATE, f"sqlite+aiosqlite:///{folder}/bot.db"], check=True)
        return (Path(folder) / "bot.db").read_bytes()


@asynccontextmanager
async def scripted_conversations(
    folder: Path, url: str = ""
) -> AsyncIterator[tuple[ScriptedAssistant, Conversations, Database]]:
    """By default on a database file in `folder`."""
    if url:
        database = Database(url)
        await database.migrate()
    else:
        file = folder / "bot.db"
        if not file.exists():
            file.write_bytes(migrated())
        database = Database(f"sqlite+aiosqlite:///{file}")
    assistant = ScriptedAssistant()
    store = ConversationStore(database, ConversationSettings(_env_file=None))
    try:
        yield assistant, Conversations(assistant, store, AnsweringSettings(_env_file=None), "default"), database
    finally:
        await database.close()
