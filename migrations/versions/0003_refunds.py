"""Refunds, with their room on the attempt.

Going back drops every refund: only where none was made.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OLD_CASES = (
    "amount_mismatch",
    "payee_mismatch",
    "unknown_trade",
    "paid_twice",
    "refund_notice",
    "no_answer",
)
NEW_CASES = ("refund_waiting", "refund_abnormal", "refund_mismatch", "refund_slow")
STATUSES = (
    *("created", "processing", "unknown", "waiting"),
    *("success", "failed", "abnormal", "void"),
)


def _case_kinds(kinds: tuple[str, ...]) -> None:
    op.execute("ALTER TABLE money_case DROP CONSTRAINT ck_money_case_casekind")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    checked = f"CHECK (kind IN ({listed}))"
    op.execute(f"ALTER TABLE money_case ADD CONSTRAINT ck_money_case_casekind {checked}")


def upgrade() -> None:
    for name in ("held_fen", "refunded_fen"):
        op.add_column(
            "pay_attempt", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
        )
    op.create_check_constraint(
        op.f("ck_pay_attempt_room_for_refunds"),
        "pay_attempt",
        "held_fen BETWEEN refunded_fen AND amount_fen",
    )
    op.create_check_constraint(
        op.f("ck_pay_attempt_only_paid_is_refunded"),
        "pay_attempt",
        "held_fen = 0 OR status = 'paid'",
    )
    _case_kinds(OLD_CASES + NEW_CASES)
    op.add_column(
        "money_case", sa.Column("healed", sa.Boolean(), server_default="false", nullable=False)
    )
    op.create_table(
        "refund",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=False),
        sa.Column("out_refund_no", sa.String(length=32), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                *STATUSES,
                name="refundstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("allowed_by", sa.String(length=64), nullable=False),
        sa.Column("upstream_code", sa.String(length=64), nullable=True),
        sa.Column("upstream_message", sa.String(length=256), nullable=True),
        sa.Column("refund_id", sa.String(length=64), nullable=True),
        sa.Column("raw_state", sa.String(length=32), nullable=True),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "amount_fen BETWEEN 1 AND 2147483647", name=op.f("ck_refund_amount_in_range")
        ),
        sa.CheckConstraint(
            "due_at IS NOT NULL OR NOT (status IN ('created', 'processing', 'unknown'))",
            name=op.f("ck_refund_open_is_looked_at_again"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "order_id"],
            ["pay_order.provider_id", "pay_order.id"],
            name=op.f("fk_refund_provider_id"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "attempt_id"],
            ["pay_attempt.provider_id", "pay_attempt.id"],
            name=op.f("fk_refund_attempt"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_refund")),
        sa.UniqueConstraint(
            "provider_id", "out_refund_no", name=op.f("uq_refund_provider_id_out_refund_no")
        ),
    )
    op.create_index(
        "ix_refund_due",
        "refund",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_refund_order", "refund", ["provider_id", "order_id"], unique=False)


def downgrade() -> None:
    op.drop_table("refund")
    op.execute("DELETE FROM money_case WHERE kind LIKE 'refund_%' AND kind <> 'refund_notice'")
    _case_kinds(OLD_CASES)
    op.drop_column("money_case", "healed")
    op.drop_constraint(op.f("ck_pay_attempt_only_paid_is_refunded"), "pay_attempt")
    op.drop_constraint(op.f("ck_pay_attempt_room_for_refunds"), "pay_attempt")
    op.drop_column("pay_attempt", "refunded_fen")
    op.drop_column("pay_attempt", "held_fen")
