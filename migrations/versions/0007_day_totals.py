"""Takings per store, wallet and day, kept beside the orders; the order list's further indexes.

Going back drops the totals: they are made of orders and refunds, and coming here again counts them
anew. Counting reads every order once and building the indexes keeps writers of orders waiting:
about a minute for ten million orders. Payments that an older version of the product takes while
this runs, or after it, are missing from the totals until `flask totals verify --repair`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

FIGURES = ("paid_count", "paid_fen", "refund_count", "refund_fen", "returned_fen", "last_order_id")
PAID_ON = "CAST(o.paid_at AT TIME ZONE 'Asia/Shanghai' AS date)"
MADE_ON = "CAST(o.created_at AT TIME ZONE 'Asia/Shanghai' AS date)"
BACK_ON = "CAST(r.succeeded_at AT TIME ZONE 'Asia/Shanghai' AS date)"
REFUNDS = """
FROM refund r
JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id
JOIN pay_order o ON o.provider_id = r.provider_id AND o.id = r.order_id
WHERE r.status = 'success' AND a.transaction_id IS NOT DISTINCT FROM o.transaction_id
"""
COUNT = f"""
INSERT INTO day_total (provider_id, merchant_id, day_on, store_id, channel, {", ".join(FIGURES)})
SELECT provider_id, merchant_id, day_on, store_id, channel, sum(paid_count), sum(paid_fen),
    sum(refund_count), sum(refund_fen), sum(returned_fen), max(last_order_id)
FROM (
    SELECT o.provider_id, o.merchant_id, {PAID_ON} AS day_on, o.store_id, o.channel,
        count(*) AS paid_count, sum(o.amount_fen) AS paid_fen, 0 AS refund_count,
        0 AS refund_fen, 0 AS returned_fen,
        COALESCE(max(o.id) FILTER (WHERE {PAID_ON} = {MADE_ON}), 0) AS last_order_id
    FROM pay_order o WHERE o.status = 'paid' GROUP BY 1, 2, 3, 4, 5
    UNION ALL
    SELECT o.provider_id, o.merchant_id, {BACK_ON}, o.store_id, o.channel,
        0, 0, 1, r.amount_fen, 0, 0 {REFUNDS}
    UNION ALL
    SELECT o.provider_id, o.merchant_id, {PAID_ON}, o.store_id, o.channel,
        0, 0, 0, 0, r.amount_fen, 0 {REFUNDS}
) parts GROUP BY provider_id, merchant_id, day_on, store_id, channel
"""
NEWEST = sa.text("id DESC")
LIST_INDEXES = (
    ("ix_pay_order_store_newest", "store_id", None),
    ("ix_pay_order_merchant_refunded", "merchant_id", "refunded_fen > 0"),
    ("ix_pay_order_store_refunded", "store_id", "refunded_fen > 0"),
    ("ix_pay_order_merchant_open", "merchant_id", "status IN ('created', 'paying')"),
)


def _table(name: str, *key: sa.schema.SchemaItem, numbered: bool) -> None:
    number = sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False)
    op.create_table(
        name,
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        *([number] if numbered else []),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        *(sa.Column(figure, sa.BigInteger(), nullable=False) for figure in FIGURES),
        *key,
    )


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    _table(
        "day_total",
        sa.ForeignKeyConstraint(
            ["provider_id", "merchant_id"],
            ["merchant.provider_id", "merchant.id"],
            name=op.f("fk_day_total_provider_id_merchant_id"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "store_id"],
            ["store.provider_id", "store.id"],
            name=op.f("fk_day_total_provider_id_store_id"),
        ),
        sa.PrimaryKeyConstraint(
            *("provider_id", "merchant_id", "day_on", "store_id", "channel"),
            name=op.f("pk_day_total"),
        ),
        numbered=False,
    )
    _table(
        "day_delta",
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_day_delta")),
        numbered=True,
    )
    op.create_index(
        "ix_day_delta_merchant_day", "day_delta", ["provider_id", "merchant_id", "day_on"]
    )
    for name, column, where in LIST_INDEXES:
        op.create_index(
            name,
            "pay_order",
            ["provider_id", column, NEWEST],
            postgresql_where=sa.text(where) if where else None,
        )
    op.create_index(
        "ix_refund_wallet_number",
        "refund",
        ["provider_id", "refund_id"],
        postgresql_where=sa.text("refund_id IS NOT NULL"),
    )
    op.execute(COUNT)


def downgrade() -> None:
    op.drop_index("ix_refund_wallet_number", table_name="refund")
    for name, _, _ in reversed(LIST_INDEXES):
        op.drop_index(name, table_name="pay_order")
    op.drop_table("day_delta")
    op.drop_table("day_total")
