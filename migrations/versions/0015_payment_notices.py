"""Notices to the people of a store when money arrives.

Going back forgets who chose what, and what could not be told; no money is in these tables.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0015_payment_notices.sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    for table in ("notice_verdict", "notice_choice", "notice_template", "payment_notice"):
        op.drop_table(table)
