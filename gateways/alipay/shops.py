"""口碑门店 of a merchant at Alipay, to be picked from (product ALI-6). Source: alipay.md 7."""

from __future__ import annotations

from dataclasses import dataclass

from errors import GatewayUnknown
from gateways.alipay import mapping
from gateways.alipay.gateway import AlipayClients
from gateways.base import AlipayAccount
from gateways.http import timed

MOST_PAGES = 10  # of the wallet's own size: more shops than a list is picked from


@dataclass(frozen=True, slots=True)
class Shop:
    shop_id: str
    name: str
    address: str


class AlipayShops:
    """Asked under the merchant's own grant."""

    def __init__(self, clients: AlipayClients) -> None:
        self._clients = clients

    def listed(self, account: AlipayAccount) -> list[Shop]:
        """All shops that the merchant has, with their names. GatewayRejected, GatewayUnknown."""
        found: list[Shop] = []
        for page in range(1, MOST_PAGES + 1):
            node = self._call(
                account, "alipay.offline.market.shop.batchquery", {"page_no": str(page)}
            )
            ids = node.get("shop_ids") or []
            if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
                raise GatewayUnknown("the answer can not be read")
            found += [self._detail(account, one) for one in ids]
            pages = str(node.get("total_pageno") or "1")
            if not pages.isdecimal() or page >= int(pages):
                break
        return found

    def _detail(self, account: AlipayAccount, shop_id: str) -> Shop:
        node = self._call(account, "alipay.offline.market.shop.querydetail", {"shop_id": shop_id})
        try:
            name = mapping.word_with_blank(node, "main_shop_name") or ""
            branch = mapping.word_with_blank(node, "branch_shop_name") or ""
            address = mapping.word_with_blank(node, "address") or ""
        except ValueError:
            raise GatewayUnknown("the answer can not be read") from None
        return Shop(shop_id, f"{name}（{branch}）" if branch else name, address)

    def _call(
        self, account: AlipayAccount, method: str, content: dict[str, str]
    ) -> dict[str, object]:
        client = self._clients.get(account)
        with timed(mapping.CHANNEL, "shops"):
            node: dict[str, object] = client.server_api(
                method, {**content, "op_role": "ISV"}, app_auth_token=account.app_auth_token
            )
        return node
