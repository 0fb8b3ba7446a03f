"""Golden answers: what an admin took for right"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "golden",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=128), nullable=False),
        sa.Column("asker", sa.String(length=128), nullable=False),
        sa.Column("collection", sa.String(length=64), nullable=False),
        sa.Column("audience", sa.JSON(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answerable", sa.Boolean(), nullable=False),
        sa.Column("key_facts", sa.JSON(), nullable=False),
        sa.Column("places", sa.JSON(), nullable=False),
        sa.Column("added_by", sa.String(length=128), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_golden")),
    )
    for column in ("conversation_id", "asker", "added_at"):
        op.create_index(op.f(f"ix_golden_{column}"), "golden", [column], unique=False)


def downgrade() -> None:
    for column in ("added_at", "asker", "conversation_id"):
        op.drop_index(op.f(f"ix_golden_{column}"), table_name="golden")
    op.drop_table("golden")
