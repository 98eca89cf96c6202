"""Orders of a merchant's own system that are refused before anything is done under their number."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models.order import PayOrder
from services import closing
from services.health.evidence import pages
from services.order_desk.telling import TELLERS, Told
from tests.harness.cloudpay import Till
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.harness.receiver import Receiver, receiver
from tests.integration.callbacks.helping import key_of, opened, post, tell, understood
from tests.integration.cloudpay.helping import calls, query, refusal, state
from tests.integration.cloudpay.ordering import (
    APP,
    H5,
    MINI,
    PAGE_ALIPAY,
    PAGE_WECHAT,
    SCAN_ALIPAY,
    SCAN_WECHAT,
    SCENE,
    SP_APPID,
    SUB_APPID,
    Road,
    attempt,
    number_of,
    openid,
    order,
    order_row,
    ordered,
    pay,
    sheet,
)

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


def _set(path: str, value: Any) -> Change:
    """Change one member of the content; None takes it away."""

    def change(content: dict[str, Any]) -> None:
        *outer, last = path.split(".")
        inner = content
        for name in outer:
            inner = inner.setdefault(name, {})
        inner.pop(last, None)
        if value is not None:
            inner[last] = value

    return change


def _goods(price: int) -> str:
    return json.dumps({"goods_detail": [{"goods_id": "G1", "quantity": 2, "price": price}]})


WX, ALI = "pay_content.wxpay_pay_content_ext", "pay_content.alipay_pay_content_ext"
KEY = "pay_mch_key.wxpay_pay_mch_key_ext"
BAD: tuple[tuple[Road, str, Any, str], ...] = (
    (SCAN_WECHAT, "pay_content.total_fee", 0, "pay_content.total_fee"),
    (SCAN_WECHAT, "pay_content.total_fee", 1.5, "pay_content.total_fee"),
    (SCAN_WECHAT, "pay_content.total_fee", 10**9, "pay_content.total_fee"),
    (SCAN_WECHAT, "pay_content.fee_type", "USD", "pay_content.fee_type"),
    (SCAN_WECHAT, "pay_content.time_expire", 1_500_000_000, "pay_content.time_expire"),
    (SCAN_WECHAT, "pay_content.time_expire", 2**40, "pay_content.time_expire"),
    (SCAN_WECHAT, "pay_content.time_expire", 4_000_000_000, ""),
    (SCAN_WECHAT, "pay_content.detail", _goods(618), "pay_content.detail.goods_detail"),
    (SCAN_WECHAT, "pay_content.detail", _goods(-1), "pay_content.detail.goods_detail[0].price"),
    (SCAN_WECHAT, f"{WX}.limit_pay", "no_debit", f"{WX}.limit_pay"),
    (SCAN_WECHAT, "pay_mch_key.pay_platform", None, "pay_mch_key.pay_platform"),
    (SCAN_WECHAT, "pay_mch_key.pay_platform", 3, "pay_mch_key.pay_platform"),
    (SCAN_WECHAT, "pay_mch_key.out_shop_id", "sz01nobody", "pay_mch_key.out_shop_id"),
    (SCAN_ALIPAY, f"{ALI}.undiscountable_amount", 1235, f"{ALI}.undiscountable_amount"),
    (SCAN_ALIPAY, ALI, {"undiscountable_amount": 1, "discountable_amount": 1232},
     f"{ALI}.undiscountable_amount"),
    (SCAN_ALIPAY, f"{ALI}.royalty_info", "{}", f"{ALI}.royalty_info"),
    (SCAN_ALIPAY, f"{ALI}.extend_params", "[]", f"{ALI}.extend_params"),
    (SCAN_ALIPAY, f"{ALI}.extend_params", '{"hb_fq_num": 3}', f"{ALI}.extend_params.hb_fq_num"),
    (PAGE_WECHAT, KEY, None, f"{KEY}.open_id"),
    (PAGE_ALIPAY, "pay_mch_key.alipay_pay_mch_key_ext", {"user_id": ""},
     "pay_mch_key.alipay_pay_mch_key_ext.user_id"),
    (MINI, f"{KEY}.mini_program_sub_app_id", None, f"{KEY}.mini_program_sub_app_id"),
    (MINI, f"{KEY}.sub_open_id", None, f"{KEY}.sub_open_id"),
    (MINI, "pay_mch_key.pay_platform", 2, "pay_mch_key.pay_platform"),
    (APP, f"{KEY}.mob_app_id", None, f"{KEY}.mob_app_id"),
    (H5, f"{WX}.scene_info", "", f"{WX}.scene_info"),
    (H5, f"{WX}.scene_info", "Wap", f"{WX}.scene_info"),
    (H5, f"{WX}.scene_info", '{"h5_info": []}', f"{WX}.scene_info.h5_info"),
    (H5, f"{WX}.scene_info", '{"h5_info": {"type": "TV"}}', f"{WX}.scene_info.h5_info.type"),
    (H5, "order_client.spbill_create_ip", "a phone", "order_client.spbill_create_ip"),
)  # fmt: skip


def test_what_is_wrong_is_refused_by_name_and_leaves_the_number_free(
    product: Product, till: Till
) -> None:
    for road, path, value, named in BAD:
        content = order(till, road)
        _set(path, value)(content)
        answer = till.call(road.method, content)
        if not named:
            assert answer["status"] == 0, "later than the longest is brought forward"
            row = order_row(product, number_of(content))
            assert (row.expires_at - row.created_at).total_seconds() == 7200
            continue
        assert answer["status"] == 104, (path, value, answer)
        assert answer["description"].startswith(f"参数{named}"), (path, value, answer)
        again = order(till, road)
        again["pay_content"]["out_trade_no"] = number_of(content)
        ordered(till, road, again)


def test_a_number_without_the_merchants_prefix_is_refused(product: Product, till: Till) -> None:
    for number in ("zz9900000000000001", till.prefix + "a-b", till.prefix[:5]):
        content = order(till, SCAN_WECHAT)
        content["pay_content"]["out_trade_no"] = number
        answer = till.call("scan_code_pay", content)
        assert refusal(answer) == (102, 1002), (number, answer)
    assert product.sql("SELECT 1 FROM pay_order WHERE intent_key LIKE 'api:%'") == []


def test_another_merchants_shop_is_refused_as_nobodys_is(product: Product, till: Till) -> None:
    other = Till.of(product, merchant=1)
    words = set()
    for shop in (other.out_shop_id, "sz01nobody0000000000"):
        content = order(till, SCAN_WECHAT)
        content["pay_mch_key"]["out_shop_id"] = shop
        answer = till.call("scan_code_pay", content)
        answer.pop("log_id")
        answer["scan_code_pay"].pop("nonce_str")
        words.add(json.dumps(answer))
    assert len(words) == 1
    ordered(other, SCAN_WECHAT, order(other, SCAN_WECHAT))


@pytest.mark.parametrize("table", ["merchant", "store", "provider"])
def test_who_is_switched_off_takes_no_money_and_the_number_stays_free(
    product: Product, till: Till, table: str
) -> None:
    where = {
        "merchant": "out_sub_mch_id = :m",
        "store": "out_shop_id = :s",
        "provider": "out_mch_id = :p",
    }[table]
    ids = {"m": till.out_sub_mch_id, "s": till.out_shop_id, "p": till.out_mch_id}
    content = order(till, SCAN_WECHAT)
    product.do(f"UPDATE {table} SET is_active = false WHERE {where}", **ids)
    answer = till.call("scan_code_pay", content)
    assert refusal(answer) == (104, 1007)
    assert "停用" in answer["description"]
    assert calls(product, "wechat.native") == 0
    product.do(f"UPDATE {table} SET is_active = true WHERE {where}", **ids)
    ordered(till, SCAN_WECHAT, content)


def test_a_number_that_another_order_has_is_refused_and_that_order_left_alone(
    product: Product, till: Till, phone: Callable[..., Phone], there: Receiver
) -> None:
    """A page's: its callback says nothing of the call that was refused."""
    tell(product, there)
    made = phone("wechat").start()
    number = product.sql("SELECT out_trade_no FROM pay_order ORDER BY id DESC")[0].out_trade_no
    content = order(till, SCAN_WECHAT)
    content["pay_content"]["out_trade_no"] = number
    assert refusal(till.call("scan_code_pay", content)) == (102, 1009)
    assert calls(product, "wechat.native") == 0
    phone("wechat").confirm(made)
    product.wait_paid(number)
    product.run_jobs()
    post(opened(product))
    said = understood(there.heard[0], key_of(product))["order_content"]
    assert (said["out_trade_no"], said["trade_type"], said["source_type"]) == (number, 8, 1)


