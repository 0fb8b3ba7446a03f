"""Threads of Discord that are learned as they are written"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "discord_threads",
        sa.Column("thread_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("because", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("thread_id", name=op.f("pk_discord_threads")),
    )
    op.create_index(op.f("ix_discord_threads_channel_id"), "discord_threads", ["channel_id"], unique=False)
    op.create_table(
        "discord_thread_authors",
        sa.Column("thread_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("thread_id", "user_id", name=op.f("pk_discord_thread_authors")),
    )
    op.create_index(op.f("ix_discord_thread_authors_user_id"), "discord_thread_authors", ["user_id"], unique=False)
    op.create_table(
        "discord_live_channels",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("alive_at", sa.DateTime(), nullable=False),
        sa.Column("listing", sa.Boolean(), nullable=False),
        sa.Column("cursor", sa.DateTime(), nullable=True),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_discord_live_channels")),
    )


def downgrade() -> None:
    for table in ("discord_live_channels", "discord_thread_authors", "discord_threads"):
        op.drop_table(table)
