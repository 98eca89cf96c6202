"""What Alipay on a phone does with tradePay's parameters. Source: alipay.md 4.3 and 4.4."""

from __future__ import annotations

import time
from typing import Any

from simulator.alipay import opening, trades
from simulator.alipay.codes import Refusal
from simulator.alipay.fields import yuan
from simulator.alipay.state import Alipay
from simulator.books import Trade
from simulator.parties import PEOPLE
from simulator.wallets import PhoneContext, WalletHandler

OPERATION = "alipay.wallet"
DONE, FAILED, CANCELLED, UNKNOWN = "9000", "4000", "6001", "6004"
_RESULT = {"cancel": CANCELLED, "fail": FAILED}


def wallet(sim: Alipay) -> WalletHandler:
    """`tradeNO` as the bridge gives it, or `qrCode`: a scanned precreate, which makes the trade;
    or `out_trade_no` of a payment code's trade that waits for the password (10003).

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
