"""The whole road with each wallet: scan, press, confirm, notification, paid."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.harness.phone import Phone, words
from tests.harness.product import Product
from tests.harness.simulator import Simulator

MakePhone = Callable[..., Phone]


@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_a_customer_scans_pays_and_the_order_is_paid(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    payer = phone(wallet)
    made = payer.pay(amount="38.50")
    assert payer.state(made, seen="pending") == {"state": "paid", "final": True}
    shown = words(payer.result(made).text)
    assert "付款成功" in shown
    assert "38.50" in shown
    trade = simulator.books()[0]
    order = product.one("SELECT * FROM pay_order WHERE out_trade_no = :n", n=trade["out_trade_no"])
    assert (order.status, order.amount_fen, order.channel) == ("paid", 3850, wallet)
    assert order.transaction_id == trade["transaction_id"]
    product.run_jobs()
    followed = product.one("SELECT followed_up_at FROM pay_order WHERE id = :i", i=order.id)
    assert followed.followed_up_at is not None
