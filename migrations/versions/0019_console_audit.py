"""The console's accounts are set up by link, and the audit log is a chain.

Going back forgets recovery codes, set-up links and the seals; the audit log's entries stay.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0019_console_audit.sql"
TABLES = (
    *("audit_head", "audit_seal", "audit_tail"),
    *("console_try", "console_recovery", "console_invite"),
)
INDEXES = ("ix_audit_entry_action", "ix_audit_entry_actor", "ix_audit_entry_created")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_entry_keep ON audit_entry")
    for table in TABLES:
        op.drop_table(table)
    op.execute("DROP FUNCTION audit_refuse()")
    for index in INDEXES:
        op.drop_index(index, table_name="audit_entry")
    op.drop_column("console_session", "by_recovery")
    op.drop_column("console_member", "accepted_at")