def test_a_busy_wallet_is_asked_again_under_the_same_number(product: Product, till: Till) -> None:
    product.simulator.fault("alipay.precreate", "error", code="isv.app-call-limited")
    content = order(till, SCAN_ALIPAY)
    answer = till.call("scan_code_pay", content)
    assert refusal(answer) == (103, 1012)
    ordered(till, SCAN_ALIPAY, content)


def test_a_code_that_nobody_scanned_is_closed_when_it_is_over_and_not_before(
    product: Product, till: Till
) -> None:
    """Alipay has no trade to close yet: whoever holds the code can still scan it and pay."""
    content = order(till, SCAN_ALIPAY)
    number = number_of(content)
    result = ordered(till, SCAN_ALIPAY, content)
    held = attempt(product, number)
    ended = closing.close_attempt(product.deps, held.provider_id, held.id, actor="api")
    assert ended == "closing"
    assert query(till, number)["order_content"]["is_transforming"] is True
    product.simulator.advance(31)
    product.sweep()
    assert attempt(product, number).status == "closing"
    pay(product, SCAN_ALIPAY, result)
    product.wait_paid(number)
    assert state(query(till, number)) == 2


def test_a_code_that_was_to_be_closed_ends_with_its_time(product: Product, till: Till) -> None:
    content = order(till, SCAN_ALIPAY)
    number = number_of(content)
    result = ordered(till, SCAN_ALIPAY, content)
    held = attempt(product, number)
    closing.close_attempt(product.deps, held.provider_id, held.id, actor="api")
    for _ in range(5):
        product.simulator.advance(30)
        product.sweep()
    assert order_row(product, number).status == "closed"
    status, _ = product.simulator.wallet("alipay", sheet(SCAN_ALIPAY, result), person="lin")
    assert status == 400
    asked = [r for r in product.simulator.get("/sim/trail") if r["what"] == "alipay.trade.query"]
    assert len(asked) < 10, "it is waited out without hurry"


