"""What a refund is paid out of: asked for, and said by the wallet.

Going back forgets it here; the wallet knows, and a refund under way is then paid out of what the
wallet chooses itself. Coming here adds two empty columns: no row is read or written.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.add_column("refund", sa.Column("funds_asked", sa.String(length=16), nullable=True))
    op.add_column("refund", sa.Column("funds_account", sa.String(length=16), nullable=True))


def downgrade() -> None:
    op.drop_column("refund", "funds_account")
    op.drop_column("refund", "funds_asked")
