"""Only the wallet's own word heals a difference; everything else is a person's."""

from __future__ import annotations

from typing import Any

import pytest

from errors import BadInput, Conflict, NotFound
from services.bills import cases, healing, voiding
from tests.integration.bills.helping import WALLETS, Days, MakePhone, paid
from tests.integration.looking import calls, orders
from tests.integration.losing import lose_order
from tests.integration.refunds.helping import refund, refunds, room

QUERY = {"wechat": "wechat.query", "alipay": "alipay.trade.query"}
ACTOR = "test:zhang"


def unpay(days: Days, order: Any) -> None:
    """As if the payment had never been heard of here."""
    days.product.do("DELETE FROM procrastinate_jobs WHERE status = 'todo'")
    days.product.do(
        "UPDATE pay_attempt SET status = 'closed', paid_at = NULL, transaction_id = NULL,"
        " due_at = NULL WHERE order_id = :o",
        o=order.id,
    )
    days.product.do(
        "UPDATE pay_order SET status = 'closed', close_reason = 'expired', paid_at = NULL,"
        " transaction_id = NULL WHERE id = :o",
        o=order.id,
    )


def the_case(days: Days) -> Any:
    (case,) = days.cases()
    return case


def audited(days: Days, action: str) -> list[Any]:
    return days.product.sql("SELECT * FROM audit_entry WHERE action = :a ORDER BY id", a=action)


@WALLETS
def test_a_payment_that_we_lost_comes_back_by_the_wallet_s_word(
    days: Days, phone: MakePhone, wallet: str
) -> None:
    order = paid(days, phone, wallet)
    lose_order(days.product, order.out_trade_no)
    days.morning_after()
    days.match(wallet)
    assert days.told() == [("missing_here", "trade", order.out_trade_no, "found")]
    days.heal_due()
    (made,) = orders(days.product)
    assert (made.status, made.amount_fen, made.merchant_id) == ("paid", 10000, order.merchant_id)
    case = the_case(days)
    assert (case.status, case.healed_by) == ("healed", "worker")
    assert len(audited(days, "healed_from_bill")) == 1
    assert days.match(wallet).is_clean
    assert healing.heal(days.product.deps, case.id, ACTOR) == "healed"
    assert len(orders(days.product)) == 1


@pytest.mark.books_differ
@WALLETS
def test_a_row_that_the_wallet_does_not_confirm_becomes_nothing(
    days: Days, phone: MakePhone, wallet: str
) -> None:
    paid(days, phone, wallet)
    days.morning_after()
    days.lie(wallet, "extra:sz0100qhcsinvented1:777")
    days.match(wallet)
    days.heal_due()
    assert len(orders(days.product)) == 1
    case = the_case(days)
    assert (case.status, case.due_at) == ("found", None)
    assert case.facts["asked"]["adopted"].startswith("no")


@WALLETS
def test_a_payment_whose_success_we_missed_is_healed_by_asking(
    days: Days, phone: MakePhone, wallet: str
) -> None:
    order = paid(days, phone, wallet)
    unpay(days, order)
    days.morning_after()
    days.match(wallet)
    assert days.told() == [("state", "trade", order.out_trade_no, "found")]
    days.heal_due()
    assert orders(days.product)[0].status == "paid"
    assert the_case(days).status == "healed"
    assert len(audited(days, "order_paid_late")) == 1


@WALLETS
def test_no_answer_leaves_the_case_and_a_due_time(
    days: Days, phone: MakePhone, wallet: str
) -> None:
    order = paid(days, phone, wallet)
    unpay(days, order)
    days.morning_after()
    days.match(wallet)
    days.simulator.fault(QUERY[wallet], "drop", times=1)
    days.heal_due()
    case = the_case(days)
    assert (case.status, case.tries) == ("found", 1)
    assert case.due_at > days.product.deps.now()
    assert orders(days.product)[0].status == "closed"
    days.simulator.advance(3600)
    days.heal_due()
    assert the_case(days).status == "healed"


@pytest.mark.books_differ
@WALLETS
def test_the_bill_s_word_alone_pays_nothing(days: Days, phone: MakePhone, wallet: str) -> None:
    """The wallet is asked and says another amount than we have: frozen, not paid."""
    order = paid(days, phone, wallet)
    unpay(days, order)
    days.product.do("UPDATE pay_attempt SET amount_fen = 9999 WHERE order_id = :o", o=order.id)
    days.morning_after()
    days.lie(wallet, f"amount:{order.out_trade_no}:-1")
    days.match(wallet)
    assert days.told() == [("state", "trade", order.out_trade_no, "found")]
    asked_before = calls(days.simulator, QUERY[wallet])
    days.heal_due()
    assert calls(days.simulator, QUERY[wallet]) == asked_before + 1
    (row,) = orders(days.product)
    assert (row.status, row.is_frozen) == ("closed", True)
    assert the_case(days).status == "found"


