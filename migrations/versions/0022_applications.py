"""买单: its providers and sub-merchants as it listed them; 特约商户进件: applications and papers.

Going back forgets every application with its papers, and what 买单 listed; merchants that were
made of either stay.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0022_applications.sql"
TABLES = (
    *("application_paper", "application", "maidan_part", "synced_device", "maidan_merchant"),
    *("maidan_provider", "maidan_link"),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
