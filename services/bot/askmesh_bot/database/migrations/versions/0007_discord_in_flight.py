"""Whether the answer to a message that was taken is done, and who writes it"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What was taken before counts as done, and so does what a process of the version before takes meanwhile.
    for column in (
        sa.Column("done", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("owner", sa.String(length=16), nullable=False, server_default=""),
        sa.Column("beat", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("again", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("kind", sa.String(length=16), nullable=False, server_default="message"),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("language", sa.String(length=16), nullable=False, server_default="en"),
        sa.Column("shown", sa.JSON(), nullable=False, server_default="[]"),
    ):
        op.add_column("discord_taken", column)
    op.create_index(op.f("ix_discord_taken_done"), "discord_taken", ["done"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_discord_taken_done"), table_name="discord_taken")
    with op.batch_alter_table("discord_taken", schema=None) as batch_op:
        for name in ("shown", "language", "channel_id", "kind", "again", "beat", "owner", "done"):
            batch_op.drop_column(name)
