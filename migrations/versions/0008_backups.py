"""Restored backups: the mark in numbers made since, and whether the wallets have been asked.

Going back forgets which marks were used: refund numbers made after it could meet older ones of the
same order. Only where no row is in `restored_backup` is nothing lost.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "restored_backup",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("mark", sa.String(3), nullable=False),
        sa.Column("snapshot_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("restored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resynced_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "mark ~ '^[a-z]{3}$'", name=op.f("ck_restored_backup_mark_is_three_letters")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restored_backup")),
        sa.UniqueConstraint("mark", name=op.f("uq_restored_backup_mark")),
    )


def downgrade() -> None:
    op.drop_table("restored_backup")
