"""A payer's browser session at several providers and wallets."""

from __future__ import annotations

from collections.abc import Callable

from tests.harness.phone import MAIN, Phone
from tests.harness.product import Product

OTHER = "sz02pQWE8MNBvCxz5k7T"
MakePhone = Callable[..., Phone]


def test_a_persons_id_of_one_provider_never_counts_at_another(
    product: Product, phone: MakePhone
) -> None:
    """One browser, two providers: the wallet known at the first is unknown at the second."""
    payer = phone("wechat")
    payer.form("8K3FQ2", MAIN)
    payer.http.headers["User-Agent"] = phone("alipay").http.headers["User-Agent"]
    payer.form("5T1MZ9", OTHER)
    row = product.one("SELECT * FROM web_session WHERE alipay_person_id IS NOT NULL")
    assert row.wechat_person_id is None
    owner = product.one("SELECT provider_id FROM person WHERE id = :i", i=row.alipay_person_id)
    assert owner.provider_id == row.provider_id


def test_one_browser_keeps_both_wallets_of_one_provider(product: Product, phone: MakePhone) -> None:
    payer = phone("wechat")
    payer.form()
    payer.http.headers["User-Agent"] = phone("alipay").http.headers["User-Agent"]
    payer.form()
    row = product.one("SELECT * FROM web_session WHERE alipay_person_id IS NOT NULL")
    assert row.wechat_person_id is not None
