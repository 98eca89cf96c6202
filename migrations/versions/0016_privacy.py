"""Consents; when a person was last seen; kept notifications whose body may go.

Going back forgets the consents and who was seen when. It is refused once a body has gone: nothing
older could hold its row.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0016_privacy.sql"
EMPTIED = "SELECT EXISTS (SELECT 1 FROM upstream_event WHERE sealed IS NULL)"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    if op.get_bind().scalar(sa.text(EMPTIED)):
        raise RuntimeError("kept notifications were emptied: this version cannot hold them")
    op.execute("DROP FUNCTION upstream_event_forget(bigint, bigint[])")
    op.drop_index("ix_upstream_event_kept", "upstream_event")
    op.alter_column("upstream_event", "sealed", nullable=False)
    op.drop_index("ix_member_person", "member")
    op.drop_index("ix_person_seen", "person")
    op.drop_column("person", "seen_at")
    op.drop_table("consent")
