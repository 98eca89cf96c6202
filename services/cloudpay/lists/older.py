"""client_order_detail: the list that older clients ask for; the same rows in the older shape."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from services.callbacks.envelope import PLATFORMS
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.lists import behind, listing, overview
from services.cloudpay.lists.asked import FilterAsked, Moment, PageNumber, page_size, wanted
from services.cloudpay.lists.behind import Behind
from services.cloudpay.lists.figures import By, Figures
from services.cloudpay.lists.told import Detail, OrderRow, RefundRow
from services.cloudpay.lists.wanted import Wanted
from services.cloudpay.orders.refunds import (
    AlipayRefundExt,
    CardRefundExt,
    RefundOrderContent,
    WxpayRefundExt,
)
from services.cloudpay.shapes import Asked, Flag, Text32, Text64, Told, Whole
from services.cloudpay.statuses import bad_member
from services.cloudpay.structures import (
    AlipayOrderExt,
    CardOrderExt,
    OrderClientTold,
    OrderContent,
    Platform,
    WxpayOrderExt,
)

SUB_MERCHANT: Final = 2  # TransactionOriginator
_PLATFORM_OF: Final = {sub: platform for platform, sub in PLATFORMS.values()}
_SUBS_OF: Final = dict(PLATFORMS.values())
_BOOKKEEPING: Final = 402


class OlderAsked(Asked):
    out_sub_mch_id: Text32 = ""
    query_order_type: Annotated[int, Whole(1, 3)] = Field(
        description="1 订单 2 退款单 3 全部 / 1 payments, 2 refunds, 3 both"
    )
    pay_platform: Platform = 0
    out_shop_id: Text32 = ""
    staff_id: Text64 = Field(default="", description="须同时有 out_shop_id / needs out_shop_id")
    device_id: Text64 = Field(default="", description="须同时有 out_shop_id / needs out_shop_id")
    start_time: Moment | None = Field(
        default=None, description="不填：end_time 之前 90 天 / without: 90 days before end_time"
    )
    end_time: Moment
    trade_type: Annotated[int, Whole(0, 9)] = 0
    page_num: PageNumber
    page_size: PageNumber
    enable_overview: Flag = False
    nonce_str: Text32 = ""


class OrderMch(Told):
    pay_platform: int
    out_mch_id: str
    out_sub_mch_id: str
    out_shop_id: str


class OlderOrder(Told):
    order_mch: OrderMch
    order_content: OrderContent
    order_client: OrderClientTold
    originator: int = SUB_MERCHANT


class OlderRefund(Told):
    refund_order_mch: OrderMch
    refund_order_content: RefundOrderContent
    order_client: OrderClientTold
    originator: int = SUB_MERCHANT


class Receipt(Told):
    """Exactly one of the two."""

    order: OlderOrder | None = None
    refund_order: OlderRefund | None = None


class OlderShop(Told):
    shop_id: str  # the merchant's own number, else ours
    out_shop_id: str
    shop_name: str


class OlderStaff(Told):
    staff_id: str
    staff_name: str
    shop_manager: bool


class OlderDetail(Told):
    shop_info: OlderShop
    shop_staff_info: OlderStaff | None = None
    receipt: Receipt
    display_time_field: str  # the member of the content whose time places the row


class OlderOverview(Told):
    success_count: int
    success_amount: int
    settle_amount: int
    refund_count: int
    refund_amount: int
    net_amount: int
    pay_settle_amount: int
    revoke_settle_amount: int = 0
    refund_settle_amount: int


class OlderList(Told):
    nonce_str: str
    total_count: int
    order_details: tuple[OlderDetail, ...]
    overview: OlderOverview | None = None


def run(call: Call, asked: OlderAsked) -> Answer:
    size = page_size(call, asked.page_size)
    what = _wanted(call, asked)
    total, lines = listing.read(call, what, asked.page_num, size)
    more = call.deps.transact(lambda session: behind.read(session, call.caller, lines))
    found = overview.read(call, what, By()) if asked.enable_overview else []
    return Answer(
        OlderList(
            nonce_str=fresh_nonce(),
            total_count=total,
            order_details=tuple(_detail(line, more) for line in lines),
            overview=(
                sums(sum((one for _, one in found), Figures())) if asked.enable_overview else None
            ),
        )
    )


def sums(one: Figures) -> OlderOverview:
    return OlderOverview(
        success_count=one.paid_count,
        success_amount=one.paid_fen,
        settle_amount=one.net_fen,
        refund_count=one.refund_count,
        refund_amount=one.refund_fen,
        net_amount=one.paid_fen - one.refund_fen,
        pay_settle_amount=one.paid_fen,
        refund_settle_amount=one.back_fen,
    )


def sub_platforms(platform: int) -> tuple[int, ...]:
    """SubPayPlatforms of a PayPlatform; empty for all of them."""
    if not platform:
        return ()
    return (_SUBS_OF.get(platform, _BOOKKEEPING),)


def _wanted(call: Call, asked: OlderAsked) -> Wanted:
    if asked.start_time is not None and asked.start_time > asked.end_time:
        raise bad_member("end_time", "不能早于start_time")
    longest = call.deps.settings.cpay_span_days * 86400 - 1
    same = FilterAsked(
        sub_pay_platforms=sub_platforms(asked.pay_platform),
        out_shop_id=asked.out_shop_id,
        staff_id=asked.staff_id,
        device_id=asked.device_id,
        start_time=(
            max(0, asked.end_time - longest) if asked.start_time is None else asked.start_time
        ),
        end_time=asked.end_time,
        trade_type=asked.trade_type,
    )
    return wanted(call, same, asked.query_order_type)


def _detail(line: Detail, more: Behind) -> OlderDetail:
    row = line.order or line.refund_order
    assert row is not None
    mch = OrderMch(
        pay_platform=_PLATFORM_OF[row.sub_pay_platform],
        out_mch_id=row.out_mch_id,
        out_sub_mch_id=row.out_sub_mch_id,
        out_shop_id=row.out_shop_id,
    )
    client, nonce = more.client(row), more.nonce(row)
    if isinstance(row, OrderRow):
        own = OlderOrder(order_mch=mch, order_content=_order(row, nonce), order_client=client)
        receipt, field = Receipt(order=own), "time_end"
    else:
        back = OlderRefund(
            refund_order_mch=mch, refund_order_content=_refund(row, nonce), order_client=client
        )
        receipt, field = Receipt(refund_order=back), "refund_success_time"
    return OlderDetail(
        shop_info=OlderShop(
            shop_id=more.shop_id(row.out_shop_id),
            out_shop_id=row.out_shop_id,
            shop_name=row.shop_name,
        ),
        shop_staff_info=_staff(row, more),
        receipt=receipt,
        display_time_field=field,
    )


def _staff(row: OrderRow | RefundRow, more: Behind) -> OlderStaff | None:
    if not row.staff_id:
        return None
    return OlderStaff(
        staff_id=row.staff_id,
        staff_name=row.staff_name or "",
        shop_manager=row.staff_id in more.managers,
    )


def _order(row: OrderRow, nonce: str) -> OrderContent:
    wechat, alipay = row.wxpay_current_trade_state, row.alipay_current_trade_state
    card = row.card_current_trade_state
    return OrderContent(
        out_trade_no=row.out_trade_no,
        transaction_id=row.transaction_id,
        trade_type=row.trade_type,
        time_end=row.time_end,
        nonce_str=nonce,
        create_time=row.create_time,
        last_update_time=row.last_update_time,
        is_transforming=False,
        total_fee=row.total_fee,
        settlement_total_fee=row.settlement_total_fee,
        refunded_fee=row.refunded_fee,
        body=row.body,
        detail=row.detail,
        remark=row.remark,
        client_flow_id=row.client_flow_id,
        wxpay_order_content_ext=(
            None
            if wechat is None
            else WxpayOrderExt(
                current_trade_state=wechat, attach=row.attach, goods_tag=row.goods_tag
            )
        ),
        alipay_order_content_ext=(
            None if alipay is None else AlipayOrderExt(current_trade_state=alipay)
        ),
        card_order_content_ext=(
            None
            if card is None
            else CardOrderExt(current_trade_state=card, membership_number=row.membership_number)
        ),
        out_freeze_no=row.out_freeze_no,
        freeze_fee=row.freeze_fee,
        is_deposit_mode=row.is_deposit_mode or None,
        source_type=row.source_type,
    )


def _refund(row: RefundRow, nonce: str) -> RefundOrderContent:
    wechat, alipay = row.wxpay_refund_state, row.alipay_refund_state
    card = row.card_refund_state
    return RefundOrderContent(
        out_refund_no=row.out_refund_no,
        refund_id=row.refund_id,
        out_trade_no=row.out_trade_no,
        trade_type=row.trade_type,
        nonce_str=nonce,
        create_time=row.create_time,
        last_update_time=row.last_update_time,
        is_transforming=False,
        total_fee=row.total_fee,
        refund_fee=row.refund_fee,
        refund_reason=row.refund_reason,
        refund_success_time=row.last_update_time,  # all that are listed here have succeeded
        client_refund_flow_id=row.client_refund_flow_id,
        wxpay_refund_order_content_ext=None if wechat is None else WxpayRefundExt(state=wechat),
        alipay_refund_order_content_ext=(
            None if alipay is None else AlipayRefundExt(refund_status=alipay)
        ),
        card_refund_order_content_ext=None if card is None else CardRefundExt(state=card),
    )
