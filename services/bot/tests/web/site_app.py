"""The real app, served on loopback, with a scripted assistant in the place of the grounded one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from askmesh_bot.answering.base import Event
from askmesh_bot.app import create_app
from bot_mesh import Server, bot_settings
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from .scripted import Gate, ScriptedAssistant

# A port that nothing listens on: the scripted assistant asks no peer.
_NOWHERE = "http://127.0.0.1:9"


class Site:
    """A running bot: its address, what its assistant says, and its database."""

    def __init__(self, server: Server, assistant: ScriptedAssistant, database: Path) -> None:
        self.url, self.assistant = server.url, assistant
        self._engine = create_engine(f"sqlite:///{database}")

    def script(self, question: str, steps: Sequence[Event | Gate]) -> None:
        """What the assistant says to that question; nothing: the plain answer."""
        self.assistant.scripts[question] = steps

    def add_rows(self, rows: Sequence[Any]) -> None:
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            session.add_all(rows)

    def remove_rows(self, rows: Sequence[Any]) -> None:
        with Session(self._engine) as session, session.begin():
            for row in rows:
                session.delete(row)

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def start_site(folder: Path, **values: Any) -> Iterator[Site]:
    """Serve the app until the block ends."""
    assistant = ScriptedAssistant()
    settings = bot_settings(folder, embeddings=_NOWHERE, vectordb=_NOWHERE, llm=_NOWHERE, **values)

    def create():
        with patch("askmesh_bot.app.GroundedAssistant", lambda **_: assistant):
            return create_app(settings.model_copy(update={"port": server.port}))

    server = Server(create)
    site = Site(server, assistant, folder / "bot.db")
    try:
        server.start()
        yield site
    finally:
        site.close()
        server.close()
