"""refund: asked for, never said to have happened. Room, rights, sending: `services/refunds`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AliasChoices, Field
from sqlalchemy import text

from errors import AppError, NotFound
from gateways.base import RefundFunds
from models.refund import RefundStatus
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.methods import Method, Once
from services.cloudpay.orders.refunds import RefundOrderContent, ShownRefund, refunds_of
from services.cloudpay.orders.shown import Shown, order_content
from services.cloudpay.patience import in_time
from services.cloudpay.pays.micro import actor
from services.cloudpay.shapes import Asked, Fen, Name32, Text, Text32, Text64, Told, Whole
from services.cloudpay.statuses import Internal, Refused, Status, bad_member, foreign
from services.cloudpay.structures import OrderClient, PayMchKey, PayMchKeyTold
from services.refunds import repeating
from services.refunds.asking import Ask, ask_for
from services.refunds.refusals import (
    RefundAmount,
    RefundConflict,
    RefundNoRight,
    RefundRefused,
)
from services.refunds.rights import StaffAsk, ask_as_staff

CHECKED: Final = 2  # api_version: the operator's right is checked
_NUMBER: Final = re.compile(r"[0-9A-Za-z_]{6,32}", re.ASCII)
_WECHAT_NUMBER: Final = re.compile(r"[0-9A-Za-z_\-|*]{6,32}", re.ASCII)
_NO_REFUND_API: Final = frozenset({"NO_AUTH", "NOAUTH"})
ASKED: Final = "退款已受理，尚未到账，请用query_refund_order查询结果"
UNSURE: Final = "退款结果未知，请用query_refund_order查询，不要换单号重新退款"
_FUNDS: Final = {
    "REFUND_SOURCE_UNSETTLED_FUNDS": RefundFunds.UNSETTLED,
    "REFUND_SOURCE_RECHARGE_FUNDS": RefundFunds.AVAILABLE,
}
_STAFF = text("""
SELECT public_id FROM staff WHERE provider_id = :p AND merchant_id = :m AND is_active
    AND (number = :id OR public_id = :id) ORDER BY number = :id DESC NULLS LAST LIMIT 1
""")


class WxpayRefundContentExt(Asked):
    refund_account: Literal["", "REFUND_SOURCE_UNSETTLED_FUNDS", "REFUND_SOURCE_RECHARGE_FUNDS"] = (
        Field(
            default="",
            description="退款资金来源，只用于微信：REFUND_SOURCE_UNSETTLED_FUNDS未结算资金（微信默认）"
            "，REFUND_SOURCE_RECHARGE_FUNDS可用余额"
            " / WeChat only: REFUND_SOURCE_UNSETTLED_FUNDS is paid out of what is not settled yet"
            " (WeChat's default), REFUND_SOURCE_RECHARGE_FUNDS out of the balance",
        )
    )


class RefundContent(Asked):
    out_trade_no: Name32
    out_refund_no: Name32
    total_fee: Fen
    refund_fee: Fen
    refund_fee_type: Annotated[str, Text(3, pattern="^CNY$")] = "CNY"
    refund_reason: Text64 = ""
    client_refund_flow_id: Text64 = ""
    out_freeze_no: Text32 = ""
    wxpay_refund_content_ext: WxpayRefundContentExt | None = Field(
        default=None,
        validation_alias=AliasChoices("wx_pay_refund_content_ext", "wxpay_refund_content_ext"),
    )


class RefundAsked(Asked):
    refund_content: RefundContent
    pay_mch_key: PayMchKey
    order_client: OrderClient = OrderClient()
    api_version: Annotated[int, Whole(0, 2)] = Field(
        default=1,
        description="1不校验操作人退款权限，2校验 / 2: the operator's right to refund is checked",
    )
    nonce_str: Text32 = ""


class RefundTold(Told):
    pay_mch_key: PayMchKeyTold
    refund_order_content: RefundOrderContent | None = None
    nonce_str: str


def refund(call: Call, asked: RefundAsked) -> Answer:
    content = asked.refund_content
    call.shop(asked.pay_mch_key.out_shop_id)
    shown = order_content(call, content.out_trade_no)
    _check(shown, content)
    refund_id = _held(call, asked, _funds(shown, content))
    provider, who = call.caller.provider_id, actor(call)
    in_time(call, lambda: repeating.send_or_fail(call.deps, provider, refund_id, actor=who))
    found = refunds_of(call, shown, content.out_refund_no)
    return _answer(shown, found[0])


def _check(shown: Shown, content: RefundContent) -> None:
    is_wechat = shown.channel == "wechat"
    form = _WECHAT_NUMBER if is_wechat else _NUMBER
    if not form.fullmatch(content.out_refund_no):
        said = bad_member("refund_content.out_refund_no", "应为6到32位字母、数字或下划线")
        raise Refused(said.description, internal=Internal.MEMBER, reply_status=Status.NEW_NUMBER)
    if shown.row.status != "paid":
        raise Refused("订单没有收到款，不能退款，请先查询订单", internal=Internal.STATE)
    if content.total_fee != shown.order_content.total_fee:
        said = bad_member("refund_content.total_fee", "与订单金额不一致")
        raise Refused(said.description, internal=Internal.AMOUNT)


def _funds(shown: Shown, content: RefundContent) -> RefundFunds | None:
    """What it is to be paid out of; other wallets than WeChat have no such choice."""
    said = content.wxpay_refund_content_ext
    return _FUNDS.get(said.refund_account) if said and shown.channel == "wechat" else None


def _held(call: Call, asked: RefundAsked, funds: RefundFunds | None) -> int:
    """Room is held and the refund written down, by whoever may; its id. Raises Refused."""
    try:
        made = _ask(call, asked, funds)
        repeating.take_up(call.deps, call.caller.provider_id, made, funds)
    except NotFound:
        raise foreign("pay_mch_key.authorization_staff_id") from None
    except RefundRefused as no:
        raise _refused(no) from no
    return made


def _ask(call: Call, asked: RefundAsked, funds: RefundFunds | None) -> int:
    content, key = asked.refund_content, asked.pay_mch_key
    provider, reason = call.caller.provider_id, content.refund_reason or "商户退款"
    if asked.api_version != CHECKED or key.is_sub_mch_admin:
        ask = Ask(
            provider, content.out_trade_no, content.refund_fee, reason, actor(call), actor(call),
            merchant_id=call.caller.merchant_id, out_refund_no=content.out_refund_no, funds=funds,
        )  # fmt: skip
        return ask_for(call.deps, ask)
    if not key.authorization_staff_id:
        raise bad_member("pay_mch_key.authorization_staff_id", "缺失：api_version为2时要有授权人")
    staff = StaffAsk(
        content.out_trade_no,
        content.refund_fee,
        reason,
        out_refund_no=content.out_refund_no,
        funds=funds,
    )
    return ask_as_staff(call.deps, provider, _staff(call, key.authorization_staff_id), staff)


def _staff(call: Call, staff_id: str) -> str:
    """The public id of one of the merchant's own people. Raises Refused."""
    keys = {"p": call.caller.provider_id, "m": call.caller.merchant_id, "id": staff_id}
    found: Any = call.deps.transact(lambda s: s.scalar(_STAFF, keys))
    if found is None:
        raise foreign("pay_mch_key.authorization_staff_id")
    return str(found)


