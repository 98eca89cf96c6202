"""What the checks of the configuration found; further particulars of a provider.

Going back forgets both.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0020_config_health.sql"
COLUMNS = (
    *("short_name", "admin_name", "admin_phone_sealed", "remark"),
    *("wechat_rebate_bp", "alipay_rebate_bp"),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    op.drop_table("health_finding")
    for column in COLUMNS:
        op.drop_column("provider", column)
