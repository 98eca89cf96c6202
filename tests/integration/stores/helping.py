"""A merchant's people at their phones: signed in by a session, pressing the pages' own forms."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests
from sqlalchemy import text

from services.payers import hashed
from tests.harness.product import Product

_STAFF = text(
    "INSERT INTO staff (provider_id, merchant_id, store_id, person_id, public_id, name, role,"
    " is_active, created_at) VALUES (:p, :m, :s, :person, :public, :name, :role,"
    " true, :now) RETURNING id"
)
SHOP, OTHER_SHOP = "qinghe-hubin", "qinghe-dongpo"


@dataclass
class Worker:
    """One person in one role, with a cookie of his own."""

    product: Product
    id: int
    http: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str) -> requests.Response:
        return self.http.get(self.product.url + path, timeout=30)

    def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.get("/m/orders").text)
        if found:
            return found[1]
        cookie = next(c.value or "" for c in self.http.cookies if c.name.startswith("yima_staff"))
        return self.product.deps.ring.blind(cookie, "merchant-form")[:32]

    def post(self, path: str, token: str | None = None, **typed: str) -> requests.Response:
        data = {"token": self.token() if token is None else token, **typed}
        return self.http.post(self.product.url + path, data=data, timeout=30)

    def words(self, path: str) -> str:
        return said(self.get(path))


def said(answer: requests.Response) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


def work(
    product: Product, role: str, shop: str | None = SHOP, *, person: int | None = None,
    merchant: str = "sub01QINGHE8H2K4M6P9", name: str = "",
) -> Worker:  # fmt: skip
    """A person of this role at the merchant (of the store, unless he is an owner), signed in."""
    at = product.one(
        "SELECT m.provider_id, m.id AS merchant_id, (SELECT s.id FROM store s WHERE s.provider_id"
        " = m.provider_id AND s.out_shop_id = :shop) AS store_id FROM merchant m"
        " WHERE m.out_sub_mch_id = :m",
        shop=shop, m=merchant,
    )  # fmt: skip
    made = product.deps.transact(
        lambda s: s.execute(
            _STAFF,
            {
                "p": at.provider_id, "m": at.merchant_id, "person": person, "role": role,
                "s": None if role == "owner" else at.store_id,
                "public": f"test{role}{product.deps.now().timestamp()}"[:24],
                "name": name or f"测试{role}", "now": product.deps.now(),
            },
        ).scalar_one()
    )  # fmt: skip
    return sign_in(product, int(made))


def sign_in(product: Product, staff_id: int) -> Worker:
    fresh, now = f"worker-{staff_id}", product.deps.now()
    product.do(
        "INSERT INTO web_session (id_hash, kind, provider_id, staff_id, created_at, expires_at)"
        " SELECT :h, 'staff', provider_id, id, :now, :until FROM staff WHERE id = :i",
        h=hashed(fresh), i=staff_id, now=now, until=now + timedelta(hours=12),
    )  # fmt: skip
    one = Worker(product, staff_id)
    one.http.trust_env = False
    one.http.cookies.set("yima_staff", fresh, domain="127.0.0.1")
    return one


def store(product: Product, shop: str = SHOP) -> Any:
    return product.one("SELECT * FROM store WHERE out_shop_id = :s", s=shop)


def code(product: Product, code: str) -> Any:
    return product.one("SELECT * FROM pay_code WHERE code = :c", c=code)


def audited(product: Product, subject: str) -> list[tuple[str, str]]:
    rows = product.sql(
        "SELECT actor, action FROM audit_entry WHERE subject = :s ORDER BY id", s=subject
    )
    return [(row.actor, row.action) for row in rows]
