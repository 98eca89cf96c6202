"""Devices that were unbound trade no more; how strict the API is about a merchant's devices.

Going back forgets which device was unbound: all of them trade by the merchant's key again.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0033_device_trades.sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    op.drop_column("merchant", "device_rule")
    for name in ("refused_why", "refused_at", "unbound_at"):
        op.drop_column("device", name)
