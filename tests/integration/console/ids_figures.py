"""Ids of work items and orders."""

from __future__ import annotations

from models.event import CaseKind
from services.cases import open_case
from tests.harness.console import Console
from tests.integration.console.ids import supplies


@supplies("recon.source")
def source(desk: Console) -> str:
    return "case"


@supplies("recon.number")
def case(desk: Console) -> str:
    """A case of the desk's provider."""
    deps = desk.product.deps
    deps.transact(
        lambda s: open_case(
            s, provider_id=1, kind=CaseKind.NO_ANSWER, out_trade_no="walked", order_id=None,
            at=deps.now(), facts={},
        )
    )  # fmt: skip
    row = desk.product.one("SELECT id FROM money_case WHERE out_trade_no = 'walked'")
    return str(row.id)


@supplies("orders.number")
def order(desk: Console) -> str:
    row = desk.product.one("SELECT min(out_trade_no) AS n FROM pay_order WHERE provider_id = 1")
    return str(row.n)
