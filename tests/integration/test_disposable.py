"""Signed one-off pages of a merchant's own system (product DSP-1 to DSP-3)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.harness.phone import MAIN, Phone, words
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import attempts, orders, payable_upstream
from tests.integration.mailbox import Mailbox

MakePhone = Callable[..., Phone]
PATH = "/cpay/qrcode_disposable_payment"
QINGHE, NANCHUANG = "sub01QINGHE8H2K4M6P9", "sub02NANCHUANG5T7W2Y"


class Till:
    """The merchant's own system: it holds the merchant's key and signs links."""

    def __init__(self, product: Product, merchant: str = QINGHE) -> None:
        row = product.one(
            "SELECT seal_key, authen_key_sealed FROM merchant WHERE out_sub_mch_id = :m", m=merchant
        )
        place = f"merchant.authen_key_sealed.{row.seal_key}"
        self.key = product.deps.ring.open(row.authen_key_sealed, place)
        self.product = product

    def values(
        self, number: str = "sz0100qhcs_A1", fee: str = "1234", **more: str
    ) -> dict[str, str]:
        values = {
            "out_shop_id": "qinghe-hubin",
            "total_fee": fee,
            "trade_num": number,
            "ts": str(int(self.product.deps.now().timestamp())),
            "nonce": secrets.token_hex(8),
            **more,
        }
        values["sign"] = self.sign(values)
        return values

    def sign(self, values: dict[str, str]) -> str:
        names = ("nonce", "out_shop_id", "total_fee", "trade_num", "ts")
        text = "&".join(f"{name}={values[name]}" for name in names)
        return hmac.new(self.key.encode(), text.encode(), hashlib.sha256).hexdigest().upper()

    def link(self, number: str = "sz0100qhcs_A1", fee: str = "1234", **more: str) -> str:
        return f"{PATH}?{urlencode(self.values(number, fee, **more))}"


@pytest.fixture
def till(product: Product) -> Till:
    return Till(product)


def start(payer: Phone, link: str) -> dict[str, Any]:
    answer = payer.press(payer.form(path=link))
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def code_of(payer: Phone, link: str) -> tuple[int, str]:
    """Status and code of a refusal, as the page shows it and its script hears it."""
    answer = payer.get(link, headers={"Accept": "application/json"})
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_a_signed_link_pays_exactly_its_amount_under_its_number(
    product: Product, simulator: Simulator, phone: MakePhone, till: Till, wallet: str
) -> None:
    payer = phone(wallet)
    made = start(payer, till.link())
    payer.confirm(made)
    product.wait_paid("sz0100qhcs_A1")
    assert simulator.books()[0]["out_trade_no"] == "sz0100qhcs_A1"
    assert simulator.books()[0]["amount_fen"] == 1234
    again = payer.get(till.link())
    assert "付款成功" in words(again.text)
    assert "/o/" in again.url


def test_the_amount_in_the_form_does_not_count(
    product: Product, simulator: Simulator, phone: MakePhone, till: Till
) -> None:
    payer = phone()
    answer = payer.press(payer.form(path=till.link()), amount="0.01", total_fee="1")
    assert answer.status_code == 200
    assert orders(product)[0].amount_fen == 1234


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "no sign": ({"sign": ""}, "SIGN_INVALID"),
    "lower case": ({"sign": "lower"}, "SIGN_INVALID"),
    "another sign": ({"sign": "0" * 64}, "SIGN_INVALID"),
    "not ascii": ({"sign": "é"}, "SIGN_INVALID"),
    "amount edited": ({"total_fee": "1"}, "SIGN_INVALID"),
    "number edited": ({"trade_num": "sz0100qhcs_B1"}, "SIGN_INVALID"),
    "store edited": ({"out_shop_id": "qinghe-dongpo"}, "SIGN_INVALID"),
    "time edited": ({"ts": "1"}, "SIGN_INVALID"),
    "nonce edited": ({"nonce": "x"}, "SIGN_INVALID"),
    "store unknown": ({"out_shop_id": "nobody"}, "PAY_CODE_UNKNOWN"),
    "store missing": ({"out_shop_id": ""}, "PAY_CODE_UNKNOWN"),
    "zero": ({"total_fee": "0"}, "AMOUNT_INVALID"),
    "negative": ({"total_fee": "-1"}, "LINK_INVALID"),
    "fraction": ({"total_fee": "12.34"}, "LINK_INVALID"),
    "full width": ({"total_fee": "１２"}, "LINK_INVALID"),
    "exponent": ({"total_fee": "1e9"}, "LINK_INVALID"),
    "too much": ({"total_fee": "2147483648"}, "AMOUNT_INVALID"),
    "huge": ({"total_fee": "9" * 50}, "LINK_INVALID"),
    "number too long": ({"trade_num": "sz0100qhcs" + "x" * 23}, "LINK_INVALID"),
    "number with a bar": ({"trade_num": "sz0100qhcs|1"}, "LINK_INVALID"),
    "number empty": ({"trade_num": ""}, "LINK_INVALID"),
}


@pytest.mark.parametrize(("change", "code"), WRONG.values(), ids=WRONG.keys())
def test_a_link_that_was_changed_is_refused_before_anything_is_written(
    product: Product, phone: MakePhone, till: Till, change: dict[str, str], code: str
) -> None:
    values = till.values()
    changed = values | change
    if change.get("sign") == "lower":
        changed["sign"] = values["sign"].lower()
    assert code_of(phone(), f"{PATH}?{urlencode(changed)}")[1] == code
    assert orders(product) == []


def test_fields_beyond_the_signed_ones_do_not_matter(
    product: Product, phone: MakePhone, till: Till
) -> None:
    assert "bridge" in start(phone(), till.link() + "&rid=5&openid=oStranger&total=1")
    assert orders(product)[0].amount_fen == 1234


def test_a_field_given_twice_counts_as_its_first_and_must_be_signed_so(
    product: Product, phone: MakePhone, till: Till
) -> None:
    payer = phone()
    assert "bridge" in start(payer, till.link() + "&total_fee=1")
    assert orders(product)[0].amount_fen == 1234


@pytest.mark.parametrize(("seconds", "fine"), [(590, True), (620, False), (-590, True)])
def test_a_link_lives_ten_minutes(
    product: Product, phone: MakePhone, till: Till, seconds: int, fine: bool
) -> None:
    old = str(int(product.deps.now().timestamp()) - seconds)
    answer = phone().get(till.link(ts=old), headers={"Accept": "application/json"})
    assert (answer.status_code == 200) == fine
    if not fine:
        assert answer.json()["error"]["code"] == "LINK_EXPIRED"


def test_a_nonce_serves_one_link_only(product: Product, phone: MakePhone, till: Till) -> None:
    payer = phone()
    once = till.link(nonce="once")
    assert payer.get(once).status_code == 200
    assert code_of(payer, till.link("sz0100qhcs_A2", nonce="once")) == (403, "NONCE_REUSED")
    assert payer.get(once).status_code == 200, "the same link may be opened again"


def test_without_a_signature_only_where_the_merchant_allows_it(
    product: Product, phone: MakePhone, till: Till
) -> None:
    bare = f"{PATH}?out_shop_id=qinghe-hubin&total_fee=500&trade_num=sz0100qhcs_U1"
    payer = phone()
    assert code_of(payer, bare) == (403, "SIGN_INVALID")
    product.do("UPDATE merchant SET unsigned_links = true WHERE out_sub_mch_id = :m", m=QINGHE)
    assert "bridge" in start(payer, bare)
    assert code_of(payer, bare + "&sign=wrong") == (403, "SIGN_INVALID"), "a wrong one never counts"


def test_another_merchant_s_key_or_prefix_does_not_open_a_store(
    product: Product, phone: MakePhone, till: Till
) -> None:
    foreign = Till(product, NANCHUANG)
    payer = phone()
    assert code_of(payer, foreign.link()) == (403, "SIGN_INVALID")
    assert code_of(payer, till.link("01000052_A1")) == (400, "LINK_INVALID"), "not our prefix"
    assert (
        code_of(payer, foreign.link("01000052_A1", out_shop_id="qinghe-hubin"))[1] == "LINK_INVALID"
    )
    assert orders(product) == []


def test_the_same_number_with_another_amount_is_refused(
    product: Product, simulator: Simulator, phone: MakePhone, till: Till
) -> None:
    payer = phone()
    form = payer.form(path=till.link())
    payer.press(form)
    assert code_of(payer, till.link(fee="999")) == (409, "ORDER_CONFLICT")
    second = phone("wechat", "zhou")
    assert code_of(second, till.link(fee="999"))[1] == "ORDER_CONFLICT"
    assert [order.amount_fen for order in orders(product)] == [1234]
    assert payable_upstream(simulator) == ["sz0100qhcs_A1"]


def test_the_same_number_and_amount_continues_the_order(
    product: Product, simulator: Simulator, phone: MakePhone, till: Till
) -> None:
    payer = phone()
    start(payer, till.link())
    made = start(payer, till.link())
    payer.confirm(made)
    product.wait_paid("sz0100qhcs_A1")
    assert len(attempts(product)) == 1


@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_two_phones_have_one_payable_trade_and_the_second_sees_the_state(
    product: Product, simulator: Simulator, phone: MakePhone, till: Till, wallet: str
) -> None:
    first, second = phone(wallet, "lin"), phone(wallet, "zhou")
    late_form = second.form(path=till.link())  # opened before the first pressed
    made = start(first, till.link())
    pressed = second.press(late_form).json()
    assert "bridge" not in pressed
    assert second.state(pressed)["state"] == "pending"
    assert "/o/" in second.get(till.link()).url
    assert payable_upstream(simulator) == ["sz0100qhcs_A1"]
    first.confirm(made)
    product.wait_paid("sz0100qhcs_A1")
    assert second.state(pressed, seen="pending")["state"] == "paid"


@pytest.mark.parametrize(("one", "two"), [("wechat", "alipay"), ("alipay", "wechat")])
def test_the_other_wallet_is_offered_only_after_the_first_is_closed_upstream(
    product: Product, simulator: Simulator, phone: MakePhone, till: Till, one: str, two: str
) -> None:
    first, second = phone(one, "lin"), phone(two, "zhou")
    was = start(first, till.link())
    now = start(second, till.link())
    assert "bridge" in now
    assert payable_upstream(simulator) == ["sz0100qhcs_A1_2"]
    status, _ = simulator.wallet(one, was["bridge"], person="lin")
    assert status == 400
    second.confirm(now)
    product.wait_paid("sz0100qhcs_A1_2")
    order = orders(product)[0]
    assert (order.status, order.channel, order.out_trade_no) == ("paid", two, "sz0100qhcs_A1")


@pytest.mark.parametrize(("one", "two"), [("wechat", "alipay"), ("alipay", "wechat")])
def test_paid_in_between_the_other_wallet_is_never_offered(
    product: Product, simulator: Simulator, phone: MakePhone, till: Till, mailbox: Mailbox,
    one: str, two: str,
) -> None:  # fmt: skip
    first, second = phone(one, "lin"), phone(two, "zhou")
    form = second.form(path=till.link())
    first.confirm(start(first, till.link()))
    made = second.press(form).json()
    assert "bridge" not in made
    assert second.state(made)["state"] == "paid"
    assert attempts(product) == [("sz0100qhcs_A1", "paid")]


@pytest.mark.parametrize(("one", "two"), [("wechat", "alipay"), ("alipay", "wechat")])
def test_while_the_first_wallet_is_silent_the_other_is_not_offered(
    product: Product, simulator: Simulator, phone: MakePhone, till: Till, one: str, two: str
) -> None:
    first, second = phone(one, "lin"), phone(two, "zhou")
    made = start(first, till.link())
    form = second.form(path=till.link())
    simulator.fault(f"{one}.close", "error", times=4)
    simulator.fault(f"{one}.query", "error", times=4)
    answer = second.press(form)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "PAY_PENDING")
    page = second.http.post(product.url + form.action, data={"intent": form.intent}, timeout=10)
    assert page.status_code == 409
    public_id = orders(product)[0].public_id
    assert f"/q/{MAIN}/o/{public_id}" in page.text, "the page leads to the order's state"
    simulator.clear_faults()
    first.confirm(made)
    product.wait_paid("sz0100qhcs_A1")


def test_a_form_of_another_phone_is_refused(product: Product, phone: MakePhone, till: Till) -> None:
    form = phone("wechat", "lin").form(path=till.link())
    other = phone("wechat", "zhou")
    other.form(path=till.link())
    answer = other.press(form)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "PAYER_CHANGED")
    assert orders(product) == []


def test_a_number_that_a_store_code_already_used_is_a_conflict(
    product: Product, phone: MakePhone, till: Till
) -> None:
    phone().start()
    number = attempts(product)[0][0]
    payer = phone("wechat", "zhou")
    answer = payer.press(payer.form(path=till.link(number)))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ORDER_CONFLICT")
    assert len(attempts(product)) == 1


def test_any_other_browser_is_asked_to_scan_with_a_wallet(
    product: Product, phone: MakePhone, till: Till
) -> None:
    page = phone("browser").get(till.link())
    assert page.status_code == 200
    assert "微信" in words(page.text)
    assert 'name="intent"' not in page.text
