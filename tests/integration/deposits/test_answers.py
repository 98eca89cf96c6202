"""What becomes of a deposit when its wallet is silent, late, or says no."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from gateways.deposits import ConsumeRequest
from models.deposit import DepositFreeze
from services.deposits import rooms, sweep
from services.deposits.refusals import DepositBusy, DepositNotHeld
from services.seed import MAIN
from tests.harness.product import Product
from tests.integration.deposits.helping import (
    CANCEL,
    CONSUME,
    FREEZE,
    PATIENCE,
    QUERY,
    RELEASE,
    WALLETS,
    Desk,
    cases,
    phone,
    room_adds_up,
    wait_for_password,
)
from tests.integration.mailbox import Mailbox

DAY = 24 * 3600


@WALLETS
def test_a_hold_whose_answer_is_lost_is_found_by_asking(product: Product, wallet: str) -> None:
    desk = Desk(product)
    product.simulator.fault(FREEZE[wallet], "lose_answer")
    held = desk.freeze(wallet)
    assert (held.status, held.is_unknown) == ("waiting", True)
    held = desk.after(held, 6)
    assert (held.status, held.is_unknown) == ("frozen", False)
    desk.agrees(held)


@WALLETS
def test_a_hold_that_never_reached_its_wallet_is_void(product: Product, wallet: str) -> None:
    desk = Desk(product)
    product.simulator.fault(FREEZE[wallet], "drop")
    held = desk.freeze(wallet)
    assert desk.after(held, 10).status == "waiting"  # asked about, never guessed
    held = desk.after(held, PATIENCE[wallet])
    assert held.status == "void"
    assert desk.upstream(held) is None
    for _ in range(3):
        held = desk.after(held, 100)
    assert (held.status, held.due_at) == ("void", None)
    assert cases(product) == []


@WALLETS
def test_silence_is_told_to_a_person_and_asking_goes_on(product: Product, wallet: str) -> None:
    desk = Desk(product)
    product.simulator.fault(FREEZE[wallet], "lose_answer")
    product.simulator.fault(QUERY[wallet], "error", times=60)
    held = desk.freeze(wallet)
    for _ in range(16):
        held = desk.after(held, 10)
    assert (held.status, held.is_unknown) == ("waiting", True)
    assert cases(product) == ["no_answer"]
    product.simulator.clear_faults()
    held = desk.after(held, 700)
    assert held.status == "frozen"
    assert cases(product) == []
    desk.agrees(held)


@WALLETS
def test_a_payer_who_gives_up_is_not_held(product: Product, wallet: str) -> None:
    desk = Desk(product)
    held = wait_for_password(desk, wallet)
    phone(product, wallet, held, "cancel")
    held = desk.after(held, PATIENCE[wallet] + 10)
    assert held.status == "failed"
    assert (held.room_fen, held.held_fen) == (10000, 0)
    theirs = desk.upstream(held)
    assert theirs is None or theirs["consumed_fen"] == 0


@WALLETS
def test_a_payer_who_never_types_is_ended_in_time(product: Product, wallet: str) -> None:
    desk = Desk(product)
    held = wait_for_password(desk, wallet)
    assert desk.after(held, PATIENCE[wallet] - 12).status == "waiting"
    held = desk.after(held, 13)
    assert (held.status, held.reject_code) == ("failed", "CANCELLED")
    with pytest.raises(DepositNotHeld):
        desk.consume(held, 1)
    phone(product, wallet, held)  # too late: nothing is held by it
    held = desk.after(held, 200)
    assert (held.status, held.due_at) == ("failed", None)


@WALLETS
def test_agreed_in_the_second_of_ending_is_given_back(product: Product, wallet: str) -> None:
    desk = Desk(product)
    held = wait_for_password(desk, wallet)
    product.do(
        "UPDATE deposit_freeze SET cancel_asked_at = created_at, due_at = created_at"
        " WHERE out_freeze_no = :n",
        n=held.out_freeze_no,
    )
    product.simulator.advance(20)
    phone(product, wallet, held)
    product.simulator.advance(20)
    product.sweep()
    held = desk.now(held)
    assert held.status == "failed"
    theirs = desk.upstream(held)
    assert theirs is not None
    assert theirs["state"] in ("REVOKED", "CLOSED")


@pytest.mark.parametrize(("wallet", "code"), [("wechat", "NOAUTH"), ("alipay", "ILLEGAL_STATUS")])
def test_what_the_wallet_refuses_to_end_and_holds_counts_as_held(
    product: Product, wallet: str, code: str
) -> None:
    desk = Desk(product)
    held = wait_for_password(desk, wallet)
    product.do(
        "UPDATE deposit_freeze SET cancel_asked_at = created_at, due_at = created_at"
        " WHERE out_freeze_no = :n",
        n=held.out_freeze_no,
    )
    phone(product, wallet, held)
    product.simulator.fault(CANCEL[wallet], "error", code=code)
    held = desk.after(held, 20)
    assert (held.status, held.cancel_asked_at) == ("frozen", None)
    assert held.due_at is not None
    assert (held.due_at - held.created_at).days >= 27  # nobody asks on and on
    desk.agrees(held)


@WALLETS
def test_a_consumption_whose_answer_is_lost_is_found_by_asking(
    product: Product, wallet: str, mailbox: Mailbox
) -> None:
    desk = Desk(product)
    held = desk.freeze(wallet)
    product.simulator.fault(CONSUME[wallet], "lose_answer")
    order = desk.consume(held, 4000)
    assert (order.status, order.is_unknown) == ("paying", True)
    assert desk.now(held).held_fen == 10000  # held until the wallet has said
    held = desk.after(held, 10)
    assert desk.order(order.out_trade_no).status == "paid"
    assert (held.status, held.consumed_fen, held.released_fen) == ("closed", 4000, 6000)
    desk.agrees(held)


@WALLETS
def test_a_consumption_that_never_arrived_ends_and_another_may_come(
    product: Product, wallet: str
) -> None:
    desk = Desk(product)
    held = desk.freeze(wallet)
    product.simulator.fault(CONSUME[wallet], "drop")
    lost = desk.consume(held, 4000)
    assert desk.after(held, 20).held_fen == 10000
    held = desk.after(held, 50)
    assert desk.order(lost.out_trade_no).status == "closed"
    assert (held.status, held.room_fen) == ("frozen", 10000)
    if wallet == "wechat":  # it would come under the same number
        with pytest.raises(DepositBusy):
            desk.consume(held, 3000)
        held = desk.after(held, 61)
    order = desk.consume(held, 3000)
    held = desk.after(held, 5)
    assert desk.order(order.out_trade_no).status == "paid"
    held = desk.after(held, 200)
    assert desk.order(lost.out_trade_no).status == "closed"
    assert (held.consumed_fen, held.released_fen) == (3000, 7000)
    desk.agrees(held)


@WALLETS
def test_a_consumption_that_comes_after_it_was_given_up_counts(
    product: Product, wallet: str
) -> None:
    desk = Desk(product)
    held = desk.freeze(wallet)
    product.simulator.fault(CONSUME[wallet], "drop")
    late = desk.consume(held, 4000)
    held = desk.after(held, 70)
    assert (desk.order(late.out_trade_no).status, held.room_fen) == ("closed", 10000)
    if wallet == "alipay":  # its number is its own: what is left is less by then
        desk.consume(held, 2500, ends=False)
    _arrives(desk, held, late.out_trade_no, 4000)
    held = desk.after(held, 65)
    assert desk.order(late.out_trade_no).status == "paid"
    others = 2500 if wallet == "alipay" else 0
    assert (held.status, held.consumed_fen) == ("closed", 4000 + others)
    assert cases(product) == []
    desk.agrees(held)


def test_one_that_comes_late_has_the_room_of_another_when_that_ends(product: Product) -> None:
    desk = Desk(product)
    held = desk.freeze("alipay")
    product.simulator.fault(CONSUME["alipay"], "drop")
    late = desk.consume(held, 8000, ends=False)
    held = desk.after(held, 70)
    product.simulator.fault(CONSUME["alipay"], "drop")
    other = desk.consume(held, 6000, ends=False)
    _arrives(desk, held, late.out_trade_no, 8000, ends=False)
    held = desk.after(held, 10)
    assert (desk.order(late.out_trade_no).status, held.consumed_fen) == ("paid", 0)
    held = desk.after(held, 70)
    assert desk.order(other.out_trade_no).status == "closed"
    assert (held.consumed_fen, held.room_fen) == (8000, 2000)
    room_adds_up(product)
    desk.agrees(held)


def _arrives(desk: Desk, held: DepositFreeze, number: str, fen: int, *, ends: bool = True) -> None:
    """The request that had been on its way, at last."""
    wallet = desk.product.deps.gateways.deposits[held.channel]
    number = number if wallet.numbers_consumptions else held.out_freeze_no
    told = f"{desk.product.url}/notify/{held.channel}/{MAIN}"
    request = ConsumeRequest(rooms.hold_of(held), number, fen, ends, "押金", told)
    wallet.consume(sweep.account_of(desk.product.deps, held), request)


def test_a_hold_is_not_judged_while_something_of_it_is_on_its_way(product: Product) -> None:
    """The wallet has consumed it, we do not know yet: asking about the hold decides nothing."""
    desk = Desk(product)
    held = desk.freeze("wechat")
    product.simulator.fault(CONSUME["wechat"], "lose_answer")
    order = desk.consume(held, 4000)
    sweep.ask(product.deps, desk.shop.provider_id, held.id)
    held = desk.now(held)
    assert (held.status, held.held_fen, held.lapsed_fen, cases(product)) == ("frozen", 10000, 0, [])
    desk.after(held, 10)
    assert desk.order(order.out_trade_no).status == "paid"
    desk.agrees(held)


@pytest.mark.parametrize("how", ["settling", "err_settling"])
def test_wechat_may_take_its_time_to_settle(product: Product, how: str) -> None:
    desk = Desk(product)
    product.simulator.switch("wechat.deposit_consume", how)
    product.simulator.switch("wechat.deposit_settle_s", "30")
    held = desk.freeze("wechat")
    order = desk.consume(held, 2500)
    assert order.status == "paying"
    assert desk.after(held, 10).held_fen == 10000
    for _ in range(5):
        held = desk.after(held, 15)
    assert desk.order(order.out_trade_no).status == "paid"
    assert held.status == "closed"
    desk.agrees(held)


def test_a_settlement_that_fails_leaves_all_of_it_held(product: Product) -> None:
    desk = Desk(product)
    product.simulator.switch("wechat.deposit_consume", "fails")
    held = desk.freeze("wechat")
    failed = desk.consume(held, 2500)
    held = desk.after(held, 20)
    order = desk.order(failed.out_trade_no)
    assert (order.status, order.close_reason) == ("closed", "rejected")
    assert (held.status, held.room_fen) == ("frozen", 10000)
    product.simulator.switch("wechat.deposit_consume", "at_once")
    again = desk.consume(held, 2600)
    held = desk.after(held, 10)
    assert desk.order(again.out_trade_no).status == "paid"
    desk.agrees(held)


@WALLETS
def test_a_release_whose_answer_is_lost_is_found_by_asking(product: Product, wallet: str) -> None:
    desk = Desk(product)
    held = desk.freeze(wallet)
    product.simulator.advance(20)
    product.simulator.fault(RELEASE[wallet], "lose_answer")
    move = desk.release(held, 10000)
    assert move.status == "unknown"
    held = desk.after(held, 15)
    assert desk.move(move.number).status == "done"
    assert held.status == "closed"
    desk.agrees(held)


@WALLETS
def test_a_release_that_never_arrived_is_sent_again(product: Product, wallet: str) -> None:
    desk = Desk(product)
    held = desk.freeze(wallet)
    product.simulator.advance(20)
    product.simulator.fault(RELEASE[wallet], "drop", times=2)
    move = desk.release(held, 10000)
    for _ in range(6):
        held = desk.after(held, 20)
    move = desk.move(move.number)
    assert (move.status, move.sends) == ("done", 3)
    desk.agrees(held)


@WALLETS
def test_what_nobody_moves_is_told_and_then_given_back(product: Product, wallet: str) -> None:
    desk = Desk(product)
    held = desk.freeze(wallet)
    held = desk.after(held, 27 * DAY)
    assert cases(product) == []
    held = desk.after(held, DAY + 60)
    assert (held.status, cases(product)) == ("frozen", ["deposit_ends"])
    held = desk.after(held, 2 * DAY)
    assert (held.status, held.lapsed_fen, held.due_at) == ("closed", 10000, None)
    assert cases(product) == []
    desk.agrees(held)


def test_a_rest_lapses_after_a_part_was_consumed(product: Product) -> None:
    desk = Desk(product)
    held = desk.freeze("alipay")
    desk.consume(held, 3000, ends=False)
    held = desk.after(held, 29 * DAY)
    held = desk.after(held, DAY + 3600)
    assert (held.status, held.consumed_fen, held.lapsed_fen) == ("closed", 3000, 7000)
    desk.agrees(held)


@pytest.mark.parametrize(("wallet", "code"), [("wechat", "NOAUTH"), ("alipay", "ACCESS_FORBIDDEN")])
def test_a_permission_that_the_wallet_denies_is_a_definite_no(
    product: Product, wallet: str, code: str
) -> None:
    desk = Desk(product)
    merchant = product.one(
        "SELECT wechat_sub_mchid, alipay_pid FROM merchant WHERE provider_id = :p AND id = :m",
        p=desk.shop.provider_id,
        m=desk.shop.merchant_id,
    )
    if wallet == "wechat":
        product.simulator.switch(f"wechat.deposit.{merchant.wechat_sub_mchid}", "not_open")
    else:
        product.simulator.switch(f"alipay.preauth.{merchant.alipay_pid}", "not_signed")
    held = desk.freeze(wallet)
    assert (held.status, held.reject_code, held.due_at) == ("failed", code, None)
    assert desk.upstream(held) is None


@WALLETS
def test_a_refund_whose_answer_is_lost_is_found_by_asking(product: Product, wallet: str) -> None:
    from services.refunds import sending
    from services.refunds.asking import Ask, ask_for

    desk = Desk(product)
    held = desk.freeze(wallet)
    order = desk.consume(held, 4000)
    desk.after(held, 5)
    name = "wechat.deposit.refund" if wallet == "wechat" else "alipay.trade.refund"
    product.simulator.fault(name, "lose_answer")
    refund = ask_for(
        product.deps,
        Ask(desk.shop.provider_id, order.out_trade_no, 1500, "坏了", "test:till", "test:till"),
    )
    sending.send(product.deps, desk.shop.provider_id, refund)
    for _ in range(4):
        desk.after(held, 30)
    row = product.one("SELECT * FROM refund WHERE id = :i", i=refund)
    assert (row.status, row.amount_fen) == ("success", 1500)


def test_the_database_refuses_more_than_was_frozen(product: Product) -> None:
    desk = Desk(product)
    held: DepositFreeze = desk.freeze("alipay")
    for column in ("held_fen", "consumed_fen", "released_fen", "lapsed_fen"):
        with pytest.raises(IntegrityError):
            product.do(f"UPDATE deposit_freeze SET {column} = 10001")
        with pytest.raises(IntegrityError):
            product.do(f"UPDATE deposit_freeze SET {column} = -1")
    assert desk.now(held).room_fen == 10000
