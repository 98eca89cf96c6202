"""Payment codes (付款码): what a payer shows and a till scans.

Going back makes every code payment look like a page's, and its reversal like an expiry: only where
none was made.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

METHODS = ("jsapi", "code")
OLD_REASONS = ("expired", "cancelled", "rejected", "void")
OLD_CASES = (
    *("amount_mismatch", "payee_mismatch", "unknown_trade", "paid_twice", "refund_notice"),
    *("no_answer", "refund_waiting", "refund_abnormal", "refund_mismatch", "refund_slow"),
)


def _listed(table: str, name: str, column: str, words: tuple[str, ...]) -> None:
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    listed = ", ".join(f"'{word}'" for word in words)
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN ({listed}))")


def upgrade() -> None:
    op.add_column(
        "pay_attempt",
        sa.Column(
            "method",
            sa.Enum(
                *METHODS,
                name="attemptmethod",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="jsapi",
            nullable=False,
        ),
    )
    for name in ("reverse_asked_at", "reversed_at"):
        op.add_column("pay_attempt", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    reasons = (*OLD_REASONS, "reversed")
    _listed("pay_order", "ck_pay_order_closereason", "close_reason", reasons)
    _listed("money_case", "ck_money_case_casekind", "kind", (*OLD_CASES, "paid_after_reverse"))


def downgrade() -> None:
    op.execute("DELETE FROM money_case WHERE kind = 'paid_after_reverse'")
    _listed("money_case", "ck_money_case_casekind", "kind", OLD_CASES)
    op.execute("UPDATE pay_order SET close_reason = 'expired' WHERE close_reason = 'reversed'")
    _listed("pay_order", "ck_pay_order_closereason", "close_reason", OLD_REASONS)
    for name in ("reversed_at", "reverse_asked_at", "method"):
        op.drop_column("pay_attempt", name)
