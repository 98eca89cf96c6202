"""A merchant's second order prefix, and its own app at WeChat; a broken audit log is a case.

Logos of providers and merchants. Going back forgets all of it: tills that number their orders with
the second prefix are refused.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

OLD_CASES = (
    *("amount_mismatch", "payee_mismatch", "unknown_trade", "paid_twice", "refund_notice"),
    *("refund_waiting", "refund_abnormal", "refund_mismatch", "refund_slow"),
    *("paid_after_reverse", "ledger_broken", "payout_overdue", "no_answer"),
)
SQL = Path(__file__).parents[1] / "sql" / "0027_second_prefix.sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    op.drop_column("provider", "logo_id")
    op.drop_column("merchant", "logo_id")
    op.drop_table("logo")
    op.drop_column("merchant", "wechat_sub_appid")
    op.drop_column("merchant", "second_prefix")
    op.execute("DELETE FROM money_case WHERE kind = 'audit_broken'")
    name, listed = "ck_money_case_casekind", ", ".join(f"'{word}'" for word in OLD_CASES)
    op.execute(f"ALTER TABLE money_case DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE money_case ADD CONSTRAINT {name} CHECK (kind IN ({listed}))")
