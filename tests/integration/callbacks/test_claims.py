"""Taking a callback takes that one, however the database joins."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Connection, event

from services.callbacks.sweep import claim_due
from tests.harness.database import Server
from tests.harness.product import Product

_DUE = """
INSERT INTO callback (provider_id, event, number, order_id, status, tries, replays, due_at,
    created_at)
SELECT provider_id, 'pay_success', out_trade_no, id, 'pending', 0, 0, created_at, created_at
FROM pay_order WHERE provider_id = (SELECT min(provider_id) FROM pay_order) ORDER BY id LIMIT {most}
"""


@pytest.fixture
def analyzed_with_one_row(product: Product, server: Server) -> None:
    """The planner believes that there is one row, and joins whichever way it likes."""
    product.do(_DUE.format(most=1))
    with psycopg.connect(server.admin, dbname=product.deps.db.engine.url.database) as admin:
        admin.execute("ANALYZE callback")
    product.do(_DUE.format(most=5) + " ON CONFLICT DO NOTHING")


@pytest.fixture
def nested_loops(product: Product) -> Iterator[None]:
    def begun(connection: Connection) -> None:
        for name in ("hashjoin", "mergejoin", "indexscan", "bitmapscan", "material", "sort"):
            connection.exec_driver_sql(f"SET LOCAL enable_{name} = off")

    engine = product.deps.db.engine
    event.listen(engine, "begin", begun)
    yield
    event.remove(engine, "begin", begun)


@pytest.mark.usefixtures("analyzed_with_one_row", "nested_loops")
def test_one_callback_is_claimed_and_the_others_stay_due(product: Product) -> None:
    assert product.one("SELECT count(*) AS n FROM callback").n == 5
    for left in (4, 3, 2, 1, 0):
        assert len(claim_due(product.deps, 8)) == 1
        assert product.one("SELECT count(*) AS n FROM callback WHERE tries = 0").n == left
