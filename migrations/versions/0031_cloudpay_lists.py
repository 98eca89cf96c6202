"""Lists of the Cloud Pay API.

Going back loses nothing: whose refund it is stands at its order, too. Coming here reads every order
and keeps payments waiting for that time: an estimated minute and a half for ten million orders.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0031_cloudpay_lists.sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    op.drop_index("ix_pay_order_merchant_made", "pay_order")
    op.drop_index("ix_pay_order_merchant_paid", "pay_order")
    for name in ("is_second", "store_id", "merchant_id"):
        op.drop_column("refund", name)  # and the indexes and keys that name it
