"""What Alipay on a phone does with tradePay's parameters. Source: alipay.md 4.3 and 4.4."""

from __future__ import annotations

import time
from typing import Any

from simulator.alipay import channels, freezing, holds, opening, trades
from simulator.alipay.codes import Refusal
from simulator.alipay.fields import yuan
from simulator.alipay.state import Alipay
from simulator.books import Trade
from simulator.freezes import Freeze
from simulator.parties import PEOPLE
from simulator.wallets import PhoneContext, WalletHandler

OPERATION = "alipay.wallet"
DONE, FAILED, CANCELLED, UNKNOWN = "9000", "4000", "6001", "6004"
_RESULT = {"cancel": CANCELLED, "fail": FAILED}


def wallet(sim: Alipay) -> WalletHandler:
    """`tradeNO` as the bridge gives it, or `qrCode`: a scanned precreate, which makes the trade;
    or `out_trade_no` of a payment code's trade that waits for the password (10003); `qrCode` of a
    deposit's code, or `out_order_no` of a deposit that waits.

    Faults on "alipay.wallet": delay; error and lose_answer answer 6004, the second after paying;
    reorder lets the notice arrive before the page hears.
    """

    def handle(params: dict[str, Any], act: str, phone: PhoneContext) -> tuple[int, dict[str, Any]]:
        sim.fresh().expiry.start()
        try:
            return 200, _acted(sim, params, act, _person(phone))
        except Refusal as no:
            return 400, {
                "resultCode": FAILED,
                "code": no.sub_code.removeprefix("ACQ."),
                "message": no.sub_msg,
            }

    return handle


def _person(phone: PhoneContext) -> str:
    for key, person in PEOPLE.items():
        if key == phone.person or (phone.openid and person.alipay_user_id == phone.openid):
            return key
    if phone.person or phone.openid:
        raise Refusal("ACQ.BUYER_NOT_EXIST")
    return "lin"


def _acted(sim: Alipay, params: dict[str, Any], act: str, person: str) -> dict[str, Any]:
    faults = sim.world.faults
    late = faults.take("delay", OPERATION)
    if late is not None:
        time.sleep(late.ms / 1000)
    if faults.take("error", OPERATION):
        return {"resultCode": UNKNOWN}
    held = _deposit(sim, params)
    if held is not None:
        return _deposited(sim, held, act, person)
    trade = _trade(sim, params)
    trades.payable(sim, trade, person)
    sim.world.note("wallet", f"alipay {act}", PEOPLE[person].name, trade.out_trade_no)
    if act in _RESULT:
        return _shown(trade, _RESULT[act])
    if act != "confirm":
        raise Refusal("isv.invalid-parameter", "参数无效：act")
    first = faults.take("reorder", OPERATION) is not None
    trades.pay(sim, trade, person, notice_first=first)
    if faults.take("lose_answer", OPERATION):
        return {"resultCode": UNKNOWN}
    return _shown(trade, DONE)


def looked_at(sim: Alipay, code: str) -> dict[str, Any] | None:
    """What a scanned code of a deposit or a payment shows before anybody presses; makes nothing."""
    now = sim.world.clock.time()
    made = sim.vouchers.get(freezing.token_of(code) or "")
    if made is not None and made.valid_until > now:
        hold = made.hold
        return {
            "payee": sim.merchant_of(hold.owner)[1].name,
            "amount_fen": hold.amount_fen,
            "out_trade_no": hold.out_order_no,
            "description": f"押金，只冻结：{hold.title}",
        }
    offer = sim.offers.get(code)
    if offer is None or offer.valid_until <= now:
        return None
    return {
        "payee": sim.merchant_of(offer.owner)[1].name,
        "amount_fen": offer.order.amount_fen,
        "out_trade_no": offer.order.out_trade_no,
        "description": offer.order.subject,
        "ways": channels.ways(sim, offer.order.asked),
    }


def _deposit(sim: Alipay, params: dict[str, Any]) -> Freeze | None:
    code, number = params.get("qrCode"), params.get("out_order_no")
    if isinstance(number, str):
        for freeze in sim.world.freezes.all(holds.CHANNEL):
            if freeze.out_freeze_no == number:
                return freeze
        raise Refusal("AUTH_ORDER_NOT_EXIST")
    return freezing.scanned(sim, code) if isinstance(code, str) else None


def _deposited(sim: Alipay, freeze: Freeze, act: str, person: str) -> dict[str, Any]:
    """Agreed to or not; what is not agreed to waits on, until its time is over."""
    holds.confirmable(sim, freeze, person)
    sim.world.note("wallet", f"alipay {act}", PEOPLE[person].name, freeze.out_freeze_no)
    result = _RESULT.get(act, DONE)
    if result == DONE:
        holds.confirm(sim, freeze, person)
        if sim.world.faults.take("lose_answer", OPERATION):
            return {"resultCode": UNKNOWN}
    return {
        "resultCode": result,
        "auth_no": freeze.freeze_id,
        "out_order_no": freeze.out_freeze_no,
        "order_title": freeze.facts["title"],
        "amount": yuan(freeze.freeze_fen),
    }


def _trade(sim: Alipay, params: dict[str, Any]) -> Trade:
    code, number = params.get("qrCode"), params.get("tradeNO")
    if isinstance(params.get("out_trade_no"), str):
        return _of_code(sim, params["out_trade_no"])
    if isinstance(code, str) and code:
        return opening.scanned(sim, code)
    if not isinstance(number, str) or not number:
        raise Refusal("isv.invalid-parameter", "参数无效：tradeNO")
    trade = sim.world.books.by_ref(trades.CHANNEL, number)
    if trade is None:
        raise Refusal("ACQ.TRADE_NOT_EXIST")
    return trade


def _of_code(sim: Alipay, out_trade_no: str) -> Trade:
    for trade in sim.world.books.all():
        wanted = (trade.channel, trade.facts.get("method"), trade.out_trade_no)
        if wanted == (trades.CHANNEL, "alipay.trade.pay", out_trade_no):
            return trade
    raise Refusal("ACQ.TRADE_NOT_EXIST")


def _shown(trade: Trade, result: str) -> dict[str, Any]:
    return {
        "resultCode": result,
        "tradeNO": trade.transaction_id,
        "subject": trade.facts["subject"],
        "total_amount": yuan(trade.amount_fen),
    }