def test_a_payer_of_the_merchants_own_account_pays_on_its_page(
    product: Product, till: Till
) -> None:
    """The vendor's sample names the sub_open_id alone: the AppID is the merchant's own."""
    product.do(
        "UPDATE merchant SET wechat_sub_appid = :a WHERE out_sub_mch_id = :m",
        a=SUB_APPID, m=till.out_sub_mch_id,
    )  # fmt: skip
    content = order(till, PAGE_WECHAT)
    content["pay_mch_key"]["wxpay_pay_mch_key_ext"] = {"sub_open_id": openid(SUB_APPID)}
    result = ordered(till, PAGE_WECHAT, content)
    assert result["jsapi_args"]["wxpay"]["get_brand_wcpay"]["app_id"] == SUB_APPID
    said = result["pay_mch_key"]["wxpay_pay_mch_key_ext"]
    assert said == {
        "app_id": SP_APPID, "sub_app_id": SUB_APPID, "sub_open_id": openid(SUB_APPID)
    }  # fmt: skip
    pay(product, PAGE_WECHAT, result)
    product.wait_paid(number_of(content))
    product.do("UPDATE merchant SET wechat_sub_appid = NULL")
    content = order(till, PAGE_WECHAT)
    content["pay_mch_key"]["wxpay_pay_mch_key_ext"] = {"sub_open_id": openid(SUB_APPID)}
    answer = till.call("official_account_pay", content)
    assert answer["status"] == 104
    assert "sub_app_id" in answer["description"]


