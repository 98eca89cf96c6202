"""A merchant's people: provider people, activation, rights of single persons, shifts.

Going back forgets who may refund beside the role, who is on duty, shifts and their slips; it is
refused while a provider's person exists, since nothing older could hold one.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0012_people.sql"
TABLES = ("shift", "activation_try", "activation", "provider_admin")
COLUMNS = (
    *("number", "can_refund", "can_manage_admins", "wants_notices", "phone_sealed", "phone_hash"),
    *("password_hash", "remark", "activated_at", "removed_at"),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT 1 FROM provider_admin)")):
        raise RuntimeError("there are people of the provider: this version cannot hold them")
    for table in TABLES:
        op.drop_table(table)
    for column in ("provider_admin_id", "merchant_id"):
        op.drop_column("web_session", column)
    op.drop_constraint("ck_staff_removed_is_inactive", "staff")
    op.drop_index("uq_staff_person", "staff")
    op.drop_index("ix_staff_person", "staff")
    for column in COLUMNS:
        op.drop_column("staff", column)
