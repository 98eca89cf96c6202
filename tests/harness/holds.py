"""A held deposit as a row alone: for tests of who may see it, which no wallet is asked about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.harness.product import Product


def hold(
    product: Product,
    number: str = "holdhere",
    shop: str = "qinghe-hubin",
    days: int = 0,
    **more: Any,
) -> str:
    """Frozen so many days ago for ten thousand fen at this shop; its number."""
    now = product.deps.now()
    values = {"freeze_fen": 10000, "channel": "alipay", "asked_by": "api:1", **more}
    product.do(
        "INSERT INTO deposit_freeze (provider_id, merchant_id, store_id, out_freeze_no, channel,"
        " method, app, payee, freeze_fen, status, request, asked_by, freeze_id, due_at, created_at,"
        " expires_at, changed_at, frozen_at) SELECT s.provider_id, s.merchant_id, s.id, :n,"
        " :channel, 'code', 'app', 'payee', :freeze_fen, 'frozen', '{}', :asked_by, :w,"
        " :due, :at, :at, :at, :at FROM store s WHERE s.out_shop_id = :shop",
        n=number, w=f"{number}-w", due=now + timedelta(days=1), at=now - timedelta(days=days),
        shop=shop, **values,
    )  # fmt: skip
    return number