def test_what_the_merchants_system_says_reaches_the_wallet(product: Product, till: Till) -> None:
    """The simulator takes no field that its wallet does not know, and none in a wrong form."""
    wxpay = {"attach": "桌5", "goods_tag": "WXG", "limit_pay": "no_credit", "product_id": "P1"}
    alipay = {
        "undiscountable_amount": 234, "discountable_amount": 1000,
        "disable_pay_channels": "pcredit", "extend_params": '{"hb_fq_num": "3"}',
    }  # fmt: skip
    detail = json.dumps(
        {
            "cost_price": 1234.0,
            "receipt_id": "R1",
            "goods_detail": [
                {"goods_id": "G1", "goods_name": "龙井", "quantity": 2, "price": 617},
                {"goods_id": "G2", "quantity": 1, "price": 0},
            ],
        }
    )
    for road in (SCAN_WECHAT, SCAN_ALIPAY, PAGE_WECHAT, PAGE_ALIPAY, MINI, H5, APP):
        ext = {"wxpay_pay_content_ext": dict(wxpay), "alipay_pay_content_ext": alipay}
        content = order(till, road, detail=detail)
        content["pay_content"] |= ext
        if road is H5:
            content["pay_content"]["wxpay_pay_content_ext"]["scene_info"] = SCENE
        ordered(till, road, content)
        said = query(till, number_of(content))["order_content"]
        assert said["detail"] == detail
    content = order(till, SCAN_WECHAT, detail="两杯龙井，少冰")
    ordered(till, SCAN_WECHAT, content)
    assert query(till, number_of(content))["order_content"]["detail"] == "两杯龙井，少冰"


def test_an_order_lives_as_long_as_was_asked(product: Product, till: Till) -> None:
    now = int(product.deps.now().timestamp())
    for ahead, lives in ((600, 600), (5, 60)):
        content = order(till, SCAN_WECHAT, time_expire=now + ahead)
        ordered(till, SCAN_WECHAT, content)
        said = query(till, number_of(content))["order_content"]
        assert abs(said["time_expire"] - now - lives) <= 3


def test_its_story_tells_whose_system_asked_and_by_which_road(product: Product, till: Till) -> None:
    content = order(till, SCAN_WECHAT)
    pay(product, SCAN_WECHAT, ordered(till, SCAN_WECHAT, content))
    number = number_of(content)
    product.wait_paid(number)
    row = order_row(product, number)

    def first(session: Session) -> Told:
        order = session.get_one(PayOrder, (row.provider_id, row.id))
        return next(iter(TELLERS[0](session, order)))

    told = product.deps.transact(first)
    assert (told.who, told.at) == ("商户系统", row.created_at)
    assert "单笔二维码" in told.what


def test_pages_of_a_merchants_own_are_no_sign_that_ours_fail(product: Product, till: Till) -> None:
    """Unpaid orders in a row tell of our pages alone (config health)."""
    for _ in range(6):
        ordered(till, PAGE_WECHAT, order(till, PAGE_WECHAT))
    provider_id = product.one("SELECT id FROM provider WHERE out_mch_id = :m", m=till.out_mch_id).id
    later = product.deps.now() + timedelta(minutes=2)
    found = product.deps.transact(lambda s: pages(s, provider_id, later))
    assert found.failed_in_a_row == 0
