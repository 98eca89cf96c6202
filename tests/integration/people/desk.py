"""A shop person's phone: signed in by the official account, forms sent with their token."""

from __future__ import annotations

import html
import re
from typing import Any

import requests

from services.seed_people import seed_people
from tests.harness.phone import MAIN, Phone, words
from tests.harness.product import Product

OPENED = "/m/me"


class Desk:
    """`who` is a person of the simulator. Signs in on making, unless told not to."""

    def __init__(self, product: Product, who: str, *, signs_in: bool = True) -> None:
        self.phone = Phone(product.url, product.simulator, "wechat", who)
        if signs_in:
            self.answer = self.get(f"/m/me?p={MAIN}")

    def get(self, path: str, **more: Any) -> requests.Response:
        self.answer = self.phone.get(path, **more)
        return self.answer

    def token(self, path: str = OPENED) -> str:
        return token_of(self.phone.get(path).text)

    def post(
        self, path: str, *, token: str | None = None, opened: str = OPENED, **fields: str
    ) -> requests.Response:
        """As a form of the page `opened` sends it; redirects are followed."""
        given = self.token(opened) if token is None else token
        self.answer = self.phone.http.post(
            self.phone.product_url + path, data={"token": given, **fields}, timeout=30
        )
        return self.answer

    def act_as(self, part: str) -> requests.Response:
        """Choose the role whose line has these words."""
        page = self.get("/m/choose").text
        for key, line in re.findall(
            r'<button class="li" name="key" value="([^"]+)">(.*?)</button>', page
        ):
            if part in words(line):
                return self.post("/m/choose", token=token_of(page), key=key)
        raise AssertionError(f"no role with {part}: {words(page)}")

    @property
    def said(self) -> str:
        return words(self.answer.text)

    @property
    def cookie(self) -> str:
        return next(c.value or "" for c in self.phone.http.cookies if c.name.endswith("yima_staff"))


def token_of(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    return html.unescape(found[1]) if found else ""


def peopled(product: Product) -> Product:
    assert seed_people(product.deps, product.simulator.credentials(), MAIN)
    return product


def staff(product: Product, name: str, merchant: str = "青禾茶事") -> Any:
    return product.one(
        "SELECT s.* FROM staff s JOIN merchant m ON m.provider_id = s.provider_id"
        " AND m.id = s.merchant_id WHERE s.name = :n AND m.name = :m",
        n=name, m=merchant,
    )  # fmt: skip


def audits(product: Product, action: str) -> list[Any]:
    return product.sql("SELECT * FROM audit_entry WHERE action = :a ORDER BY id", a=action)
