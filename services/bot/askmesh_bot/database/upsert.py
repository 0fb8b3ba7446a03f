"""`INSERT … ON CONFLICT` in the database's own dialect: SQLite's and Postgres's are written alike."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase


def insert(session: AsyncSession, table: type[DeclarativeBase]) -> Any:
    """An insert statement that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    name = session.get_bind().dialect.name
    return postgresql.insert(table) if name == "postgresql" else sqlite.insert(table)
