"""The Gold Plan: what we told WeChat about each merchant, and what receipts prove.

Going back forgets it; WeChat has no way to ask, so every switch has to be set anew.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0024_gold_plan.sql"
TABLES = ("gold_plan_setting", "gold_plan")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
