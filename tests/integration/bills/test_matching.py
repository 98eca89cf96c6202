"""A day's bill against our books: everything that differs is found, and nothing else."""

from __future__ import annotations

import datetime as dt

import pytest

from services.bills import comparing
from services.bills.days import ends
from tests.integration.bills.helping import WALLETS, Days, MakePhone, paid
from tests.integration.refunds.helping import refund

OTHER = "1900009999"


@WALLETS
def test_a_day_that_agrees_has_no_case(days: Days, phone: MakePhone, wallet: str) -> None:
    first = paid(days, phone, wallet)
    paid(days, phone, wallet, "0.01", "zhou")
    refund(days.product, first, 3000)
    days.simulator.advance(15)
    days.product.sweep()
    days.morning_after()
    found = days.match(wallet)
    assert found.is_clean, days.told()
    assert (found.trades, found.refunds, found.waiting) == (2, 1, 0)
    bill = days.bill(wallet)
    assert (bill.status, bill.trade_fen, bill.refund_fen) == ("matched", 10001, 3000)
    assert bill.fee_millifen == 60000 - 18000
    (sums,) = days.product.sql("SELECT * FROM bill_payee")
    assert (sums.trades, sums.trade_fen, sums.refund_fen) == (2, 10001, 3000)
    assert days.told() == []


