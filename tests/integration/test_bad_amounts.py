"""What a payer types is exact or refused, and a refusal writes nothing (failures 20)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import orders

MakePhone = Callable[..., Phone]
BAD = [
    "0", "0.00", "-1", "-0.01", "+1", "0.001", "1.234", "12.340", "1e9", "1E2", "1,000", "1，000",
    "１２", "１．０", "1．0", "٣", "", " ", " 1", "1 ", "1\t", "1\n", "1\x00", ".5", "5.", ".",
    "00.5", "01", "0x10", "NaN", "inf", "Infinity", "1_000", "一", "1.2.3", "1 2", "¥1", "9" * 40,
    "9" * 13, "21474836.48", "5000.01", "1\u200b", "1\ufeff", "1'", "1;DROP TABLE x", "{{7*7}}",
]  # fmt: skip


def refused(product: Product, answer: requests.Response, code: str) -> None:
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert orders(product) == []


@pytest.fixture(params=["wechat", "alipay"])
def payer(phone: MakePhone, request: pytest.FixtureRequest) -> Phone:
    return phone(request.param)


def test_amounts_that_are_not_exact_yuan_are_refused(
    product: Product, simulator: Simulator, payer: Phone
) -> None:
    form = payer.form()
    for typed in BAD:
        answer = payer.press(form, typed)
        code = answer.json()["error"]["code"]
        assert answer.status_code == 400, repr(typed)
        assert code in ("AMOUNT_INVALID", "AMOUNT_TOO_SMALL", "AMOUNT_OVER_LIMIT"), repr(typed)
        assert orders(product) == [], repr(typed)
    assert product.sql("SELECT 1 FROM pay_attempt") == []
    assert simulator.books() == []


@pytest.mark.parametrize(
    ("typed", "fen"),
    [("0.01", 1), ("0.1", 10), ("1", 100), ("1.0", 100), ("19.99", 1999), ("5000", 500000)],
)
def test_good_amounts_are_exact(
    product: Product, simulator: Simulator, phone: MakePhone, typed: str, fen: int
) -> None:
    phone().pay(amount=typed)
    number = orders(product)[0].out_trade_no
    product.wait_paid(number)
    assert orders(product)[0].amount_fen == fen
    assert simulator.books()[0]["amount_fen"] == fen


def test_the_narrowest_limit_wins_and_is_named(product: Product, phone: MakePhone) -> None:
    product.do("UPDATE merchant SET min_fen = 100, max_fen = 2000")
    product.do("UPDATE store SET min_fen = 500, max_fen = 3000")
    payer = phone()
    form = payer.form()
    low, high = payer.press(form, "4.99"), payer.press(form, "20.01")
    refused(product, low, "AMOUNT_TOO_SMALL")
    assert "5.00" in low.text
    refused(product, high, "AMOUNT_OVER_LIMIT")
    assert "20.00" in high.text
    assert payer.press(form, "5.00").status_code == 200
    assert payer.press(form, "20.00").status_code == 200


@pytest.mark.parametrize(
    "typed", ["0", "100", "abc", "", "-1", "1.5", "１", "1e1", " 1", "000", "999999", "²", "٣"]
)
def test_a_fixed_code_refuses_a_quantity_that_is_none(
    product: Product, phone: MakePhone, typed: str
) -> None:
    payer = phone()
    refused(product, payer.press(payer.form("6P0HJ8"), quantity=typed), "AMOUNT_INVALID")


def test_a_fixed_code_charges_price_times_quantity_whatever_amount_is_sent(
    product: Product, phone: MakePhone
) -> None:
    payer = phone()
    made = payer.press(payer.form("6P0HJ8"), amount="0.01", quantity="3").json()
    payer.confirm(made)
    product.wait_paid(orders(product)[0].out_trade_no)
    assert orders(product)[0].amount_fen == 3 * 2800
    assert orders(product)[0].quantity == 3


@pytest.mark.parametrize("part", ["10.01", "-1", "1e1", "0.001", "abc"])
def test_an_undiscountable_part_above_the_total_or_unreadable_is_refused(
    product: Product, phone: MakePhone, part: str
) -> None:
    payer = phone("alipay")
    form = payer.form("2W7ND6")
    refused(product, payer.press(form, "10.00", undiscountable=part), "AMOUNT_INVALID")


@pytest.mark.parametrize(("part", "kept"), [("10.00", 1000), ("", None), ("0", None), ("3", 300)])
def test_an_undiscountable_part_up_to_the_total_is_kept(
    product: Product, phone: MakePhone, part: str, kept: int | None
) -> None:
    payer = phone("alipay")
    made = payer.press(payer.form("2W7ND6"), "10.00", undiscountable=part).json()
    assert orders(product)[0].undiscountable_fen == kept
    payer.confirm(made)
    product.wait_paid(orders(product)[0].out_trade_no)


@pytest.mark.parametrize("deposit", ["-1", "1e3", "0.001", "x", "5000"])
def test_a_bad_deposit_is_refused(product: Product, phone: MakePhone, deposit: str) -> None:
    payer = phone()
    answer = payer.press(payer.form("6P0HK2"), "1.00", deposit=deposit)
    assert answer.status_code == 400
    assert orders(product) == []


def test_a_deposit_is_added_and_named_in_the_remark(product: Product, phone: MakePhone) -> None:
    payer = phone()
    payer.press(payer.form("6P0HK2"), "5.00", deposit="99.00", remark="红" * 42)
    order = orders(product)[0]
    assert (order.amount_fen, order.deposit_fen) == (10400, 9900)
    assert order.remark.startswith("含押金 99.00 元")
    assert len(order.remark.encode()) <= 127


@pytest.mark.parametrize(
    "remark",
    [
        "a" * 128,
        "红" * 43,
        "😀" * 32,
        "a\x00b",
        "a\x1bb",
        "a\nb",
        "a\x7f",
        "\u202eevil",
        "a\u2028b",
    ],
)
def test_a_remark_too_long_or_with_control_characters_is_refused(
    product: Product, phone: MakePhone, remark: str
) -> None:
    payer = phone()
    answer = payer.press(payer.form(), remark=remark)
    assert answer.status_code == 400, repr(remark)
    assert orders(product) == []


@pytest.mark.parametrize(
    "remark",
    ["a" * 127, "红" * 42, "😀" * 31, "👨‍👩‍👧 三份", "<script>alert(1)</script>", "'; --", "%s"],
)
def test_an_ordinary_remark_is_kept_as_typed(
    product: Product, phone: MakePhone, remark: str
) -> None:
    payer = phone()
    assert payer.press(payer.form(), remark=remark).status_code == 200
    assert orders(product)[0].remark == remark
    page = payer.scan().text
    assert "<script>alert(1)" not in page


def test_a_form_that_is_far_too_big_is_refused(product: Product, phone: MakePhone) -> None:
    payer = phone()
    form = payer.form()
    assert payer.press(form, remark="a" * 300_000).status_code == 413
    assert payer.press(form, **{f"x{n}": "1" for n in range(500)}).status_code in (200, 413)
