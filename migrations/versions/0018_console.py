"""The console: accounts, what they may do, sessions; and long jobs.

Going back forgets every account of the console and what became of its jobs.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0018_console.sql"
TABLES = ("long_job_row", "long_job", "console_session", "console_member", "console_user")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