@pytest.mark.books_differ
@WALLETS
def test_every_kind_of_difference_is_found_and_told_once(
    days: Days, phone: MakePhone, wallet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """failures.md 48: planted differences are found, none is invented, a second run adds none."""
    people = ("lin", "zhou", "chen", "p01", "p02", "p03")
    one, two, three, four, five, same = (
        paid(days, phone, wallet, "100", person).out_trade_no for person in people
    )
    back = refund(days.product, _row(days, five), 3000).out_refund_no
    days.simulator.advance(15)
    days.product.sweep()
    days.product.do("UPDATE pay_attempt SET transaction_id = 'x' WHERE out_trade_no = :n", n=four)
    days.morning_after()
    days.lie(
        wallet, f"drop:{one}", f"amount:{two}:1", f"duplicate:{three}", f"amount:{back}:-1",
        "extra:sz0100qhcsinvented1:777",
    )  # fmt: skip
    found = days.match(wallet)
    expected = sorted(
        [
            ("missing_there", "trade", one, "found"),
            ("amount", "trade", two, "found"),
            ("duplicate", "trade", three, "found"),
            ("state", "trade", four, "found"),
            ("amount", "refund", back, "found"),
            ("missing_here", "trade", "sz0100qhcsinvented1", "found"),
        ]
    )
    assert sorted(days.told()) == expected
    assert sum(found.differences.values()) == found.new_cases == 6
    assert not [case for case in days.cases() if case.number == same]
    amounts = {case.number: (case.bill_fen, case.our_fen) for case in days.cases()}
    assert amounts[two] == (10001, 10000)
    assert amounts[back] == (2999, 3000)
    assert amounts["sz0100qhcsinvented1"] == (777, None)
    assert amounts[one] == (None, 10000)
    before = days.cases()
    monkeypatch.setattr(comparing, "SHARE", 1)  # dealt into many parts, it is the same
    again = days.again(wallet)
    assert (again.new_cases, again.healed) == (0, 0)
    assert [c.id for c in days.cases()] == [c.id for c in before]
    assert sorted(days.told()) == expected


@pytest.mark.books_differ
@WALLETS
def test_a_difference_that_has_vanished_is_healed_by_itself(
    days: Days, phone: MakePhone, wallet: str
) -> None:
    number = paid(days, phone, wallet).out_trade_no
    days.morning_after()
    days.lie(wallet, f"amount:{number}:1")
    days.match(wallet)
    days.lie(wallet)
    assert days.again(wallet).healed == 1
    assert days.told() == [("amount", "trade", number, "healed")]
    assert days.cases()[0].healed_by == "match"
    days.lie(wallet, f"amount:{number}:1")
    assert days.again(wallet).new_cases == 0
    assert days.told() == [("amount", "trade", number, "found")]
    days.heal_due()


def test_a_foreign_merchant_s_row_is_a_case(days: Days, phone: MakePhone) -> None:
    """Our payment under another merchant's number, and a stranger's payment."""
    mine = paid(days, phone, "wechat").out_trade_no
    paid(days, phone, "wechat", "5", "zhou")
    days.morning_after()
    days.lie(
        "wechat", f"payee:{mine}:{OTHER}", "extra:strange00001:9", f"payee:strange00001:{OTHER}"
    )
    found = days.match("wechat")
    assert sum(found.differences.values()) == 2
    assert sorted(days.told()) == [
        ("foreign", "trade", "strange00001", "found"),
        ("foreign", "trade", mine, "found"),
    ]
    assert all(case.due_at is None for case in days.cases())
    assert {case.payee for case in days.cases()} == {OTHER}


def test_an_alipay_merchant_s_other_tills_are_no_difference(days: Days, phone: MakePhone) -> None:
    """The merchant's bill has what other programs charged; our numbers begin with the prefix."""
    paid(days, phone, "alipay")
    days.morning_after()
    days.lie("alipay", "extra:othertill00001:500", "extra:sz0100qhcslost1:600")
    found = days.match("alipay")
    assert found.elsewhere == 1
    assert days.told() == [("missing_here", "trade", "sz0100qhcslost1", "found")]


@WALLETS
def test_a_refund_of_another_day_s_payment_is_found(
    days: Days, phone: MakePhone, wallet: str
) -> None:
    order = paid(days, phone, wallet)
    days.simulator.advance(2 * 86400)
    later = days.on + dt.timedelta(days=2)
    refund(days.product, order, 3000)
    days.simulator.advance(15)
    days.product.sweep()
    days.morning_after(later)
    assert days.match(wallet).is_clean
    assert days.match(wallet, later).is_clean, days.told()
    assert days.bill(wallet, later).refund_fen == 3000


def test_a_refund_that_was_still_processing_in_the_bill_is_no_difference(
    days: Days, phone: MakePhone
) -> None:
    """The bill's state is of the morning after; ours has moved on since."""
    order = paid(days, phone, "wechat")
    days.simulator.switch("wechat.refund_delay_s", str(3 * 86400))
    refund(days.product, order, 3000)
    days.simulator.advance(3 * 86400 + 60)
    days.product.sweep()
    assert days.product.one("SELECT status FROM refund").status == "success"
    assert days.match("wechat").is_clean, days.told()
    done = days.on + dt.timedelta(days=3)
    days.morning_after(done)
    found = days.match("wechat", done)
    assert found.is_clean, days.told()  # it stands in the bill of the day it was asked for


def _row(days: Days, number: str) -> object:
    return days.product.one("SELECT * FROM pay_order WHERE out_trade_no = :n", n=number)


# --- midnight -------------------------------------------------------------------------------------


def _shift(days: Days, number: str, seconds: float) -> None:
    """Our clock was off when this was paid."""
    days.product.do(
        "UPDATE pay_attempt SET paid_at = paid_at + make_interval(secs => :s)"
        " WHERE out_trade_no = :n",
        s=seconds,
        n=number,
    )


@pytest.mark.parametrize("first", ["the day itself", "the next day"])
@WALLETS
def test_midnight_between_two_clocks_gives_no_difference(
    days: Days, phone: MakePhone, wallet: str, first: str
) -> None:
    """23:59:58 there, 00:00:01 here; and 00:00:01 there, 23:59:58 here."""
    midnight = ends(days.on)
    days.go_to(midnight - dt.timedelta(seconds=2.5))
    early = paid(days, phone, wallet, "3", "lin").out_trade_no
    days.go_to(midnight + dt.timedelta(seconds=1))
    late = paid(days, phone, wallet, "4", "zhou").out_trade_no
    _shift(days, early, 5)
    _shift(days, late, -8)
    tomorrow = days.on + dt.timedelta(days=1)
    days.morning_after(tomorrow)
    order = [days.on, tomorrow] if first == "the day itself" else [tomorrow, days.on]
    days.bill(wallet, days.on)
    for on in order:
        assert days.match(wallet, on).is_clean, days.told()
    assert {status for *_, status in days.told()} <= {"healed"}
    assert all(days.match(wallet, on).is_clean for on in order)


@pytest.mark.books_differ
def test_what_neither_day_has_becomes_a_case_with_the_second_bill(
    days: Days, phone: MakePhone
) -> None:
    days.go_to(ends(days.on) - dt.timedelta(seconds=90))
    number = paid(days, phone, "wechat").out_trade_no
    paid(days, phone, "wechat", "1", "zhou")
    days.lie("wechat", f"drop:{number}")
    days.morning_after()
    found = days.match("wechat")
    assert (found.is_clean, found.waiting) == (True, 1)
    assert days.told() == [("missing_there", "trade", number, "waiting")]
    tomorrow = days.on + dt.timedelta(days=1)
    days.morning_after(tomorrow)
    days.match("wechat", tomorrow)
    assert days.told() == [("missing_there", "trade", number, "found")]


# --- empty days -----------------------------------------------------------------------------------


@pytest.mark.books_differ
@WALLETS
def test_an_empty_bill_of_a_day_on_which_we_were_paid_is_a_difference(
    days: Days, phone: MakePhone, wallet: str
) -> None:
    number = paid(days, phone, wallet).out_trade_no
    days.lie(wallet, f"drop:{number}")
    days.morning_after()
    assert days.fetch(wallet).status == "empty"
    days.match(wallet)
    assert days.told() == [("missing_there", "trade", number, "found")]
