"""Whose pay code an order was made at.

Orders of before keep none: they count under 「没有分到人」. Going back forgets whose they were, and
nothing of the money.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0017_order_staff.sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    op.drop_index("ix_pay_order_staff_newest", "pay_order")
    op.drop_column("pay_order", "staff_id")
