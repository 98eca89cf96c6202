"""Payments by the way that they came, and deposits by what is still held.

Going back drops what is added up by way: it is made of orders and refunds, and coming here again
counts it anew. Counting reads every paid order once and keeps payments waiting for that time: about
half a minute for ten million orders. What an older version of the product takes after it counts for
the payer's own page; `flask totals verify --repair` puts that right.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0034_ways_and_open_deposits.sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    for name in ("store", "open", "all_open", "wallet"):
        op.drop_index(f"ix_deposit_freeze_{name}", "deposit_freeze")
    op.drop_table("way_total")
    op.drop_column("day_delta", "way")
