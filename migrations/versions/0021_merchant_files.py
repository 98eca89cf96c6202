"""Merchants as the console sees them: sub-providers, groups, consents, files, accounts of stores.

Going back forgets who came by which sub-provider's name, what consents were given, and that a
store has accounts of its own: its next payment goes to the merchant's.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0021_merchants.sql"
OF_STORE = (
    *("wechat_sub_mchid", "has_maidan", "alipay_pid", "alipay_state", "maidan_store_id"),
    *("koubei_shop_id", "koubei_shop_name"),
)
OF_MERCHANT = (
    *("version", "source", "needs_setup", "wechat_checked_at", "wechat_route", "has_maidan"),
    *("deposit_step", "refund_api_step", "alipay_preauth_signed", "face_to_face"),
    *("face_to_face_at", "rebate_bp", "admin_name", "admin_email", "remark", "old_seal_key"),
    *("old_key_sealed", "old_key_until", "deleted_at"),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    for table in ("merchant_file", "alipay_consent"):
        op.drop_table(table)
    op.drop_constraint("fk_store_provider_id_store_group_id", "store")
    op.execute("UPDATE store SET store_group_id = NULL")
    for column in OF_STORE:
        op.drop_column("store", column)
    op.drop_table("store_group")
    for name in ("ix_merchant_wechat", "ix_merchant_alipay", "ix_merchant_sub_provider"):
        op.drop_index(name, "merchant")
    op.drop_constraint("fk_merchant_provider_id_sub_provider_id", "merchant")
    for column in OF_MERCHANT:
        op.drop_column("merchant", column)
    op.drop_table("sub_provider")
