"""brief_query_order: one order in the compact envelope (Cloud Pay 5.21)."""

from __future__ import annotations

from pydantic import Field

from services.cloudpay.brief.pay import (
    BriefAlipay,
    BriefCard,
    BriefWxpay,
    short_nonce,
    state_members,
    words,
)
from services.cloudpay.call import Answer, Call
from services.cloudpay.envelope import Envelope
from services.cloudpay.methods import Method
from services.cloudpay.orders.query import hurry
from services.cloudpay.orders.shown import order_content
from services.cloudpay.shapes import Asked, Name32, Text32, Text64, Text128, Told


class BriefQueryOrder(Asked):
    osi: Name32 = Field(description="out_shop_id")
    otn: Name32 = Field(description="out_trade_no")
    di: Text64 = Field(default="", description="device_id")
    sc: Text128 = Field(default="", description="sn_code")
    ns: Text32 = Field(default="", description="nonce_str")


class BriefQueryOrderTold(Told):
    pp: int
    otn: str
    tf: int
    wx: BriefWxpay | None = None
    ali: BriefAlipay | None = None
    cd: BriefCard | None = None
    ns: str


def brief_query_order(call: Call, asked: BriefQueryOrder) -> Answer:
    call.shop(asked.osi, "osi")
    shown = order_content(call, asked.otn)
    hurry(call, shown)
    told = BriefQueryOrderTold(
        pp=shown.pay_mch_key.pay_platform,
        otn=shown.order_content.out_trade_no,
        tf=shown.order_content.total_fee,
        **state_members(shown),
        ns=short_nonce(),
    )
    return Answer(told, words(shown))


BRIEF_QUERY_ORDER = Method(
    name="brief_query_order",
    asked=BriefQueryOrder,
    told=BriefQueryOrderTold,
    run=brief_query_order,
    result="brief_query_order",
    summary=("设备查询一笔订单", "A device asks about one order"),
    group="brief",
    envelope=Envelope.BRIEF,
    is_small=True,
)
