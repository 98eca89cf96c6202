"""brief_micro_pay: a device's payment by code in the compact envelope (Cloud Pay 5.21)."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from pydantic import Field

from services.callbacks.envelope import SCANNED
from services.cloudpay.call import Answer, Call
from services.cloudpay.envelope import Envelope
from services.cloudpay.methods import Method, Once
from services.cloudpay.orders.shown import Shown
from services.cloudpay.orders.words import state_words
from services.cloudpay.pays.micro import actor, an_ip, charged
from services.cloudpay.shapes import Asked, Fen, Name32, Number, Text, Text32, Text64, Text128, Told
from services.codepay.charging import Charge

_SHORT = 128  # most characters of `d` and `tsd` here


class BriefWxpay(Told):
    cts: int  # current_trade_state
    tsd: str | None = None


class BriefAlipay(Told):
    cts: int


class BriefCard(Told):
    cts: int


class BriefMicroPay(Asked):
    osi: Name32 = Field(description="out_shop_id")
    otn: Name32 = Field(description="out_trade_no")
    ac: Annotated[str, Text(256, least=1)] = Field(repr=False, description="author_code")
    tf: Fen = Field(description="total_fee, 分 / fen")
    sc: Text128 = Field(default="", description="sn_code")
    bd: Text128 = Field(default="", description="body")
    di: Text64 = Field(default="", description="device_id")
    stt: Number = Field(default=0, description="sub_terminal_type")
    ns: Text32 = Field(default="", description="nonce_str")


class BriefMicroPayTold(Told):
    wx: BriefWxpay | None = None
    ali: BriefAlipay | None = None
    cd: BriefCard | None = None
    ns: str


def brief_micro_pay(call: Call, asked: BriefMicroPay) -> Answer:
    shop = call.shop(asked.osi, "osi")
    cmd = Charge(
        provider_id=call.caller.provider_id,
        merchant_id=call.caller.merchant_id,
        store_id=shop.store_id,
        amount_fen=asked.tf,
        auth_code=asked.ac,
        asked_by=actor(call),
        out_trade_no=asked.otn,
        description=asked.bd,
        terminal_ip=an_ip("", call.ip),
    )
    shown = charged(call, cmd, code="ac", number="otn", amount="tf")
    return Answer(BriefMicroPayTold(**state_members(shown), ns=short_nonce()), words(shown))


def state_members(shown: Shown) -> dict[str, Any]:
    """The one of wx, ali, cd that says how the order stands."""
    content = shown.order_content
    if content.wxpay_order_content_ext:
        number = content.wxpay_order_content_ext.current_trade_state
        return {"wx": BriefWxpay(cts=number, tsd=words(shown))}
    if content.alipay_order_content_ext:
        return {"ali": BriefAlipay(cts=content.alipay_order_content_ext.current_trade_state)}
    assert content.card_order_content_ext
    return {"cd": BriefCard(cts=content.card_order_content_ext.current_trade_state)}


def words(shown: Shown) -> str:
    return state_words(shown.state, shown.row)[:_SHORT]


def short_nonce() -> str:
    """Eight characters here."""
    return secrets.token_hex(4)


BRIEF_MICRO_PAY = Method(
    name="brief_micro_pay",
    asked=BriefMicroPay,
    told=BriefMicroPayTold,
    run=brief_micro_pay,
    result="brief_micro_pay",
    summary=(
        "设备的付款码支付，钱包由付款码决定；s为0只表示已受理，看cts",
        "A device charges a payer's code; `s` 0 is accepted, `cts` says whether it is paid",
    ),
    group="brief",
    envelope=Envelope.BRIEF,
    once=Once("pay", "otn", trade_type=SCANNED, is_reentry=True),
    is_small=True,
)
