"""What the merchant's pages write down about stores and codes.

Going back forgets where stores are and reopens none: a paused or deleted store stays switched off.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0014_shop_pages.sql"
COLUMNS = (
    *("takes_remark", "province", "city", "district", "address", "phone", "longitude", "latitude"),
    *("receive_notify_after_duty", "send_micro_pay_notify", "paused_at", "deleted_at"),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    op.drop_index("ix_pay_code_store", "pay_code")
    op.drop_column("pay_code", "bound_at")
    op.drop_index("ix_store_merchant", "store")
    op.drop_constraint("ck_store_open_is_active", "store")
    for column in COLUMNS:
        op.drop_column("store", column)
