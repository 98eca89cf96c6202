"""Member cards, and the ledger of what they hold.

The ledger's own rules are triggers: a movement sums to zero, an entry is never changed, and a
card's balance is that of its last entries. Going back would drop what members are owed, so it is
refused while the ledger has an entry.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0009_member_cards.sql"
TABLES = (
    *("ledger_head", "ledger_seal", "ledger_tail", "ledger_entry", "card_code", "card_taking"),
    *("card_spend", "recharge", "member_card", "member", "card_release", "card_room"),
    *("card_terms", "card_tier", "card_program"),
)
FUNCTIONS = (
    *("ledger_refuse()", "ledger_balanced()", "card_entered()", "card_moved()"),
    "card_agrees(bigint, bigint)",
)


OLD_CASES = (
    *("amount_mismatch", "payee_mismatch", "unknown_trade", "paid_twice", "refund_notice"),
    *("no_answer", "refund_waiting", "refund_abnormal", "refund_mismatch", "refund_slow"),
    "paid_after_reverse",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT 1 FROM ledger_entry)")):
        raise RuntimeError("members are owed what the ledger says: this version cannot go back")
    for table in TABLES:
        op.drop_table(table)
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DELETE FROM money_case WHERE kind = 'ledger_broken'")
    name, listed = "ck_money_case_casekind", ", ".join(f"'{word}'" for word in OLD_CASES)
    op.execute(f"ALTER TABLE money_case DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE money_case ADD CONSTRAINT {name} CHECK (kind IN ({listed}))")
    op.drop_column("store", "disable_membership_card")
    op.drop_column("pay_order", "purpose")
