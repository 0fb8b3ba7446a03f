"""What the Discord frontend keeps, known to every process and host"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "discord_guilds",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_discord_guilds")),
    )
    op.create_table(
        "discord_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("option", sa.String(length=32), nullable=False),
        sa.Column("became", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discord_changes")),
    )
    op.create_index(op.f("ix_discord_changes_guild_id_at"), "discord_changes", ["guild_id", "at"], unique=False)
    op.create_table(
        "discord_taken",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_discord_taken")),
    )
    op.create_index(op.f("ix_discord_taken_at"), "discord_taken", ["at"], unique=False)
    op.create_table(
        "discord_places",
        sa.Column("place_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("conversation_id", sa.String(length=128), nullable=False),
        sa.Column("asker_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("silenced", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("place_id", name=op.f("pk_discord_places")),
    )
    op.create_index(op.f("ix_discord_places_asker_id"), "discord_places", ["asker_id"], unique=False)
    op.create_table(
        "discord_people",
        sa.Column("answer_id", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=8), nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("answer_id", "what", name=op.f("pk_discord_people")),
    )
    op.create_index(op.f("ix_discord_people_user_id"), "discord_people", ["user_id"], unique=False)
    op.create_table(
        "discord_opted_out",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_discord_opted_out")),
    )
    op.create_table(
        "discord_spent",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "day", name=op.f("pk_discord_spent")),
    )
    op.create_table(
        "discord_seen",
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_discord_seen")),
    )
    op.create_table(
        "discord_answers",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("answer_id", sa.String(length=64), nullable=False),
        sa.Column("asker_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cited", sa.JSON(), nullable=False),
        sa.Column("marked_at", sa.DateTime(), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_discord_answers")),
    )
    op.create_index(op.f("ix_discord_answers_answer_id"), "discord_answers", ["answer_id"], unique=False)
    op.create_index(op.f("ix_discord_answers_asker_id"), "discord_answers", ["asker_id"], unique=False)
    op.create_index(op.f("ix_discord_answers_at"), "discord_answers", ["at"], unique=False)


def downgrade() -> None:
    for table in (
        "discord_answers",
        "discord_seen",
        "discord_spent",
        "discord_opted_out",
        "discord_people",
        "discord_places",
        "discord_taken",
        "discord_changes",
        "discord_guilds",
    ):
        op.drop_table(table)
