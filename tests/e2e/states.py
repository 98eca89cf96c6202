"""What the tests of page states share: fixtures' types, and writing a state straight into a row."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.conftest import Screen
from tests.harness.phone import Phone
from tests.harness.product import Product

MakeScreen = Callable[..., Screen]
MakePhone = Callable[..., Phone]
OURS = "intent_key NOT LIKE 'demo:%'"
GONE = (
    f"UPDATE pay_attempt SET status = 'closed', due_at = NULL; UPDATE pay_order SET status ="
    f" 'closed', {{}} WHERE {OURS}"
)


def write(product: Product, statements: str) -> None:
    for statement in statements.split("; "):
        product.do(statement)


def make_order(phone: MakePhone, wallet: str, paid: bool, product: Product) -> str:
    buyer = phone(wallet)
    made = buyer.start(amount="38.50")
    if paid:
        buyer.confirm(made)
        number = product.one(f"SELECT out_trade_no FROM pay_order WHERE {OURS}").out_trade_no
        product.wait_paid(number)
    return str(made["result"])
