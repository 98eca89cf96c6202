"""After payment: ads with every version that was shown, their counts, and the page to go to.

Going back forgets every ad, who approved it and what was counted: export the audit log first.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0023_after_payment.sql"
TABLES = ("after_page", "ad_view", "ad_day", "ad_version", "ad", "ad_picture")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
