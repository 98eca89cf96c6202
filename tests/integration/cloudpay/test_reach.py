"""What a till says of a payment besides its sum reaches the wallet: seen in the wallet's books."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest

from services.cards.codes import issue
from tests.harness.cloudpay import Till
from tests.harness.product import Product
from tests.integration.cards.spend.helping import give_card
from tests.integration.cloudpay.helping import calls, query, refusal, scan, state
from tests.integration.cloudpay.ordering import (
    PAGE_ALIPAY,
    SCAN_ALIPAY,
    Road,
    number_of,
    order,
    order_row,
    ordered,
    pay,
    sheet,
)
from tests.integration.codepay.helping import PASSWORD, PAY, WALLETS

HAS = "alipay.payer_channels"
WX, ALI = "wxpay_pay_content_ext", "alipay_pay_content_ext"
DETAIL = {
    "cost_price": 1234,
    "receipt_id": "R1",
    "goods_detail": [
        {"goods_id": "G1", "goods_name": "龙井<明前>&", "quantity": 2, "price": 617},
        {"goods_id": "G2", "quantity": 1, "price": 0},
    ],
}
ALL = "pcredit,creditCardExpress"


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


def charged(product: Product, till: Till, content: dict[str, Any]) -> dict[str, Any]:
    """Paid; what the wallet was asked for besides."""
    answer = till.call("micro_pay", content)
    assert (answer["status"], state(answer["micro_pay"])) == (0, 2), answer
    trade = product.simulator.trade(number_of(content))
    assert trade is not None
    return dict(trade["asked"])


def test_a_wechat_code_payment_tells_the_goods_and_the_till_s_own_words(
    product: Product, till: Till
) -> None:
    ext = {"attach": "桌5", "goods_tag": "T7", "limit_pay": "no_credit"}
    content = scan(product, till, detail=json.dumps(DETAIL), wxpay_pay_content_ext=ext)
    asked = charged(product, till, content)
    assert json.loads(asked.pop("detail")) == DETAIL
    assert asked == ext | {"version": "1.0"}
    said = query(till, number_of(content))["order_content"]
    assert said["detail"] == json.dumps(DETAIL)
    assert said["wxpay_order_content_ext"]["attach"] == "桌5"


def test_an_alipay_code_payment_tells_them_too_and_what_may_not_pay(
    product: Product, till: Till
) -> None:
    ext = {
        "disable_pay_channels": ALL, "discountable_amount": 1000, "undiscountable_amount": 234,
        "extend_params": '{"hb_fq_num": "3"}',
    }  # fmt: skip
    content = scan(
        product,
        till,
        "alipay",
        detail=json.dumps(DETAIL),
        attach="桌5&a=b",
        alipay_pay_content_ext=ext,
    )
    asked = charged(product, till, content)
    assert asked.pop("extend_params")["hb_fq_num"] == "3"
    assert unquote(asked.pop("passback_params")) == "桌5&a=b"
    assert asked == {
        "disable_pay_channels": ALL,
        "discountable_amount": "10.00",
        "undiscountable_amount": "2.34",
        "goods_detail": [
            {"goods_id": "G1", "goods_name": "龙井<明前>&", "quantity": 2, "price": "6.17"},
            {"goods_id": "G2", "goods_name": "G2", "quantity": 1, "price": "0.00"},
        ],
    }
    said = query(till, number_of(content))["order_content"]
    assert said["detail"] == json.dumps(DETAIL)
    assert said["alipay_order_content_ext"]["disable_pay_channels"] == ALL


@WALLETS
def test_a_till_that_says_nothing_besides_has_nothing_said(
    product: Product, till: Till, wallet: str
) -> None:
    asked = charged(product, till, scan(product, till, wallet))
    assert set(asked) <= {"extend_params", "goods_tag"}  # ours: the provider's number, the store's


@WALLETS
def test_a_till_s_remark_in_place_of_goods_is_kept_and_no_wallet_hears_of_it(
    product: Product, till: Till, wallet: str
) -> None:
    content = scan(product, till, wallet, detail="两杯龙井，少冰")
    assert not {"detail", "version", "goods_detail"} & set(charged(product, till, content))
    assert query(till, number_of(content))["order_content"]["detail"] == "两杯龙井，少冰"


@WALLETS
def test_words_that_are_too_long_are_cut_between_characters_and_shown_whole(
    product: Product, till: Till, wallet: str
) -> None:
    words = "桌" * 127
    content = scan(product, till, wallet, wxpay_pay_content_ext={"attach": words})
    asked = charged(product, till, content)
    told = asked["attach"] if wallet == "wechat" else unquote(asked["passback_params"])
    assert told == "桌" * {"wechat": 42, "alipay": 56}[wallet]
    if wallet == "wechat":
        said = query(till, number_of(content))["order_content"]["wxpay_order_content_ext"]
        assert said["attach"] == words


def test_names_that_make_the_goods_too_long_are_left_out(product: Product, till: Till) -> None:
    goods = [{"goods_id": f"G{n}", "goods_name": "茶" * 60, "quantity": 1, "price": 1}
             for n in range(30)]  # fmt: skip
    detail = json.dumps({"goods_detail": goods}, ensure_ascii=False)
    asked = charged(product, till, scan(product, till, detail=detail))
    for one in goods:
        del one["goods_name"]
    assert json.loads(asked["detail"]) == {"goods_detail": goods}


def test_the_payer_s_password_does_not_change_what_was_said(product: Product, till: Till) -> None:
    """A payment that waits is charged with the same words: the wallet keeps what it heard."""
    product.simulator.switch(*PASSWORD["alipay"])
    product.simulator.switch(HAS, "pcredit,balance")
    content = scan(
        product, till, "alipay", alipay_pay_content_ext={"disable_pay_channels": "pcredit"}
    )
    answer = till.call("micro_pay", content)
    assert state(answer["micro_pay"]) == 4
    product.simulator.wallet(
        "alipay", {"out_trade_no": number_of(content)}, "confirm", person="zhou"
    )
    product.wait_paid(number_of(content))
    trade = product.simulator.trade(number_of(content))
    assert trade is not None
    assert trade["paid_with"] == "ALIPAYACCOUNT"


def test_a_channel_that_is_not_taken_does_not_pay(product: Product, till: Till) -> None:
    product.simulator.switch(HAS, "pcredit,balance")
    for disabled, funds in (("", "PCREDIT"), ("pcredit", "ALIPAYACCOUNT")):
        content = scan(
            product, till, "alipay", alipay_pay_content_ext={"disable_pay_channels": disabled}
        )
        charged(product, till, content)
        trade = product.simulator.trade(number_of(content))
        assert trade is not None
        assert trade["paid_with"] == funds


@pytest.mark.parametrize("disabled", ["pcredit", "credit_group", ALL])
def test_a_payer_without_another_channel_is_refused_and_told_so(
    product: Product, till: Till, disabled: str
) -> None:
    product.simulator.switch(HAS, "pcredit")
    content = scan(
        product, till, "alipay", alipay_pay_content_ext={"disable_pay_channels": disabled}
    )
    answer = till.call("micro_pay", content)
    assert answer["status"] == 0
    assert state(answer["micro_pay"]) == 5
    assert "NO_PAYMENT_INSTRUMENTS_AVAILABLE" in answer["description"]
    row = order_row(product, number_of(content))
    assert (row.status, row.close_reason) == ("closed", "rejected")
    assert product.simulator.trade(number_of(content)) is None


def test_a_channel_that_alipay_does_not_have_is_the_wallet_s_refusal(
    product: Product, till: Till
) -> None:
    content = scan(
        product, till, "alipay", alipay_pay_content_ext={"disable_pay_channels": "huabei"}
    )
    answer = till.call("micro_pay", content)
    assert state(answer["micro_pay"]) == 5
    assert "INVALID_PARAMETER" in answer["description"]


@pytest.mark.parametrize("road", [SCAN_ALIPAY, PAGE_ALIPAY], ids=lambda road: road.name)
def test_on_the_other_roads_it_is_neither_listed_nor_used(
    product: Product, till: Till, road: Road
) -> None:
    product.simulator.switch(HAS, "pcredit,balance")
    content = order(
        till, road, attach="桌5", alipay_pay_content_ext={"disable_pay_channels": "pcredit"}
    )
    result = ordered(till, road, content)
    shown = {"wallet": "alipay", "params": sheet(road, result)}
    assert product.simulator.post("/sim/phone/sheet", shown)["ways"] == ["余额"]
    product.simulator.switch(HAS, "pcredit")
    status, said = product.simulator.wallet("alipay", sheet(road, result), person="lin")
    assert (status, said["code"]) == (400, "NO_PAYMENT_INSTRUMENTS_AVAILABLE")
    product.simulator.switch(HAS, "pcredit,balance")
    pay(product, road, result)
    product.wait_paid(number_of(content))
    trade = product.simulator.trade(number_of(content))
    assert trade is not None
    assert trade["paid_with"] == "ALIPAYACCOUNT"
    assert trade["asked"]["disable_pay_channels"] == "pcredit"
    assert unquote(trade["asked"]["passback_params"]) == "桌5"


def goods(price: int) -> str:
    return json.dumps({"goods_detail": [{"goods_id": "G1", "quantity": 2, "price": price}]})


BAD: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("wechat", "", {"detail": goods(618)}, "detail.goods_detail"),
    ("alipay", "", {"detail": goods(618)}, "detail.goods_detail"),
    ("wechat", "", {"detail": goods(-1)}, "detail.goods_detail[0].price"),
    ("wechat", WX, {"limit_pay": "no_debit"}, f"{WX}.limit_pay"),
    ("alipay", ALI, {"disable_pay_channels": "pcredit;point"}, f"{ALI}.disable_pay_channels"),
    ("alipay", ALI, {"disable_pay_channels": "花呗"}, f"{ALI}.disable_pay_channels"),
    ("alipay", ALI, {"royalty_info": "{}"}, f"{ALI}.royalty_info"),
    ("alipay", ALI, {"extend_params": "[]"}, f"{ALI}.extend_params"),
    ("alipay", ALI, {"undiscountable_amount": 1235}, f"{ALI}.undiscountable_amount"),
    ("alipay", ALI, {"undiscountable_amount": 1, "discountable_amount": 1232},
     f"{ALI}.undiscountable_amount"),
)  # fmt: skip


def test_what_is_wrong_is_refused_by_name_and_leaves_the_number_free(
    product: Product, till: Till
) -> None:
    for wallet, ext, said, named in BAD:
        before = calls(product, PAY[wallet])
        content = scan(product, till, wallet, **({ext: said} if ext else said))
        answer = till.call("micro_pay", content)
        assert answer["status"] == 104, (said, answer)
        assert answer["description"].startswith(f"参数pay_content.{named}"), (said, answer)
        assert calls(product, PAY[wallet]) == before
        again = scan(product, till, wallet, number=number_of(content))
        assert till.call("micro_pay", again)["status"] == 0, said


def test_another_wallet_s_words_and_a_member_s_card_have_none(product: Product, till: Till) -> None:
    """A till sends the same content whatever code it scans."""
    ext: dict[str, Any] = {ALI: {"royalty_info": "{}", "disable_pay_channels": "花呗"}}
    assert charged(product, till, scan(product, till, detail=goods(617), **ext))
    held = give_card(product.deps, 10_000)
    code = issue(product.deps, held.provider_id, held.card_id).text
    content = till.pay(code, 1000, detail=json.dumps(DETAIL), attach="桌5", **ext)
    content["pay_mch_key"]["pay_platform"] = 3
    answer = till.call("micro_pay", content)
    assert (answer["status"], state(answer["micro_pay"])) == (0, 2), answer
    assert query(till, number_of(content))["order_content"]["detail"] == json.dumps(DETAIL)


def test_other_words_under_the_same_number_are_another_payment(
    product: Product, till: Till
) -> None:
    content = scan(
        product, till, "alipay", alipay_pay_content_ext={"disable_pay_channels": "pcredit"}
    )
    charged(product, till, content)
    content["pay_content"][ALI] = {"disable_pay_channels": "balance"}
    assert refusal(till.call("micro_pay", content)) == (104, 407)
