"""口碑门店 of a merchant: its numbers, and one in detail. Source: alipay.md 7 (names only)."""

from __future__ import annotations

from typing import Any

from simulator.alipay.codes import Refusal
from simulator.alipay.state import Call
from simulator.parties import AlipayShop

PAGE = 2  # few, so that whoever reads the first page only is found out


def batch(call: Call) -> dict[str, Any]:
    """alipay.offline.market.shop.batchquery: the merchant's shop numbers, by pages from 1."""
    shops = call.seller().shops
    number = int(call.biz["page_no"])
    pages = max(1, -(-len(shops) // PAGE))
    if not 1 <= number <= pages:
        raise Refusal("INVALID_PARAMETER", "参数无效：page_no")
    shown = shops[(number - 1) * PAGE : number * PAGE]
    return {
        "shop_ids": [shop.shop_id for shop in shown],
        "total_pageno": str(pages),
        "current_pageno": str(number),
        "total_shops": str(len(shops)),
    }


def detail(call: Call) -> dict[str, Any]:
    """alipay.offline.market.shop.querydetail."""
    found = next((s for s in call.seller().shops if s.shop_id == call.biz["shop_id"]), None)
    if found is None:
        raise Refusal("SHOP_NOT_EXIST", "门店不存在")
    return _shown(found)


def _shown(shop: AlipayShop) -> dict[str, Any]:
    return {
        "shop_id": shop.shop_id,
        "main_shop_name": shop.name,
        "branch_shop_name": shop.branch,
        "address": shop.address,
        "is_online": "T",
        "is_show": "T",
        "audit_status": "AUDIT_SUCCESS",
    }
