"""Calls to providers' own systems, with their due times; the provider's own key.

Going back drops the addresses, the keys (receivers hold them: they would have to be given new
ones) and every call that was not delivered.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _kind(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.add_column("provider", sa.Column("seal_key", sa.String(64), nullable=True))
    op.add_column("provider", sa.Column("authen_key_sealed", sa.String(512), nullable=True))
    op.add_column("provider", sa.Column("callback_url", sa.String(512), nullable=True))
    for name in ("callback_is_active", "callback_on_refund"):
        op.add_column(
            "provider", sa.Column(name, sa.Boolean(), server_default="false", nullable=False)
        )
    op.create_check_constraint(
        op.f("ck_provider_active_callback_has_address_and_key"),
        "provider",
        "NOT callback_is_active OR (callback_url IS NOT NULL AND authen_key_sealed IS NOT NULL)",
    )
    op.create_table(
        "callback",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("event", _kind("callbackevent", "pay_success", "refund_success"), nullable=False),
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("refund_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "status", _kind("callbackstatus", "pending", "delivered", "dead"), nullable=False
        ),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("replays", sa.Integer(), nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_code", sa.String(32), nullable=True),
        sa.Column("last_error", sa.String(256), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'pending') = (due_at IS NOT NULL)",
            name=op.f("ck_callback_pending_has_due_time"),
        ),
        sa.CheckConstraint(
            "(event = 'refund_success') = (refund_id IS NOT NULL)",
            name=op.f("ck_callback_refund_has_refund"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "order_id"],
            ["pay_order.provider_id", "pay_order.id"],
            name=op.f("fk_callback_provider_id"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "refund_id"],
            ["refund.provider_id", "refund.id"],
            name=op.f("fk_callback_refund"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_callback")),
        sa.UniqueConstraint(
            "provider_id", "event", "number", name=op.f("uq_callback_provider_id_event_number")
        ),
    )
    op.create_index(
        "ix_callback_due",
        "callback",
        ["provider_id", "due_at", "id"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_callback_dead",
        "callback",
        ["provider_id", "id"],
        postgresql_where=sa.text("status = 'dead' AND dismissed_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("callback")
    op.drop_constraint(
        op.f("ck_provider_active_callback_has_address_and_key"), "provider", type_="check"
    )
    for name in ("callback_on_refund", "callback_is_active", "callback_url"):
        op.drop_column("provider", name)
    op.drop_column("provider", "authen_key_sealed")
    op.drop_column("provider", "seal_key")
