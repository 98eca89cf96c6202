"""The Cloud Pay API.

Going back forgets what repeated calls are answered with; the orders themselves stay.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0028_cloudpay.sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    op.execute("UPDATE pay_attempt SET method = 'jsapi' WHERE method NOT IN ('jsapi', 'code')")
    op.execute("ALTER TABLE pay_attempt DROP CONSTRAINT ck_pay_attempt_attemptmethod")
    op.execute(
        "ALTER TABLE pay_attempt ADD CONSTRAINT ck_pay_attempt_attemptmethod"
        " CHECK (method IN ('jsapi', 'code'))"
    )
    op.execute("DELETE FROM route WHERE kind = 'sub_mch'")
    for name in (
        *("cpay_md5", "key_used_at", "old_key_used_at", "md5_used_at"),
        *("authen_failed_at", "authen_failed_on", "authen_failures"),
    ):
        op.drop_column("merchant", name)
    op.drop_column("provider", "cpay_sign_public_key")
    op.drop_table("cpay_call")
