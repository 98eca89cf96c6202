"""Members' phones, imports of old members, and the copy of a card in WeChat's wallet.

Going back forgets codes under way, which files were imported, and what WeChat's wallet shows; no
balance, phone or ledger entry is in these tables.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0010_membership.sql"
TABLES = ("wechat_card_copy", "wechat_card", "import_batch", "sms_quota", "phone_code")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    op.execute("DROP TRIGGER member_card_shown ON member_card")
    op.execute("DROP FUNCTION wechat_copy_due()")
    for table in TABLES:
        op.drop_table(table)
