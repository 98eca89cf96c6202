"""brief_query_order_list and its overview: the lists of devices, in their short names."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.lists import listing, overview
from services.cloudpay.lists.asked import FilterAsked, Moment, Names, PageNumber, page_size, wanted
from services.cloudpay.lists.figures import By, Figures, Group
from services.cloudpay.lists.told import Detail
from services.cloudpay.lists.wanted import Wanted
from services.cloudpay.shapes import Asked, Number, Text32, Text64, Told, Whole

_NAMES: Final = Names(platforms="spps", shop="osi", device="di", start="st", end="et")


class BriefFilterAsked(Asked):
    spps: tuple[Number, ...] = Field(default=(), max_length=20, description="sub_pay_platforms")
    osmi: Text32 = Field(default="", description="out_sub_mch_id")
    osi: Text32 = Field(default="", description="out_shop_id")
    di: Text64 = Field(default="", description="device_id，须同时有 osi / device_id, needs osi")
    ot: Annotated[int, Whole(1, 3)] = Field(
        default=3, description="1 订单 2 退款单 3 全部 / 1 payments, 2 refunds, 3 both"
    )
    st: Moment = Field(description="start_time")
    et: Moment = Field(description="end_time")
    tt: Annotated[int, Whole(0, 9)] = Field(default=0, description="trade_type")
    ns: Text32 = ""


class BriefListAsked(BriefFilterAsked):
    pn: PageNumber = Field(description="page_num，从 1 起 / page_num, from 1")
    ps: PageNumber = Field(description="page_size，最多 100 / page_size, at most 100")


class BriefOrder(Told):
    spp: int
    tt: int
    otn: str
    tf: int
    ct: int
    wx_cts: int | None = None
    ali_cts: int | None = None
    card_cts: int | None = None


class BriefRefund(Told):
    spp: int
    tt: int
    otn: str
    tf: int
    orn: str
    rf: int
    ct: int
    wx_rs: int | None = None
    ali_rs: int | None = None
    card_rs: int | None = None


class BriefDetail(Told):
    """Exactly one of the two."""

    bo: BriefOrder | None = None
    bro: BriefRefund | None = None


class BriefList(Told):
    tc: int
    ods: tuple[BriefDetail, ...]
    ns: str


class BriefSums(Told):
    """The members of `query_order_list_overview`'s rows, in the same meaning."""

    spp: int
    tt: int
    sc: int
    sa: int
    sta: int
    da: int = 0
    psa: int
    rsa: int
    rcc: int
    rca: int
    pdg: int = 0
    ia: int
    ora: int


class BriefOverview(Told):
    ovs: tuple[BriefSums, ...]
    ns: str


def run_list(call: Call, asked: BriefListAsked) -> Answer:
    size = page_size(call, asked.ps, "ps")
    total, lines = listing.read(call, _wanted(call, asked), asked.pn, size)
    return Answer(BriefList(tc=total, ods=tuple(map(_line, lines)), ns=fresh_nonce()))


def run_overview(call: Call, asked: BriefFilterAsked) -> Answer:
    found = overview.read(call, _wanted(call, asked), By(channel=True, trade=True))
    return Answer(BriefOverview(ovs=tuple(_sums(*one) for one in found), ns=fresh_nonce()))


def _wanted(call: Call, asked: BriefFilterAsked) -> Wanted:
    same = FilterAsked(
        sub_pay_platforms=asked.spps,
        out_shop_id=asked.osi,
        device_id=asked.di,
        start_time=asked.st,
        end_time=asked.et,
        trade_type=asked.tt,
    )
    return wanted(call, same, asked.ot, _NAMES)


def _line(line: Detail) -> BriefDetail:
    if line.order is not None:
        row = line.order
        return BriefDetail(
            bo=BriefOrder(
                spp=row.sub_pay_platform,
                tt=row.trade_type,
                otn=row.out_trade_no,
                tf=row.total_fee,
                ct=row.create_time,
                wx_cts=row.wxpay_current_trade_state,
                ali_cts=row.alipay_current_trade_state,
                card_cts=row.card_current_trade_state,
            )
        )
    back = line.refund_order
    assert back is not None
    return BriefDetail(
        bro=BriefRefund(
            spp=back.sub_pay_platform,
            tt=back.trade_type,
            otn=back.out_trade_no,
            tf=back.total_fee,
            orn=back.out_refund_no,
            rf=back.refund_fee,
            ct=back.create_time,
            wx_rs=back.wxpay_refund_state,
            ali_rs=back.alipay_refund_state,
            card_rs=back.card_refund_state,
        )
    )


def _sums(group: Group, one: Figures) -> BriefSums:
    return BriefSums(
        spp=overview.platform_of(group),
        tt=group.trade or 0,
        sc=one.paid_count,
        sa=one.paid_fen,
        sta=one.net_fen,
        psa=one.paid_fen,
        rsa=one.back_fen,
        rcc=one.refund_count,
        rca=one.refund_fen,
        ia=one.net_fen,
        ora=one.returned_fen,
    )
