"""A success after the order closed: on the card if it fits, else back by itself, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from models.card import RechargeMode
from models.order import CloseReason
from services import asking, closing
from services.attempts import lock_order
from services.cards import sweep
from services.checkout import Started
from services.refunds.asking import Ask, ask_for
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.cards.recharge.helping import MakePhone, Shop, open_shop, settled
from tests.integration.looking import cases, orders, until
from tests.integration.refunds.helping import refunds


def close_behind_the_wallet(product: Product) -> None:
    """Our side closes the order although its payer can still pay it: what a restored backup, or a
    wallet that closes too late, does to us."""
    product.do(
        "UPDATE pay_attempt SET status = 'closed', closed_at = now(), due_at = NULL"
        " WHERE status = 'payable'"
    )

    def unit(session: Session) -> None:
        for row in orders(product):
            order = lock_order(session, row.provider_id, row.id)
            if order.status in ("created", "paying"):
                closing.end_order(session, order, CloseReason.EXPIRED, "test", product.deps.now())

    product.deps.transact(unit)


def late(shop: Shop, pay_fen: int = 10_000) -> Started:
    made = shop.start(pay_fen)
    close_behind_the_wallet(shop.product)
    assert shop.recharges[-1][0] == "freed"
    assert shop.money[2] == 0
    return made


def test_a_late_success_that_fits_is_credited(product: Product, phone: MakePhone) -> None:
    shop = open_shop(product, phone, card_cap_fen=11_000)
    shop.confirm(late(shop))
    settled(shop, "credited")
    assert shop.money == (10_000, 1_000, 0)
    assert shop.room == (11_000, 0)
    assert orders(product)[0].is_late


@pytest.mark.parametrize("nearest", ["card", "merchant"])
def test_a_late_success_that_fits_no_more_goes_back_by_itself_once(
    product: Product, phone: MakePhone, simulator: Simulator, nearest: str
) -> None:
    """failures.md 34: never above the cap by one fen, and the payer has the money back."""
    narrow: dict[str, Any] = (
        {"card_cap_fen": 20_000} if nearest == "card" else {"total_cap_fen": 20_000}
    )
    shop = open_shop(product, phone, mode=RechargeMode.ANY, **narrow)
    made = late(shop, 10_000)
    shop.pay(10_001)
    settled(shop, "credited")
    shop.confirm(made)
    until(lambda: ("no_room", 10_000, 0) in shop.recharges)
    assert shop.money == (10_001, 0, 0)
    assert shop.account("in_transit") == 10_000
    (row,) = refunds(product)
    assert (row.amount_fen, row.asked_by, row.reason) == (
        10_000, "system:recharge_no_room", "充值到账时已超过余额上限，自动退回",
    )  # fmt: skip
    product.sweep()
    simulator.advance(15)
    product.sweep()
    assert [r.status for r in refunds(product)] == ["success"]
    assert shop.account("in_transit") == 0
    assert shop.account("funds") == -10_001
    assert shop.room == (10_001, 0)
    assert cases(product) == []
    first = orders(product)[0]
    assert (first.status, first.refunded_fen) == ("paid", 10_000)


def test_a_refund_of_what_found_no_room_that_fails_is_told_and_can_be_asked_again(
    product: Product, phone: MakePhone, simulator: Simulator
) -> None:
    shop = open_shop(product, phone, card_cap_fen=20_000, mode=RechargeMode.ANY)
    made = late(shop, 10_000)
    shop.pay(10_001)
    settled(shop, "credited")
    simulator.fault("wechat.refund", "error", code="USER_ACCOUNT_ABNORMAL")
    shop.confirm(made)
    until(lambda: ("no_room", 10_000, 0) in shop.recharges)
    product.sweep()
    assert [r.status for r in refunds(product)] == ["failed"]
    assert cases(product) == ["refund_abnormal"]
    assert shop.account("in_transit") == 10_000
    first = orders(product)[0]
    ask_for(product.deps, Ask(first.provider_id, first.out_trade_no, 10_000, "x", "t:a", "t:a"))
    simulator.advance(66)
    product.sweep()
    simulator.advance(66)
    product.sweep()
    assert [r.status for r in refunds(product)] == ["failed", "success"]
    assert shop.account("in_transit") == 0
    assert shop.money == (10_001, 0, 0)


def test_a_late_success_of_a_card_that_was_closed_meanwhile_goes_back(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone)
    made = late(shop)
    product.do("UPDATE member_card SET status = 'closed'")
    shop.confirm(made)
    settled(shop, "no_room")
    assert shop.money == (0, 0, 0)
    product.sweep()
    product.simulator.advance(15)
    product.sweep()
    assert [r.status for r in refunds(product)] == ["success"]


def test_the_second_payment_of_a_recharge_goes_back_and_the_card_has_the_first(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone)
    first = shop.start(10_000, intent="one")
    product.do(
        "UPDATE pay_attempt SET status = 'closed', closed_at = now(), due_at = NULL"
        " WHERE status = 'payable'"
    )
    second = shop.start(20_000, intent="one")
    shop.confirm(second)
    settled(shop, "credited")
    shop.confirm(first)
    until(lambda: len(refunds(product)) == 1)
    product.sweep()
    product.simulator.advance(15)
    product.sweep()
    (row,) = refunds(product)
    assert (row.status, row.amount_fen) == ("success", 10_000)
    assert shop.money == (20_000, 3_000, 0)
    assert shop.recharges == [("credited", 20_000, 3_000)]
    assert len(shop.movements()) == 1
    assert shop.account("in_transit") == 0


def test_the_sweep_frees_what_an_ended_order_still_holds(
    product: Product, phone: MakePhone
) -> None:
    shop = open_shop(product, phone)
    shop.start(10_000)
    product.do("UPDATE pay_attempt SET status = 'closed', closed_at = now(), due_at = NULL")
    product.do("UPDATE pay_order SET status = 'closed', close_reason = 'expired' WHERE id > 0"
               " AND status = 'paying'")  # fmt: skip
    assert sweep.claim_due(product.deps, 9) == []
    product.simulator.advance(product.deps.settings.order_expires_s + 11)
    claims = sweep.claim_due(product.deps, 9)
    assert len(claims) == 1
    assert sweep.claim_due(product.deps, 9) == []
    sweep.look(product.deps, claims[0])
    assert shop.recharges == [("freed", 10_000, 1_000)]
    assert shop.room == (0, 0)


def test_the_sweep_waits_for_the_wallet_that_has_not_said(
    product: Product, phone: MakePhone, simulator: Simulator
) -> None:
    """Nobody's room is given away while the payer may still pay."""
    shop = open_shop(product, phone)
    made = shop.start(10_000)
    simulator.fault("wechat.query", "drop", times=3)
    simulator.fault("wechat.close", "drop", times=3)
    simulator.advance(product.deps.settings.order_expires_s + 11)
    for claim in sweep.claim_due(product.deps, 9):
        sweep.look(product.deps, claim)
    assert shop.recharges == [("held", 10_000, 1_000)]
    row = product.one("SELECT due_at FROM recharge")
    assert row.due_at > product.deps.now() + timedelta(seconds=25)
    assert made.bridge is not None
    simulator.clear_faults()
    for _ in range(8):
        simulator.advance(30)
        product.sweep()
    assert shop.recharges == [("freed", 10_000, 1_000)]
    assert asking.claim_due(product.deps, 1) == []


def test_a_refused_order_that_nobody_tries_again_frees_its_room(
    product: Product, phone: MakePhone, simulator: Simulator
) -> None:
    shop = open_shop(product, phone)
    simulator.fault("wechat.jsapi", "error", code="NO_AUTH")
    with pytest.raises(Exception, match="PLATFORM_NOT_ENABLED"):
        shop.start(10_000)
    assert shop.money == (0, 0, 11_000)  # the same form may be tried again
    shop.expire()
    assert shop.recharges == [("freed", 10_000, 1_000)]
    assert orders(product)[0].close_reason == "rejected"
