"""Feedback of everyone, the sources that were chosen, which answers hold words of which threads, and learned replies"""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BATCH = 500


def upgrade() -> None:
    op.add_column("answers", sa.Column("sources", sa.JSON(), nullable=False, server_default="[]"))
    _let_everyone_rate()
    op.create_table(
        "answer_threads",
        sa.Column("answer_id", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("document", sa.String(length=512), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["answers.id"], name=op.f("fk_answer_threads_answer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("answer_id", "source", "document", name=op.f("pk_answer_threads")),
    )
    op.create_index(op.f("ix_answer_threads_source_document"), "answer_threads", ["source", "document"], unique=False)
    _note_threads()
    op.add_column("discord_threads", sa.Column("replies", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("discord_live_channels", sa.Column("read_before", sa.BigInteger(), nullable=True))
    op.create_table(
        "discord_replies",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("thread_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_discord_replies")),
    )
    op.create_index(op.f("ix_discord_replies_thread_id"), "discord_replies", ["thread_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_discord_replies_thread_id"), table_name="discord_replies")
    op.drop_table("discord_replies")
    # What the version before does not know is learned no more, and forgotten when the channel's learning is switched off.
    op.execute("DELETE FROM discord_threads WHERE replies")
    op.drop_column("discord_threads", "replies")
    op.drop_column("discord_live_channels", "read_before")
    op.drop_index(op.f("ix_answer_threads_source_document"), table_name="answer_threads")
    op.drop_table("answer_threads")
    _keep_one_verdict()
    # Not in a batch: that would make the table anew, and what refers to it would go.
    op.drop_column("answers", "sources")


def _feedback(name: str, *more: sa.Column[Any]) -> sa.Table:
    """The table of feedback; `more` columns are part of its key."""
    return op.create_table(
        name,
        sa.Column("answer_id", sa.String(length=64), nullable=False),
        *more,
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name=op.f("fk_feedback_answer_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("answer_id", *(column.name for column in more), name=op.f("pk_feedback")),
    )


def _let_everyone_rate() -> None:
    """Who rated on Discord was noted apart."""
    op.rename_table("feedback", "feedback_of_one")
    if op.get_bind().dialect.name == "postgresql":
        # Constraints keep their names with their table.
        for name in ("pk_feedback", "fk_feedback_answer_id"):
            op.execute(f"ALTER TABLE feedback_of_one DROP CONSTRAINT IF EXISTS {name}")
    _feedback("feedback", sa.Column("rater", sa.String(length=128), nullable=False, server_default=""))
    op.execute(
        "INSERT INTO feedback (answer_id, rater, verdict, reason, created_at)"
        " SELECT one.answer_id, COALESCE('discord:' || CAST(person.user_id AS VARCHAR(20)), ''), one.verdict, one.reason,"
        " one.created_at FROM feedback_of_one AS one LEFT JOIN discord_people AS person"
        " ON person.answer_id = one.answer_id AND person.what = 'rated'"
    )
    op.drop_table("feedback_of_one")
    op.execute("DELETE FROM discord_people WHERE what = 'rated'")


def _keep_one_verdict() -> None:
    """The latest counts again."""
    op.rename_table("feedback", "feedback_of_all")
    if op.get_bind().dialect.name == "postgresql":
        for name in ("pk_feedback", "fk_feedback_answer_id"):
            op.execute(f"ALTER TABLE feedback_of_all DROP CONSTRAINT IF EXISTS {name}")
    _feedback("feedback")
    op.execute(
        "INSERT INTO feedback (answer_id, verdict, reason, created_at)"
        " SELECT answer_id, verdict, reason, created_at FROM feedback_of_all AS latest WHERE NOT EXISTS"
        " (SELECT 1 FROM feedback_of_all AS later WHERE later.answer_id = latest.answer_id AND"
        " (later.created_at, later.rater) > (latest.created_at, latest.rater))"
    )
    op.drop_table("feedback_of_all")


def _note_threads() -> None:
    answers = sa.table("answers", sa.column("id", sa.String), sa.column("passages", sa.JSON))
    threads = sa.table("answer_threads", sa.column("answer_id"), sa.column("source"), sa.column("document"))
    bind, after = op.get_bind(), ""
    while rows := bind.execute(
        sa.select(answers.c.id, answers.c.passages).where(answers.c.id > after).order_by(answers.c.id).limit(_BATCH)
    ).all():
        after = rows[-1][0]
        found = [
            {"answer_id": answer_id, "source": source, "document": document}
            for answer_id, passages in rows
            for source, document in sorted(_threads(passages))
        ]
        if found:
            bind.execute(sa.insert(threads), found)


def _threads(passages: Iterable[dict[str, Any]]) -> set[tuple[str, str]]:
    return {
        (str(passage["source"]), str(passage["document"])) for passage in passages if passage.get("kind") == "thread"
    }