def _refused(no: AppError) -> Refused:
    """Nothing was asked of a wallet, no room is held."""
    if isinstance(no, RefundConflict):
        return Refused(
            "参数refund_content.out_refund_no已用于另一笔退款，请换新单号",
            internal=Internal.NUMBER_USED,
            reply_status=Status.NEW_NUMBER,
        )
    internal = Internal.STATE
    if isinstance(no, RefundNoRight):
        internal = Internal.PERMISSION
    elif isinstance(no, RefundAmount):
        internal = Internal.AMOUNT
    return Refused(
        f"{no.detail or no.title}。{''.join(no.steps)}（{no.code}）"[:255], internal=internal
    )


def _answer(shown: Shown, made: ShownRefund) -> Answer:
    if made.status is RefundStatus.FAILED and made.lacked_balance:
        raise Refused(
            "商户余额不足，可能已自动提现。充值后用原退款单号重试", internal=Internal.WALLET
        )
    told = RefundTold(
        pay_mch_key=shown.pay_mch_key, refund_order_content=made.content, nonce_str=fresh_nonce()
    )
    if made.status in (RefundStatus.FAILED, RefundStatus.VOID):
        words, internal = _why(made)
        return Answer(told, words, Status.REFUSED, internal)
    return Answer(told, words_of(made))


def words_of(made: ShownRefund) -> str:
    """What a till may say: "refunded" only of what is."""
    if made.status is RefundStatus.SUCCESS:
        return "退款成功"
    if made.status is RefundStatus.ABNORMAL:
        return "退款异常：顾客账户收不了款，请线下退还"
    if made.status in (RefundStatus.FAILED, RefundStatus.VOID):
        return _why(made)[0]
    return UNSURE if made.status is RefundStatus.UNKNOWN else ASKED


def _why(made: ShownRefund) -> tuple[str, Internal]:
    if made.upstream_code in _NO_REFUND_API:
        return (
            f"商户未授权服务商API退款，请商户在微信支付商户平台确认授权（{made.upstream_code}）",
            Internal.PERMISSION,
        )
    code = f"（{made.upstream_code}）" if made.upstream_code else ""
    return f"退款失败：{made.upstream_message or '钱包没有接受'}{code}"[:255], Internal.WALLET


REFUND = Method(
    name="refund",
    asked=RefundAsked,
    told=RefundTold,
    run=refund,
    result="refund",
    summary=(
        "申请退款：status为0只表示已受理，到账以query_refund_order为准",
        "Ask for a refund. Status 0 is accepted; only query_refund_order says that it is done",
    ),
    group="orders",
    once=Once("refund", "refund_content.out_refund_no"),
    takes_signature=True,
    is_small=True,
)
