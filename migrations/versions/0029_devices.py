"""Devices of stores, their keys and reports, and the shops' own numbers.

Going back forgets which device is bound to which store: each has to be bound again.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0029_devices.sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    op.execute("DELETE FROM route WHERE kind = 'device'")
    op.drop_index("uq_store_own_number", "store")
    op.drop_column("store", "own_number")
    for name in (
        *("till_telemetry", "device_report", "till_login", "device_binding"),
        *("device_setting", "device_key", "device"),
    ):
        op.drop_table(name)
