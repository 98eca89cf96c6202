"""A paid order to refund, and what became of its refunds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.refunds import sending
from services.refunds.asking import Ask, ask_for
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.integration.looking import orders

MakePhone = Callable[..., Phone]
WALLETS = pytest.mark.parametrize("wallet", ["wechat", "alipay"])
SENT = {"wechat": "wechat.refund", "alipay": "alipay.trade.refund"}


def pay(
    product: Product, phone: MakePhone, wallet: str, amount: str = "100", person: str = "lin"
) -> Any:
    """One paid order, its row."""
    buyer = phone(wallet, person)
    buyer.confirm(buyer.start(amount=amount))
    number = orders(product)[-1].out_trade_no
    product.wait_paid(number)
    return orders(product)[-1]


def asked(order: Any, fen: int, **more: Any) -> Ask:
    return Ask(order.provider_id, order.out_trade_no, fen, "缺一份小菜", "test:a", "test:b", **more)


def refund(product: Product, order: Any, fen: int, **more: Any) -> Any:
    """Ask and send, as a page or a command does; the refund's row afterwards."""
    made = ask_for(product.deps, asked(order, fen, **more))
    sending.send(product.deps, order.provider_id, made)
    return product.one("SELECT * FROM refund WHERE id = :i", i=made)


def refunds(product: Product) -> list[Any]:
    return product.sql("SELECT * FROM refund ORDER BY id")


def room(product: Product, order: Any) -> tuple[int, int]:
    """(held, refunded) fen of the order's attempts together."""
    row = product.one(
        "SELECT sum(held_fen) AS held, sum(refunded_fen) AS done FROM pay_attempt"
        " WHERE order_id = :o",
        o=order.id,
    )
    return int(row.held), int(row.done)


def the_order(product: Product, order: Any) -> Any:
    return product.one("SELECT * FROM pay_order WHERE id = :i", i=order.id)
