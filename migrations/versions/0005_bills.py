"""The wallets' daily bills and their differences from our books.

Going back drops bills and cases: what people explained is lost, payments and refunds are not.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BILL = ("wanted", "fetching", "loaded", "empty", "matched", "broken")
SUBJECT = ("trade", "refund")
KIND = ("missing_here", "missing_there", "amount", "state", "duplicate", "foreign")
CASE = ("waiting", "found", "healed", "explained", "closed")


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _big(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _time(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(table: str) -> list[sa.Column[int] | sa.Constraint]:
    return [
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f(f"pk_{table}")),
    ]


def _of_bill(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["provider_id", "bill_id"],
        ["bill.provider_id", "bill.id"],
        name=op.f(f"fk_{table}_provider_id_bill_id"),
    )


def _sums() -> list[sa.Column[int]]:
    return [
        _whole("trades"),
        _big("trade_fen"),
        _whole("refunds"),
        _big("refund_fen"),
        _big("fee_millifen"),
    ]


def upgrade() -> None:
    op.create_table(
        "bill",
        *_key("bill"),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        _big("merchant_id", nullable=True),
        sa.Column("bill_on", sa.Date(), nullable=False),
        sa.Column("status", _words("billstatus", BILL), nullable=False),
        _time("due_at"),
        _whole("tries"),
        sa.Column("said", sa.String(128), nullable=True),
        sa.Column("rows_name", sa.String(32), nullable=True),
        sa.Column("broken_line", sa.Integer(), nullable=True),
        sa.Column("broken_reason", sa.String(256), nullable=True),
        *_sums(),
        _whole("elsewhere"),
        _whole("differences"),
        _whole("rounds"),
        _time("created_at", nullable=False),
        _time("loaded_at"),
        _time("matched_at"),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name=op.f("fk_bill_provider_id")),
        sa.ForeignKeyConstraint(
            ["provider_id", "merchant_id"],
            ["merchant.provider_id", "merchant.id"],
            name=op.f("fk_bill_provider_id_merchant_id"),
        ),
        sa.UniqueConstraint(
            "provider_id",
            "channel",
            "account",
            "bill_on",
            name=op.f("uq_bill_provider_id_channel_account_bill_on"),
        ),
    )
    due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_bill_due", "bill", ["due_at"], postgresql_where=due)
    op.create_table(
        "bill_payee",
        *_key("bill_payee"),
        _big("bill_id"),
        sa.Column("payee", sa.String(32), nullable=False),
        *_sums(),
        _of_bill("bill_payee"),
        sa.UniqueConstraint(
            "provider_id", "bill_id", "payee", name=op.f("uq_bill_payee_provider_id_bill_id_payee")
        ),
    )
    op.create_table(
        "bill_stray",
        *_key("bill_stray"),
        _big("bill_id"),
        sa.Column("subject", _words("billsubject", SUBJECT), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        _of_bill("bill_stray"),
        sa.UniqueConstraint(
            "provider_id",
            "bill_id",
            "subject",
            "number",
            name=op.f("uq_bill_stray_provider_id_bill_id_subject_number"),
        ),
    )
    op.create_index("ix_bill_stray_number", "bill_stray", ["provider_id", "subject", "number"])
    _cases(due)
    # A day's payments and refunds, for its match.
    for table, column in (("pay_attempt", "paid_at"), ("refund", "succeeded_at")):
        op.create_index(
            f"ix_{table}_{column}",
            table,
            ["provider_id", column],
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )


def _cases(due: sa.TextClause) -> None:
    op.create_table(
        "bill_case",
        *_key("bill_case"),
        _big("bill_id"),
        sa.Column("kind", _words("differencekind", KIND), nullable=False),
        sa.Column("subject", _words("billsubject", SUBJECT), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("status", _words("billcasestatus", CASE), nullable=False),
        sa.Column("payee", sa.String(32), nullable=True),
        _big("order_id", nullable=True),
        _big("bill_fen", nullable=True),
        _big("our_fen", nullable=True),
        sa.Column("facts", JSONB(), nullable=False),
        _time("due_at"),
        _whole("tries"),
        _whole("round"),
        _time("found_at", nullable=False),
        _time("healed_at"),
        sa.Column("healed_by", sa.String(64), nullable=True),
        sa.Column("reason", sa.String(256), server_default="", nullable=False),
        _time("explained_at"),
        sa.Column("explained_by", sa.String(64), nullable=True),
        _time("closed_at"),
        sa.Column("closed_by", sa.String(64), nullable=True),
        sa.CheckConstraint(
            "status <> 'explained' OR (length(reason) > 0 AND explained_by IS NOT NULL)",
            name=op.f("ck_bill_case_explained_by_somebody"),
        ),
        _of_bill("bill_case"),
        sa.ForeignKeyConstraint(
            ["provider_id", "order_id"],
            ["pay_order.provider_id", "pay_order.id"],
            name=op.f("fk_bill_case_provider_id_order_id"),
        ),
        sa.UniqueConstraint(
            "provider_id",
            "bill_id",
            "kind",
            "subject",
            "number",
            name=op.f("uq_bill_case_provider_id_bill_id_kind_subject_number"),
        ),
    )
    op.create_index("ix_bill_case_due", "bill_case", ["due_at"], postgresql_where=due)
    op.create_index("ix_bill_case_status", "bill_case", ["provider_id", "status"])


def downgrade() -> None:
    op.drop_index("ix_refund_succeeded_at", "refund")
    op.drop_index("ix_pay_attempt_paid_at", "pay_attempt")
    for table in ("bill_case", "bill_stray", "bill_payee", "bill"):
        op.drop_table(table)
