"""First tables: providers, merchants, stores, codes, orders, attempts, people, sessions, events.

Going back drops every table and with them all orders: only on an empty installation.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "heartbeat",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fencing", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "nonce_seen",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider_id", "merchant_id", "nonce", name=op.f("pk_nonce_seen")),
    )
    op.create_table(
        "oauth_state",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("session_hash", sa.String(length=64), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("target", sa.String(length=2048), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_oauth_state")),
    )
    op.create_index("ix_oauth_state_expiry", "oauth_state", ["expires_at"], unique=False)
    op.create_table(
        "provider",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("out_mch_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column(
            "oa_state",
            sa.Enum(
                "authorized",
                "not_authorized",
                "not_verified",
                "scope_denied",
                name="oastate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("max_fen", sa.BigInteger(), nullable=True),
        sa.Column("follow_url", sa.String(length=512), nullable=True),
        sa.Column("account_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider")),
        sa.UniqueConstraint("out_mch_id", name=op.f("uq_provider_out_mch_id")),
    )
    op.create_table(
        "route",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=24), nullable=True),
        sa.PrimaryKeyConstraint("kind", "external_id", name=op.f("pk_route")),
    )
    op.create_table(
        "upstream_quota",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("operation", sa.String(length=32), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "provider_id", "operation", "minute", name=op.f("pk_upstream_quota")
        ),
    )
    op.create_table(
        "web_session",
        sa.Column("id_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("wechat_person_id", sa.BigInteger(), nullable=True),
        sa.Column("alipay_person_id", sa.BigInteger(), nullable=True),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_web_session")),
    )
    op.create_index("ix_web_session_expiry", "web_session", ["expires_at"], unique=False)
    op.create_table(
        "audit_entry",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=48), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_audit_entry_provider_id")
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_audit_entry")),
    )
    op.create_index(
        "ix_audit_entry_subject",
        "audit_entry",
        ["provider_id", "subject", sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_table(
        "channel_account",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_channel_account_provider_id")
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_channel_account")),
        sa.UniqueConstraint(
            "provider_id",
            "channel",
            "kind",
            "merchant_id",
            name=op.f("uq_channel_account_provider_id_channel_kind_merchant_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "merchant",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("out_sub_mch_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("short_name", sa.String(length=32), nullable=False),
        sa.Column("order_prefix", sa.String(length=10), nullable=False),
        sa.Column("sub_provider_id", sa.BigInteger(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("wechat_sub_mchid", sa.String(length=32), nullable=True),
        sa.Column("alipay_pid", sa.String(length=32), nullable=True),
        sa.Column(
            "alipay_state",
            sa.Enum(
                "none",
                "valid",
                "expired",
                "revoked",
                name="grantstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("alipay_wap", sa.Boolean(), nullable=False),
        sa.Column("unsigned_links", sa.Boolean(), nullable=False),
        sa.Column("seal_key", sa.String(length=64), nullable=False),
        sa.Column("authen_key_sealed", sa.String(length=512), nullable=False),
        sa.Column("min_fen", sa.BigInteger(), nullable=True),
        sa.Column("max_fen", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_merchant_provider_id")
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_merchant")),
        sa.UniqueConstraint(
            "provider_id", "order_prefix", name=op.f("uq_merchant_provider_id_order_prefix")
        ),
        sa.UniqueConstraint(
            "provider_id", "out_sub_mch_id", name=op.f("uq_merchant_provider_id_out_sub_mch_id")
        ),
    )
    op.create_table(
        "money_case",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "amount_mismatch",
                "payee_mismatch",
                "unknown_trade",
                "paid_twice",
                "refund_notice",
                "no_answer",
                name="casekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("dedupe_key", sa.String(length=96), nullable=False),
        sa.Column("out_trade_no", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_money_case_provider_id")
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_money_case")),
        sa.UniqueConstraint(
            "provider_id", "dedupe_key", name=op.f("uq_money_case_provider_id_dedupe_key")
        ),
    )
    op.create_table(
        "person",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("app", sa.String(length=32), nullable=False),
        sa.Column("subject_hash", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.String(length=512), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_person_provider_id")
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_person")),
        sa.UniqueConstraint(
            "provider_id", "subject_hash", name=op.f("uq_person_provider_id_subject_hash")
        ),
    )
    op.create_table(
        "upstream_event",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("dedupe_key", sa.String(length=80), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("out_trade_no", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_upstream_event_provider_id")
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_upstream_event")),
        sa.UniqueConstraint(
            "provider_id",
            "channel",
            "dedupe_key",
            name=op.f("uq_upstream_event_provider_id_channel_dedupe_key"),
        ),
    )
    op.create_table(
        "credential",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("seal_key", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_id", "account_id"],
            ["channel_account.provider_id", "channel_account.id"],
            name=op.f("fk_credential_provider_id_account_id"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_credential")),
    )
    op.create_index(
        "ix_credential_live", "credential", ["provider_id", "account_id", "kind"], unique=False
    )
    op.create_table(
        "store",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("out_shop_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("branch_name", sa.String(length=32), nullable=False),
        sa.Column("store_group_id", sa.BigInteger(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("opens_at", sa.Time(), nullable=True),
        sa.Column("closes_at", sa.Time(), nullable=True),
        sa.Column(
            "page_mode",
            sa.Enum(
                "default",
                "total_plus_undiscountable",
                "consume_plus_deposit",
                name="pagemode",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("goods_tag", sa.String(length=32), nullable=True),
        sa.Column("min_fen", sa.BigInteger(), nullable=True),
        sa.Column("max_fen", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "merchant_id"],
            ["merchant.provider_id", "merchant.id"],
            name=op.f("fk_store_provider_id_merchant_id"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_store")),
        sa.UniqueConstraint(
            "provider_id", "out_shop_id", name=op.f("uq_store_provider_id_out_shop_id")
        ),
    )
    op.create_table(
        "staff",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), nullable=True),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("public_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "owner",
                "manager",
                "clerk",
                name="staffrole",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "merchant_id"],
            ["merchant.provider_id", "merchant.id"],
            name=op.f("fk_staff_provider_id_merchant_id"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "person_id"],
            ["person.provider_id", "person.id"],
            name=op.f("fk_staff_provider_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "store_id"],
            ["store.provider_id", "store.id"],
            name=op.f("fk_staff_provider_id_store_id"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_staff")),
    )
    op.create_table(
        "pay_code",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "store",
                "staff",
                "fixed",
                "blank",
                name="paycodekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=True),
        sa.Column("store_id", sa.BigInteger(), nullable=True),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("unit_price_fen", sa.BigInteger(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind <> 'fixed' OR unit_price_fen > 0", name=op.f("ck_pay_code_fixed_has_price")
        ),
        sa.CheckConstraint(
            "kind = 'blank' OR store_id IS NOT NULL", name=op.f("ck_pay_code_bound_has_store")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "merchant_id"],
            ["merchant.provider_id", "merchant.id"],
            name=op.f("fk_pay_code_provider_id_merchant_id"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "staff_id"],
            ["staff.provider_id", "staff.id"],
            name=op.f("fk_pay_code_provider_id_staff_id"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "store_id"],
            ["store.provider_id", "store.id"],
            name=op.f("fk_pay_code_provider_id_store_id"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_pay_code_provider_id")
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_pay_code")),
        sa.UniqueConstraint("provider_id", "code", name=op.f("uq_pay_code_provider_id_code")),
    )
    op.create_table(
        "pay_order",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("out_trade_no", sa.String(length=32), nullable=False),
        sa.Column("public_id", sa.String(length=24), nullable=False),
        sa.Column("intent_key", sa.String(length=80), nullable=False),
        sa.Column("merchant_id", sa.BigInteger(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("pay_code_id", sa.BigInteger(), nullable=True),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "created",
                "paying",
                "paid",
                "closed",
                name="orderstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "close_reason",
            sa.Enum(
                "expired",
                "cancelled",
                "rejected",
                "void",
                name="closereason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("undiscountable_fen", sa.BigInteger(), nullable=True),
        sa.Column("deposit_fen", sa.BigInteger(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("refunded_fen", sa.BigInteger(), nullable=False),
        sa.Column("remark", sa.String(length=128), nullable=False),
        sa.Column("is_unknown", sa.Boolean(), nullable=False),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.Column("is_frozen", sa.Boolean(), nullable=False),
        sa.Column("reject_code", sa.String(length=64), nullable=True),
        sa.Column("reject_message", sa.String(length=256), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("transaction_id", sa.String(length=64), nullable=True),
        sa.Column("followed_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'paid') = (paid_at IS NOT NULL)", name=op.f("ck_pay_order_paid_has_time")
        ),
        sa.CheckConstraint(
            "amount_fen BETWEEN 1 AND 2147483647", name=op.f("ck_pay_order_amount_in_range")
        ),
        sa.CheckConstraint(
            "refunded_fen BETWEEN 0 AND amount_fen", name=op.f("ck_pay_order_refunded_in_range")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "merchant_id"],
            ["merchant.provider_id", "merchant.id"],
            name=op.f("fk_pay_order_provider_id_merchant_id"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "pay_code_id"],
            ["pay_code.provider_id", "pay_code.id"],
            name=op.f("fk_pay_order_provider_id_pay_code_id"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "person_id"],
            ["person.provider_id", "person.id"],
            name=op.f("fk_pay_order_provider_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "store_id"],
            ["store.provider_id", "store.id"],
            name=op.f("fk_pay_order_provider_id_store_id"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_pay_order_provider_id")
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_pay_order")),
        sa.UniqueConstraint(
            "provider_id", "intent_key", name=op.f("uq_pay_order_provider_id_intent_key")
        ),
        sa.UniqueConstraint(
            "provider_id", "out_trade_no", name=op.f("uq_pay_order_provider_id_out_trade_no")
        ),
        sa.UniqueConstraint(
            "provider_id", "public_id", name=op.f("uq_pay_order_provider_id_public_id")
        ),
    )
    op.create_index(
        "ix_pay_order_merchant_newest",
        "pay_order",
        ["provider_id", "merchant_id", sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_pay_order_payer_newest",
        "pay_order",
        ["provider_id", "pay_code_id", "person_id", sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_pay_order_unpaid_expiry",
        "pay_order",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('created', 'paying')"),
    )
    op.create_table(
        "pay_attempt",
        sa.Column("provider_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("out_trade_no", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("app", sa.String(length=32), nullable=False),
        sa.Column("payee", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "created",
                "payable",
                "closing",
                "paid",
                "closed",
                "rejected",
                name="attemptstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("is_unknown", sa.Boolean(), nullable=False),
        sa.Column("request", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("prepay_id", sa.String(length=128), nullable=True),
        sa.Column("transaction_id", sa.String(length=64), nullable=True),
        sa.Column("raw_state", sa.String(length=32), nullable=True),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "due_at IS NOT NULL OR NOT (status IN ('created', 'payable', 'closing'))",
            name=op.f("ck_pay_attempt_open_is_looked_at_again"),
        ),
        sa.CheckConstraint(
            "amount_fen BETWEEN 1 AND 2147483647", name=op.f("ck_pay_attempt_amount_in_range")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "order_id"],
            ["pay_order.provider_id", "pay_order.id"],
            name=op.f("fk_pay_attempt_provider_id_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "person_id"],
            ["person.provider_id", "person.id"],
            name=op.f("fk_pay_attempt_provider_id_person_id"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name=op.f("pk_pay_attempt")),
        sa.UniqueConstraint(
            "provider_id",
            "channel",
            "transaction_id",
            name=op.f("uq_pay_attempt_provider_id_channel_transaction_id"),
        ),
        sa.UniqueConstraint(
            "provider_id", "out_trade_no", name=op.f("uq_pay_attempt_provider_id_out_trade_no")
        ),
    )
    op.create_index(
        "ix_pay_attempt_due",
        "pay_attempt",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_pay_attempt_order", "pay_attempt", ["provider_id", "order_id"], unique=False
    )
    op.create_index(
        "uq_pay_attempt_one_open",
        "pay_attempt",
        ["provider_id", "order_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('created', 'payable', 'closing')"),
    )


def downgrade() -> None:

    op.drop_index(
        "uq_pay_attempt_one_open",
        table_name="pay_attempt",
        postgresql_where=sa.text("status IN ('created', 'payable', 'closing')"),
    )
    op.drop_index("ix_pay_attempt_order", table_name="pay_attempt")
    op.drop_index(
        "ix_pay_attempt_due",
        table_name="pay_attempt",
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_table("pay_attempt")
    op.drop_index(
        "ix_pay_order_unpaid_expiry",
        table_name="pay_order",
        postgresql_where=sa.text("status IN ('created', 'paying')"),
    )
    op.drop_index("ix_pay_order_payer_newest", table_name="pay_order")
    op.drop_index("ix_pay_order_merchant_newest", table_name="pay_order")
    op.drop_table("pay_order")
    op.drop_table("pay_code")
    op.drop_table("staff")
    op.drop_table("store")
    op.drop_index("ix_credential_live", table_name="credential")
    op.drop_table("credential")
    op.drop_table("upstream_event")
    op.drop_table("person")
    op.drop_table("money_case")
    op.drop_table("merchant")
    op.drop_table("channel_account")
    op.drop_index("ix_audit_entry_subject", table_name="audit_entry")
    op.drop_table("audit_entry")
    op.drop_index("ix_web_session_expiry", table_name="web_session")
    op.drop_table("web_session")
    op.drop_table("upstream_quota")
    op.drop_table("route")
    op.drop_table("provider")
    op.drop_index("ix_oauth_state_expiry", table_name="oauth_state")
    op.drop_table("oauth_state")
    op.drop_table("nonce_seen")
    op.drop_table("lease")
    op.drop_table("heartbeat")
