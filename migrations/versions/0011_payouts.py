"""Giving the unused paid balance of a card back, in parts, by a day.

Going back drops the requests and who paid what by hand, so it is refused while there is one.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0011_payouts.sql"
OLD_CASES = (
    *("amount_mismatch", "payee_mismatch", "unknown_trade", "paid_twice", "refund_notice"),
    *("no_answer", "refund_waiting", "refund_abnormal", "refund_mismatch", "refund_slow"),
    *("paid_after_reverse", "ledger_broken"),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT 1 FROM card_payout)")):
        raise RuntimeError("money was given back: this version cannot forget to whom and how")
    op.drop_index("ix_member_card_bonus_expires_on", "member_card")
    op.drop_table("card_payout_part")
    op.drop_table("card_payout")
    op.execute("DELETE FROM money_case WHERE kind = 'payout_overdue'")
    name, listed = "ck_money_case_casekind", ", ".join(f"'{word}'" for word in OLD_CASES)
    op.execute(f"ALTER TABLE money_case DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE money_case ADD CONSTRAINT {name} CHECK (kind IN ({listed}))")