@WALLETS
def test_a_refund_that_we_lost_comes_back_under_its_payment(
    days: Days, phone: MakePhone, wallet: str
) -> None:
    order = paid(days, phone, wallet)
    number = refund(days.product, order, 3000).out_refund_no
    days.simulator.advance(15)
    days.product.sweep()
    lose_order(days.product, order.out_trade_no)
    days.morning_after()
    days.match(wallet)
    kinds = {(c.kind, c.subject) for c in days.cases()}
    assert kinds == {("missing_here", "trade"), ("missing_here", "refund")}
    days.heal_due()
    days.simulator.advance(3600)
    days.heal_due()
    assert [(r.out_refund_no, r.status) for r in refunds(days.product)] == [(number, "success")]
    assert room(days.product, orders(days.product)[0]) == (3000, 3000)
    assert {c.status for c in days.cases()} == {"healed"}
    assert days.match(wallet).is_clean


@pytest.mark.books_differ
def test_what_we_have_as_paid_is_never_undone_by_a_bill(days: Days, phone: MakePhone) -> None:
    number = paid(days, phone, "wechat").out_trade_no
    paid(days, phone, "wechat", "1", "zhou")
    days.morning_after()
    days.lie("wechat", f"drop:{number}")
    days.match("wechat")
    days.heal_due()
    case = the_case(days)
    assert (case.status, case.facts["asked"]["said"]) == ("found", "SUCCESS")
    with pytest.raises(Conflict):
        voiding.void(days.product.deps, case.id, actor=ACTOR, reason="not in the bill")
    assert orders(days.product)[0].status == "paid"


# --- people ---------------------------------------------------------------------------------------


@pytest.mark.books_differ
def test_a_person_explains_and_closes_one_case_at_a_time(days: Days, phone: MakePhone) -> None:
    number = paid(days, phone, "wechat").out_trade_no
    days.morning_after()
    days.lie("wechat", f"amount:{number}:1")
    days.match("wechat")
    deps, case = days.product.deps, the_case(days)
    with pytest.raises(Conflict, match="heal or explain"):
        cases.close(deps, case.id, actor=ACTOR)
    with pytest.raises(BadInput):
        cases.explain(deps, case.id, actor=ACTOR, reason="  ")
    with pytest.raises(NotFound):
        cases.explain(deps, case.id + 1, actor=ACTOR, reason="x")
    cases.explain(deps, case.id, actor=ACTOR, reason="微信当日更正，差 1 分")
    assert cases.open_bill_cases(deps) == []
    assert days.match("wechat").new_cases == 0
    row = the_case(days)
    assert (row.status, row.explained_by, row.reason) == (
        "explained", ACTOR, "微信当日更正，差 1 分",
    )  # fmt: skip
    cases.close(deps, case.id, actor=ACTOR)
    with pytest.raises(Conflict):
        cases.close(deps, case.id, actor=ACTOR)
    assert (the_case(days).status, the_case(days).closed_by) == ("closed", ACTOR)
    assert len(audited(days, "bill_case_explained")) == len(audited(days, "bill_case_closed")) == 1
    with pytest.raises(Exception, match="explained_by_somebody"):
        days.product.do("UPDATE bill_case SET status = 'explained', reason = ''")


def test_a_refund_that_the_wallet_never_had_is_void_by_a_person(
    days: Days, phone: MakePhone
) -> None:
    """decisions.md 2: void is set by a person after the bill; its room is free again."""
    order = paid(days, phone, "wechat")
    days.simulator.fault("wechat.refund", "drop")
    assert refund(days.product, order, 3000).status == "unknown"
    days.morning_after()
    days.match("wechat")
    number = f"{order.out_trade_no}R1"
    assert days.told() == [("missing_there", "refund", number, "found")]
    days.heal_due()
    case = the_case(days)
    assert (case.status, room(days.product, order)) == ("found", (3000, 0))
    voiding.void(days.product.deps, case.id, actor=ACTOR, reason="从未送达")
    assert refunds(days.product)[0].status == "void"
    assert room(days.product, order) == (0, 0)
    assert the_case(days).status == "explained"
    assert len(audited(days, "voided_after_bill")) == 1


def test_an_order_that_the_wallet_never_had_is_void_by_a_person(
    days: Days, phone: MakePhone
) -> None:
    days.simulator.fault("wechat.jsapi", "drop", times=5)
    buyer = phone()
    buyer.press(buyer.form(), "9")
    (order,) = orders(days.product)
    days.morning_after()
    days.match("wechat")
    assert days.told() == [("missing_there", "trade", order.out_trade_no, "found")]
    voiding.void(days.product.deps, the_case(days).id, actor=ACTOR, reason="从未送达")
    (row,) = orders(days.product)
    assert (row.status, row.close_reason) == ("closed", "void")


def test_what_the_wallet_knows_is_not_void(days: Days, phone: MakePhone) -> None:
    days.simulator.fault("wechat.jsapi", "lose_answer", times=5)
    buyer = phone()
    buyer.press(buyer.form(), "9")
    days.morning_after()
    days.match("wechat")
    with pytest.raises(Conflict, match="NOTPAY"):
        voiding.void(days.product.deps, the_case(days).id, actor=ACTOR, reason="从未送达")
    (order,) = orders(days.product)
    assert order.close_reason is None
    days.product.sweep()
