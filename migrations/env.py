"""Alembic runs as the owner of the tables (MIGRATE_DATABASE_URL, or the embedded owner)."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, make_url, pool

from config.settings import load_settings
from migrations.grants import apply_grants
from models.all import Base
from postgres import addresses

alembic_config = context.config
where = alembic_config.attributes.get("addresses") or addresses.resolve(load_settings())

engine = create_engine(where.owner, poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        include_name=lambda name, kind, _: (
            not (kind == "table" and str(name).startswith("procrastinate_"))
        ),
    )
    with context.begin_transaction():
        context.run_migrations()
    app_role = make_url(where.app).username
    if where.is_split and app_role:
        apply_grants(connection, app_role)
        connection.commit()
engine.dispose()
