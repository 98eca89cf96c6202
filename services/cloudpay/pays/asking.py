"""What the five roads of an order share: their members, how it is placed, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import Field

from errors import AppError
from gateways.base import Prepay
from gateways.ordering import Extras
from models.order import AttemptMethod
from services.api_orders.placing import place
from services.api_orders.wanted import NumberTaken, Over, Payable, Refusal, Wanted
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.patience import in_time
from services.cloudpay.pays.contents import basket, extend_params
from services.cloudpay.pays.micro import actor
from services.cloudpay.problems import in_words
from services.cloudpay.shapes import Asked, Text32, Whole
from services.cloudpay.statuses import Internal, Refused, Status, bad_member
from services.cloudpay.structures import (
    AlipayContentExt,
    NonceOnly,
    OrderClient,
    PayContent,
    PayMchKey,
    WxpayContentExt,
)
from services.codepay.blame import HINTS, Blame, blame
from services.scan import Scan, scan_store

NUMBER: Final = "pay_content.out_trade_no"
PLATFORM: Final = "pay_mch_key.pay_platform"
WXPAY: Final = "pay_content.wxpay_pay_content_ext"
ALIPAY: Final = "pay_content.alipay_pay_content_ext"
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
    wxpay = content.wxpay_pay_content_ext or WxpayContentExt()
    alipay = content.alipay_pay_content_ext or AlipayContentExt()
    extras = Extras(
        attach=content.own_words if channel == "wechat" else "",
        no_credit=_no_credit(wxpay),
        basket=basket(content.detail, content.total_fee),
        scene=more.pop("scene", None),
        **(_alipay(alipay, content.total_fee) if channel == "alipay" else {}),
    )
    return Wanted(
        out_trade_no=content.out_trade_no,
        channel=channel,
        method=method,
        amount_fen=content.total_fee,
        asked_by=actor(call),
        description=content.body,
        remark=content.remark,
        expires_at=None if content.time_expire is None else _moment(content.time_expire),
        goods_tag=wxpay.goods_tag if channel == "wechat" else "",
        undiscountable_fen=alipay.undiscountable_amount if channel == "alipay" else None,
        extras=extras,
        **more,
    )


def _no_credit(wxpay: WxpayContentExt) -> bool:
    if wxpay.limit_pay not in ("", "no_credit"):
        raise bad_member(f"{WXPAY}.limit_pay", "只能是no_credit")
    return wxpay.limit_pay == "no_credit"


def _alipay(ext: AlipayContentExt, total_fen: int) -> dict[str, Any]:
    """Alipay: given both, the parts make up the total; one alone is within it (alipay.md 4.1)."""
    if ext.royalty_info:
        raise bad_member(f"{ALIPAY}.royalty_info", "暂不支持分账")
    named = {
        name: value
        for name in ("discountable_amount", "undiscountable_amount")
        if (value := getattr(ext, name)) is not None
    }
    for name, value in named.items():
        if value > total_fen:
            raise bad_member(f"{ALIPAY}.{name}", "不能大于total_fee")
    if len(named) == 2 and sum(named.values()) != total_fen:
        raise bad_member(
            f"{ALIPAY}.undiscountable_amount", "与discountable_amount之和应为total_fee"
        )
    return {
        "discountable_fen": ext.discountable_amount,
        "disabled_channels": ext.disable_pay_channels,
        "extend": extend_params(ext.extend_params),
    }


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
