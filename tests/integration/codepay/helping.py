"""A till, a payer's phone with a payment code, and what became of the payment."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from services.codepay import listing
from services.codepay.charging import Charge, charge
from services.codepay.state import Charged, read
from tests.harness.product import Product

WALLETS = pytest.mark.parametrize("wallet", ["wechat", "alipay"])
SHOP = "qinghe-hubin"
PAY = {"wechat": "wechat.micropay", "alipay": "alipay.trade.pay"}
REVERSE = {"wechat": "wechat.reverse", "alipay": "alipay.trade.cancel"}
QUERY = {"wechat": "wechat.query", "alipay": "alipay.trade.query"}
PASSWORD = {
    "wechat": ("wechat.micropay_result", "USERPAYING"),
    "alipay": ("alipay.pay_result", "10003"),
}
PATIENCE = {"wechat": 42, "alipay": 60}


def paycode(product: Product, wallet: str, person: str = "zhou") -> str:
    """What the phone shows."""
    said = product.simulator.post(f"/sim/{wallet}/paycode", {"person": person})
    return str(said["auth_code"])


def scanned(product: Product, wallet: str, fen: int = 1234, **more: Any) -> Charge:
    """A payer's code, scanned at the demo store's till."""
    shop = listing.shop(product.deps, more.pop("shop", SHOP))
    made = Charge(
        provider_id=shop.provider_id,
        merchant_id=shop.merchant_id,
        store_id=shop.id,
        amount_fen=fen,
        auth_code=paycode(product, wallet),
        asked_by="test:till",
    )
    return replace(made, **more)


def own_versions(product: Product) -> None:
    """Accounts are cached by version for the whole process: this test's are nobody else's."""
    version = time.time_ns() // 1000 % 10**9
    product.do("UPDATE provider SET account_version = :v", v=version)


def pay(product: Product, wallet: str, fen: int = 1234, **more: Any) -> Charged:
    return charge(product.deps, scanned(product, wallet, fen, **more))


def wait_for_password(product: Product, wallet: str, **more: Any) -> Charged:
    """Charged, and the payer's phone asks for the password."""
    product.simulator.switch(*PASSWORD[wallet])
    found = pay(product, wallet, **more)
    assert found.state == "waiting", found
    return found


def phone(product: Product, wallet: str, found: Charged, act: str = "confirm") -> Any:
    """What the payer does with the password's window."""
    return product.simulator.wallet(
        wallet, {"out_trade_no": found.out_trade_no}, act, person="zhou"
    )


def now(product: Product, found: Charged) -> Charged:
    return read(product.deps, found.provider_id, found.out_trade_no)


def after(product: Product, found: Charged, seconds: float) -> Charged:
    """So many seconds later, the worker's due times met."""
    product.simulator.advance(seconds)
    product.sweep()
    return now(product, found)


def step(product: Product, found: Charged, seconds: int, every: int = 5) -> Charged:
    """The same, in the worker's own small steps."""
    for _ in range(0, seconds, every):
        found = after(product, found, every)
    return found


def attempt(product: Product, found: Charged) -> Any:
    return product.one("SELECT * FROM pay_attempt WHERE out_trade_no = :n", n=found.out_trade_no)


def order(product: Product, found: Charged) -> Any:
    return product.one("SELECT * FROM pay_order WHERE out_trade_no = :n", n=found.out_trade_no)


def upstream(product: Product, found: Charged) -> str | None:
    """The wallet's own word for the trade."""
    trade = product.simulator.trade(found.out_trade_no)
    return None if trade is None else str(trade["state"])


def cases(product: Product) -> list[str]:
    rows = product.sql("SELECT kind FROM money_case WHERE closed_at IS NULL ORDER BY id")
    return [str(row.kind) for row in rows]
