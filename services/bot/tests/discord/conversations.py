"""Real conversations over a temporary database, with a scripted assistant behind them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from askmesh_bot.conversations.service import Conversations
from askmesh_bot.conversations.store import ConversationStore
from askmesh_bot.database.engine import Database
from askmesh_bot.settings import AnsweringSettings, ConversationSettings

from .scripted import ScriptedAssistant


@asynccontextmanager
async def scripted_conversations(folder: Path) -> AsyncIterator[tuple[ScriptedAssistant, Conversations]]:
    database = Database(f"sqlite+aiosqlite:///{folder}/bot.db")
    await database.migrate()
    assistant = ScriptedAssistant()
    store = ConversationStore(database, ConversationSettings(_env_file=None))
    try:
        yield assistant, Conversations(assistant, store, AnsweringSettings(_env_file=None), "default")
    finally:
        await database.close()
