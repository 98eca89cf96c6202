"""The official account: what WeChat granted, tokens by lease, pushes.

Going back is refused while an account is authorised: tokens can be asked for again, that cannot.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0013_official.sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    granted = "SELECT EXISTS (SELECT 1 FROM official_account WHERE refresh_sealed IS NOT NULL)"
    if op.get_bind().scalar(sa.text(granted)):
        raise RuntimeError("an official account granted rights: this version would forget them")
    for table in ("verify_file", "oa_push", "oa_token", "wechat_component", "official_account"):
        op.drop_table(table)
