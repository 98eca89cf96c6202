"""Blank codes in batches.

Going back forgets which codes were printed together; the codes themselves stay.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql" / "0026_code_batches.sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.cursor().execute(SQL.read_text("utf-8"))


def downgrade() -> None:
    op.drop_index("uq_pay_code_batch_place", "pay_code")
    op.drop_constraint("fk_pay_code_provider_id_batch_id", "pay_code")
    op.drop_constraint("ck_pay_code_place_in_a_batch", "pay_code")
    op.drop_column("pay_code", "batch_place")
    op.drop_column("pay_code", "batch_id")
    op.drop_table("code_batch")
