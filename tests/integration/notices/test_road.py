"""From a payment to the phones of those who serve there, and to nobody else's."""

from __future__ import annotations

from services.followup import after_payment
from tests.harness.product import Product
from tests.integration.notices.helping import (
    MakePhone,
    arrived,
    notices,
    on_duty,
    paid,
    store,
    told,
    whom,
)


def test_a_payment_is_told_once_to_each_person_of_its_store(
    shop: Product, phone: MakePhone
) -> None:
    """NTF-1, NTF-6: nobody of another store, no owner who did not choose it, nobody twice."""
    store(shop, "receive_notify_after_duty")
    order = paid(shop, phone)
    after_payment(shop.deps, order.provider_id, order.id)  # a job may run twice
    assert whom(shop) == {"周予安", "陈一禾", "顾星遥"}
    told(shop)
    assert {row["person"] for row in arrived(shop)} == {"zhou", "chen", "p21"}
    assert len(arrived(shop)) == 3
    assert {(row.status, row.way) for row in notices(shop)} == {("sent", "wechat")}
    told(shop)
    assert len(arrived(shop)) == 3
    [mine] = arrived(shop, "chen")
    assert mine["data"]["amount1"] == "12.34元"
    assert mine["data"]["thing3"] == "湖滨店"
    assert mine["data"]["character_string4"] == order.out_trade_no
    assert mine["data"]["phrase5"] == "微信支付"
    assert f"/m/orders/{order.out_trade_no}?p=" in mine["url"]


def test_off_duty_nobody_is_told_unless_the_store_says_so(shop: Product, phone: MakePhone) -> None:
    """NTF-2."""
    on_duty(shop, "陈一禾")
    paid(shop, phone)
    assert whom(shop) == {"陈一禾"}
