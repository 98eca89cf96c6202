"""Of configuration health: a merchant."""

from __future__ import annotations

from services.seed import MAIN
from tests.harness.console import Console
from tests.integration.console.ids import supplies


@supplies("health.out_sub_mch_id")
def merchant(desk: Console) -> str:
    found = desk.product.one(
        "SELECT m.out_sub_mch_id FROM merchant m JOIN provider p ON p.id = m.provider_id"
        " WHERE p.out_mch_id = :p ORDER BY m.id LIMIT 1",
        p=MAIN,
    )
    return str(found.out_sub_mch_id)
