"""A browser of somebody of a merchant, without a browser."""

from __future__ import annotations

import re
from typing import Any

import requests

from services.numbers import new_public_id
from tests.harness.product import Product

OWN, OTHER = "sub01QINGHE8H2K4M6P9", "sub02NANCHUANG5T7W2Y"
HUBIN, DONGPO = "qinghe-hubin", "qinghe-dongpo"


class Till:
    """Somebody signed in: an owner, or a new person of one store."""

    def __init__(
        self,
        product: Product,
        role: str = "owner",
        *,
        shop: str = HUBIN,
        merchant: str = OWN,
        can_refund: bool | None = None,
        name: str = "林小满",
    ) -> None:
        self.product = product
        if role == "owner":
            row = product.one(
                "SELECT s.id, s.public_id FROM staff s JOIN merchant m ON m.provider_id ="
                " s.provider_id AND m.id = s.merchant_id WHERE m.out_sub_mch_id = :m"
                " AND s.role = 'owner' ORDER BY s.id LIMIT 1",
                m=merchant,
            )
            product.do("UPDATE staff SET can_refund = true WHERE id = :i", i=row.id)
        else:
            row = self._hire(
                role, shop, name, role == "manager" if can_refund is None else can_refund
            )
        self.id, self.public_id = row.id, row.public_id
        self._session = requests.Session()
        self._session.trust_env = False
        self.sign_in()

    def sign_in(self) -> None:
        """Once more after half a day."""
        self.get(f"/m/demo-login/{self.public_id}")

    def _hire(self, role: str, shop: str, name: str, can_refund: bool) -> Any:
        public_id = new_public_id()
        self.product.do(
            "INSERT INTO staff (provider_id, merchant_id, store_id, public_id, name, role,"
            " is_active, can_refund, created_at) SELECT provider_id, merchant_id, id, :public,"
            " :name, :role, true, :refund, now() FROM store WHERE out_shop_id = :shop",
            public=public_id, name=name, role=role, refund=can_refund, shop=shop,
        )  # fmt: skip
        return self.product.one("SELECT id, public_id FROM staff WHERE public_id = :p", p=public_id)

    def clock_in(self) -> None:
        self.product.do(
            "INSERT INTO shift (provider_id, merchant_id, store_id, staff_id, state, started_at)"
            " SELECT provider_id, merchant_id, store_id, id, 'on', now() FROM staff WHERE id = :i",
            i=self.id,
        )

    def answer(self, path: str, **query: str) -> requests.Response:
        return self._session.get(self.product.url + path, params=query, timeout=10)

    def get(self, path: str, **query: str) -> str:
        answer = self.answer(path, **query)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    def post(self, path: str, **form: str) -> requests.Response:
        return self._session.post(
            self.product.url + path, data=form, timeout=10, allow_redirects=False
        )

    def numbers(self, path: str = "/m/orders", **query: str) -> list[str]:
        """The orders on that page, from top to bottom."""
        return re.findall(r'href="/m/orders/([0-9A-Za-z_]+)"', self.get(path, **query))


def fields(page: str) -> dict[str, str]:
    """The hidden fields of the page's form, with what its text fields hold."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = (re.search(rf'{k}="([^"]*)"', tag) for k in ("name", "value"))
        if name and value:
            found[name[1]] = value[1]
    return found


def says(page: str) -> str:
    """The page's words, without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())
