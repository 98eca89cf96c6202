"""The Python client over real HTTP: what it says of a payment and of a refund is true."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from services.demo_info import demo_info
from tests.harness.product import Product
from yima import Refused, Shop, Undecided, Yima


@pytest.fixture
def shop(product: Product) -> Shop:
    info = demo_info(product.deps)
    one = info["merchants"][0]
    return Shop(
        info["provider"]["out_mch_id"],
        one["out_sub_mch_id"],
        one["stores"][0]["out_shop_id"],
        one["authen_key"],
    )


@pytest.fixture
def number(product: Product) -> str:
    return str(demo_info(product.deps)["merchants"][0]["order_prefix"]) + "sdk0001"


@pytest.fixture
def api(product: Product, shop: Shop) -> Iterator[Yima]:
    with Yima(product.url, shop) as made:
        yield made


def code(product: Product, wallet: str = "wechat") -> str:
    return str(product.simulator.post(f"/sim/{wallet}/paycode", {"person": "zhou"})["auth_code"])


@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_a_payment_and_its_refund_in_two_steps(
    product: Product, api: Yima, number: str, wallet: str
) -> None:
    payment = api.micro_pay(number, code(product, wallet), 500, body="咖啡").wait()
    assert payment.is_paid
    assert payment.total_fee == 500
    asked = api.refund(number, number + "r", total_fee=500, refund_fee=200)
    with pytest.raises(TypeError, match="wait"):
        assert asked
    product.simulator.post("/sim/clock", {"advance_s": 60})
    product.sweep()
    refund = asked.wait(timeout_s=20, every_s=0.2)
    assert (refund.is_done, refund.refund_fee) == (True, 200)
    assert [one.out_refund_no for one in api.query_refund_order(number)] == [number + "r"]


def test_what_is_not_there_is_said(product: Product, api: Yima, number: str) -> None:
    api.micro_pay(number + "p", code(product), 100).wait()
    assert api.query_refund_order(number + "p") == []
    with pytest.raises(Refused) as caught:
        api.query_order(number)
    assert caught.value.internal_status == 400
    assert caught.value.log_id > 0


def test_the_same_number_for_something_else_is_a_reentry(
    product: Product, api: Yima, number: str
) -> None:
    api.micro_pay(number, code(product), 500).wait()
    with pytest.raises(Refused) as caught:
        api.micro_pay(number, code(product), 600)
    assert (caught.value.status, caught.value.internal_status) == (104, 407)


def test_a_wrong_key_is_refused_and_is_in_no_message(product: Product, shop: Shop) -> None:
    wrong = Shop(shop.out_mch_id, shop.out_sub_mch_id, shop.out_shop_id, "k" * 32)
    with Yima(product.url, wrong) as api, pytest.raises(Refused, match="authen_code") as caught:
        api.query_order("x")
    assert caught.value.status == 101
    assert "k" * 32 not in f"{caught.value!r}{wrong!r}"


def test_an_answer_that_is_not_the_platform_s_decides_nothing(shop: Shop) -> None:
    forged = httpx.MockTransport(
        lambda _: httpx.Response(
            200,
            json={
                "response_content": '{"status":0,"description":"","log_id":1,"internal_status":0}',
                "authen_info": {"a": {"authen_type": 1, "authen_code": "0" * 64}},
            },
        )
    )
    api = Yima("http://forged", shop, http=httpx.Client(transport=forged), patience_s=0)
    with pytest.raises(Undecided):
        api.query_order("x")
    api.close()


def test_an_asked_payment_has_no_truth_value(product: Product, api: Yima, number: str) -> None:
    asked = api.micro_pay(number, code(product), 100)
    with pytest.raises(TypeError, match="wait"):
        assert asked
    assert asked.wait().is_paid


def test_a_qr_code_is_made(api: Yima, number: str) -> None:
    assert api.scan_code_pay(number, 100, pay_platform=1).startswith("weixin://")
