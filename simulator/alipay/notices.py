"""Asynchronous notifications. Source: alipay.md 2.1 to 2.3."""

from __future__ import annotations

import datetime as dt
import json
import secrets
import threading
from urllib.parse import urlencode

from simulator.alipay import signing
from simulator.alipay.channels import of_trade
from simulator.alipay.fields import yuan
from simulator.alipay.inbound import CHARSETS, FORM
from simulator.alipay.state import Alipay, gateway_key
from simulator.books import Refund, Trade
from simulator.clock import china
from simulator.outbox import Parcel, Sent
from simulator.parties import PEOPLE

OPERATION = "alipay.notify"
REFUNDED = "alipay.refund_notify"
WAITS = (240.0, 600.0, 600.0, 3600.0, 7200.0, 21600.0, 54000.0)
WAP = "alipay.trade.wap.pay"
FIRST_WITHIN_S = 3.0


def tell(sim: Alipay, trade: Trade, status: str, *, comes_first: bool = False) -> None:
    """Send the trade's notice, if its product has one for this status (alipay.md 2.3).

    `comes_first` waits until it was delivered: the notice overtakes the answer.
    """
    if not trade.facts["notify_url"]:
        return
    if status != "TRADE_SUCCESS" and trade.facts["method"] != WAP:
        return
    _post(sim, trade, _fields(sim, trade, status), OPERATION, comes_first=comes_first)


def tell_refund(sim: Alipay, trade: Trade, refund: Refund) -> None:
    """A refund in part says TRADE_SUCCESS again, the last one TRADE_CLOSED (2.3)."""
    if trade.facts["notify_url"]:
        _post(sim, trade, _fields(sim, trade, trade.state) | _refund(trade, refund), REFUNDED)


def _post(
    sim: Alipay,
    trade: Trade,
    fields: dict[str, str],
    operation: str,
    *,
    comes_first: bool = False,
) -> None:
    delivered = threading.Event()

    def accepted(code: int, body: bytes) -> bool:
        delivered.set()
        return code == 200 and body == b"success"

    def build() -> Sent:
        return _sent(sim, trade, fields, operation)

    sim.world.outbox.post(Parcel(operation, trade.out_trade_no, build, accepted, WAITS))
    if comes_first:
        delivered.wait(FIRST_WITHIN_S)


def _fields(sim: Alipay, trade: Trade, status: str) -> dict[str, str]:
    """Everything but what differs from one delivery to the next."""
    facts = trade.facts
    now = sim.world.clock.now()
    fields = {
        "notify_type": "trade_status_sync",
        "notify_id": now.strftime("%Y%m%d") + "00222" + secrets.token_hex(10),
        "charset": facts["charset"],
        "version": "1.0",
        "sign_type": "RSA2",
        "app_id": facts["app_id"],
        "auth_app_id": facts["auth_app_id"],
        "trade_no": trade.transaction_id or "",
        "out_trade_no": trade.out_trade_no,
        "seller_id": sim.switch("notify_seller") or facts["seller_id"],
        "trade_status": status,
        "total_amount": yuan(trade.amount_fen),
        "subject": facts["subject"],
        "body": facts["body"],
        "gmt_create": china(dt.datetime.fromtimestamp(trade.created_at, dt.UTC)),
        "gmt_payment": facts.get("gmt_payment", ""),
        "gmt_close": facts.get("gmt_close", ""),
        "passback_params": facts["passback_params"],
    }
    return {k: v for k, v in (fields | _buyer(sim, trade) | _money(trade)).items() if v}


def _buyer(sim: Alipay, trade: Trade) -> dict[str, str]:
    person = trade.facts.get("buyer")
    if person is None:
        return {}
    named = sim.identity(trade.facts["app_id"], person, "buyer_id", "buyer_open_id")
    return named | {"buyer_logon_id": PEOPLE[person].alipay_login}


def _money(trade: Trade) -> dict[str, str]:
    if trade.paid_at is None:
        return {}
    paid = yuan(trade.amount_fen)
    fields = dict.fromkeys(("receipt_amount", "buyer_pay_amount", "invoice_amount"), paid)
    fields["point_amount"] = "0.00"
    fields["fund_bill_list"] = json.dumps(
        [{"amount": paid, "fundChannel": of_trade(trade)}], separators=(",", ":")
    )
    return fields


def _refund(trade: Trade, refund: Refund) -> dict[str, str]:
    """`refund_fee` is the running total, `out_biz_no` the number of this one refund."""
    done = sum(r.amount_fen for r in trade.refunds if r.state == "REFUND_SUCCESS")
    return {
        "refund_fee": yuan(done),
        "out_biz_no": refund.out_refund_no,
        "gmt_refund": refund.facts["gmt_refund_pay"] + ".000",
    }


def _sent(sim: Alipay, trade: Trade, fields: dict[str, str], operation: str) -> Sent:
    """One delivery: same notify_id, its own notify_time and signature."""
    world = sim.world
    params = {"notify_time": china(world.clock.now())} | fields
    if world.faults.take("wrong_amount", operation):
        params["total_amount"] = yuan(trade.amount_fen + 1)
    codec = CHARSETS[params["charset"].lower()]
    text = signing.content(params, "sign", "sign_type").encode(codec, "replace")
    signature = signing.sign(gateway_key(sim.world, params["app_id"]), text)
    if world.faults.take("bad_signature", operation):
        signature = signing.spoiled(signature)
    params["sign"] = signature
    return Sent(
        url=str(trade.facts["notify_url"]),
        headers={"Content-Type": f"{FORM}; charset={params['charset']}"},
        body=urlencode(params, encoding=codec, errors="replace").encode("ascii"),
    )
