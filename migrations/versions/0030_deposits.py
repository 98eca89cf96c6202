"""Deposits: holds at a wallet, their consumptions and releases.

Going back forgets what is held: only where nothing is, for the payers' money stays at the wallets.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

OLD_METHODS = ("jsapi", "code", "native", "h5", "app", "mini")
OLD_CASES = (
    *("amount_mismatch", "payee_mismatch", "unknown_trade", "paid_twice", "refund_notice"),
    *("refund_waiting", "refund_abnormal", "refund_mismatch", "refund_slow"),
    *("paid_after_reverse", "ledger_broken", "audit_broken", "payout_overdue", "no_answer"),
)
SQL = Path(__file__).parents[1] / "sql" / "0030_deposits.sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    op.execute("DELETE FROM money_case WHERE kind IN ('deposit_mismatch', 'deposit_ends')")
    op.execute("UPDATE pay_attempt SET method = 'code' WHERE method = 'deposit'")
    for table, name, column, words in (
        ("money_case", "ck_money_case_casekind", "kind", OLD_CASES),
        ("pay_attempt", "ck_pay_attempt_attemptmethod", "method", OLD_METHODS),
    ):
        listed = ", ".join(f"'{word}'" for word in words)
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN ({listed}))")
    op.drop_table("deposit_move")
    op.drop_table("deposit_freeze")
