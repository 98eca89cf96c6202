"""A merchant of the demo's provider, one of its stores, and a sub-provider."""

from __future__ import annotations

from tests.harness.console import Console
from tests.integration.console.ids import supplies

MERCHANT, STORE = "sub01QINGHE8H2K4M6P9", "qinghe-hubin"


@supplies("merchants.out_id")
def merchant(desk: Console) -> str:
    return MERCHANT


@supplies("merchants.shop")
def store(desk: Console) -> str:
    return STORE


@supplies("sub-providers.number")
def sub_provider(desk: Console) -> str:
    desk.post("/sub-providers", {"name": "路由渠道"})
    return str(desk.product.one("SELECT id FROM sub_provider WHERE name = '路由渠道'").id)
