"""What the five roads of an order share: their members, how it is placed, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import Field

from errors import AppError
from gateways.base import Prepay
from models.order import AttemptMethod
from services.api_orders.placing import place
from services.api_orders.wanted import NumberTaken, Over, Payable, Refusal, Wanted
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.patience import in_time
from services.cloudpay.pays.extras import extras_of, goods_tag, undiscountable
from services.cloudpay.pays.micro import actor
from services.cloudpay.problems import in_words
from services.cloudpay.shapes import Asked, Text32, Whole
from services.cloudpay.statuses import Internal, Refused, Status, bad_member
from services.cloudpay.structures import NonceOnly, OrderClient, PayContent, PayMchKey
from services.codepay.blame import HINTS, Blame, blame
from services.scan import Scan, scan_store

NUMBER: Final = "pay_content.out_trade_no"
PLATFORM: Final = "pay_mch_key.pay_platform"
WAITING: Final = "下单成功，等待用户付款，请查询订单确认结果"
WECHAT_ONLY: Final = {1: "wechat"}
WALLETS: Final = {1: "wechat", 2: "alipay"}


class OrderAsked(Asked):
    """A request of any of them."""

    pay_content: PayContent
    pay_mch_key: PayMchKey
    order_client: OrderClient = OrderClient()
    nonce_str: Text32 = ""
    trade_type: Annotated[int, Whole(0, 100)] | None = Field(
        default=None, description="可不填，由接口决定 / may be left out: the method says it"
    )


def channel_of(asked: OrderAsked, takes: dict[int, str]) -> str:
    """The wallet of pay_platform; where a method has one wallet only it may be left out."""
    said = asked.pay_mch_key.pay_platform
    if said == 0 and len(takes) == 1:
        return next(iter(takes.values()))
    if said not in takes:
        names = "或".join(f"{'微信' if one == 1 else '支付宝'}（{one}）" for one in takes)
        raise bad_member(PLATFORM, f"应为{names}")
    return takes[said]


def store_of(call: Call, asked: OrderAsked) -> Scan:
    """The shop that is paid; Refused for another's and for one that is switched off."""
    shop = call.shop(asked.pay_mch_key.out_shop_id)
    return call.deps.transact(lambda s: scan_store(s, call.caller.provider_id, shop.store_id, None))


def wanted(
    call: Call, asked: OrderAsked, channel: str, method: AttemptMethod, **more: Any
) -> Wanted:
    """The order as our services take it; `more` are fields of `Wanted`. Raises Refused."""
    content = asked.pay_content
    return Wanted(
        out_trade_no=content.out_trade_no,
        channel=channel,
        method=method,
        amount_fen=content.total_fee,
        asked_by=actor(call),
        description=content.body,
        remark=content.remark,
        expires_at=None if content.time_expire is None else _moment(content.time_expire),
        goods_tag=goods_tag(content, channel),
        undiscountable_fen=undiscountable(content, channel),
        extras=extras_of(content, channel, more.pop("scene", None)),
        **more,
    )


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError):
        raise bad_member("pay_content.time_expire", "不是有效的时间") from None


def placed(call: Call, scan: Scan, order: Wanted) -> Prepay | Answer:
    """Place it; what the payer needs, or the answer that the number gets for good.

    Raises Refused: nothing was done under this number, or it is not known yet (103).
    """
    if order.expires_at is not None and order.expires_at <= call.now:
        raise bad_member("pay_content.time_expire", "已经过去，请核对终端时间")
    try:
        outcome = in_time(call, lambda: place(call.deps, scan, order))
    except NumberTaken as taken:
        raise Refused(
            "单号已用于另一笔订单，请换新单号",
            internal=Internal.NUMBER_USED,
            reply_status=Status.NEW_NUMBER,
        ) from taken
    except AppError as problem:
        said = in_words(problem, code="", number=NUMBER, amount="pay_content.total_fee")
        if said is None:
            raise
        raise said from problem
    match outcome:
        case Payable(prepay):
            return prepay
        case Refusal(code, words):
            return _refused(code, words)
        case Over() as over:
            return _over(over)
    raise _again("正在受理，请3秒后用原请求重试或查询订单", Internal.UNSURE)


def _refused(code: str, words: str) -> Answer:
    """The wallet's no is stored: the number is spent, and repeats hear the same."""
    whose = blame(code)
    hint = "" if whose is Blame.PAYER else HINTS[whose]
    said = f"{words or '钱包没有接受这笔订单'}（{code}）。{hint}没有收款，处理后请换新订单号"
    return Answer(NonceOnly(nonce_str=fresh_nonce()), said[:255], Status.REFUSED, Internal.WALLET)


def _over(over: Over) -> Answer:
    """The same request, once more, after its first reply was lost and the order has gone on."""
    if over is Over.CLOSED:
        said = "订单已关闭，没有收款，请换新订单号"
        nonce = NonceOnly(nonce_str=fresh_nonce())
        return Answer(nonce, said, Status.REFUSED, Internal.STATE)
    if over is Over.PAID:
        raise _again("订单已支付，不要重复收款，请查询订单", Internal.STATE)
    raise _again("订单正在关闭，请3秒后查询订单", Internal.UNSURE)


def _again(said: str, internal: Internal) -> Refused:
    return Refused(said, internal=internal, reply_status=Status.AGAIN)
