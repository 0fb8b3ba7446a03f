"""Run by Alembic, on the connection that askmesh_bot.database.migrate hands it."""

from alembic import context
from askmesh_bot.database import discord  # noqa: F401 - its tables belong to the metadata
from askmesh_bot.database.models import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
