"""micro_freeze and scancode_freeze: a payer's money is held, by his code or by one that we show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import Field

from errors import AppError
from services.callbacks.envelope import PLATFORMS, SCANNED
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.deposits.refusing import refusal
from services.cloudpay.deposits.shown import BY_QR, Held, find_freeze
from services.cloudpay.deposits.told import MicroFreezeTold, ScanCodeFreezeTold
from services.cloudpay.deposits.words import NOAUTH, UNSURE
from services.cloudpay.methods import Method, Once
from services.cloudpay.patience import in_time
from services.cloudpay.pays.micro import actor, an_ip, check_platform
from services.cloudpay.shapes import (
    Asked,
    Fen,
    Name32,
    Seconds,
    Text,
    Text32,
    Text127,
    Text128,
    Text255,
)
from services.cloudpay.statuses import Internal, Refused, Status, bad_member
from services.cloudpay.structures import OrderClient, PayMchKey
from services.deposits.freezing import Freeze, freeze

WECHAT: Final = PLATFORMS["wechat"][0]
SHOWN: Final = "请让用户扫码，并用query_freeze_order查询结果"
NUMBER, AMOUNT, CODE = (
    "freeze_content.out_freeze_no", "freeze_content.freeze_fee", "freeze_content.author_code",
)  # fmt: skip


class WxpayFreezeContentExt(Asked):
    attach: Text127 = ""
    goods_tag: Text32 = ""
    limit_pay: Text32 = ""


class AlipayFreezeContentExt(Asked):
    enable_pay_channels: Text255 = ""


class FreezeContent(Asked):
    out_freeze_no: Name32
    freeze_fee: Fen
    fee_type: Annotated[str, Text(3, pattern="^CNY$")] = "CNY"
    time_expire: Seconds | None = None
    body: Text128 = ""
    detail: Annotated[str, Text(6000)] = ""
    remark: Text127 = ""
    wxpay_freeze_content_ext: WxpayFreezeContentExt | None = None
    alipay_freeze_content_ext: AlipayFreezeContentExt | None = None


class CodeFreezeContent(FreezeContent):
    author_code: Annotated[str, Text(256, least=1)] = Field(
        repr=False, description="付款码：微信10-15、支付宝25-30开头 / the payer's code"
    )


class MicroFreeze(Asked):
    freeze_content: CodeFreezeContent
    pay_mch_key: PayMchKey
    order_client: OrderClient = OrderClient()
    nonce_str: Text32 = ""


class ScanCodeFreeze(Asked):
    freeze_content: FreezeContent
    pay_mch_key: PayMchKey
    order_client: OrderClient = OrderClient()
    nonce_str: Text32 = ""


def micro_freeze(call: Call, asked: MicroFreeze) -> Answer:
    check_platform(asked.pay_mch_key.pay_platform, asked.freeze_content.author_code)
    held = _frozen(call, asked, asked.freeze_content.author_code)
    told = MicroFreezeTold(
        freeze_order_content=held.content, pay_mch_key=held.pay_mch_key, nonce_str=fresh_nonce()
    )
    return Answer(told, held.words, *_how(held))


def scancode_freeze(call: Call, asked: ScanCodeFreeze) -> Answer:
    if asked.pay_mch_key.pay_platform == WECHAT:
        raise bad_member(
            "pay_mch_key.pay_platform", "应为2：微信押金不支持扫码冻结，请扫付款码用micro_freeze"
        )
    held = _frozen(call, asked, "")
    told = ScanCodeFreezeTold(code_url=held.row.code_url, nonce_str=fresh_nonce())
    status, internal = _how(held)
    if held.row.code_url is None and status is Status.OK:
        raise Refused(
            "钱包没有返回二维码，请3秒后用原请求重试",
            internal=Internal.UNSURE,
            reply_status=Status.AGAIN,
        )
    return Answer(told, SHOWN if status is Status.OK else held.words, status, internal)


def _frozen(call: Call, asked: MicroFreeze | ScanCodeFreeze, auth_code: str) -> Held:
    """Ask for the hold, and how it stands when the time for the answer has come."""
    content = asked.freeze_content
    shop = call.shop(asked.pay_mch_key.out_shop_id)
    wechat, alipay = content.wxpay_freeze_content_ext, content.alipay_freeze_content_ext
    until = content.time_expire
    cmd = Freeze(
        provider_id=call.caller.provider_id,
        merchant_id=call.caller.merchant_id,
        store_id=shop.store_id,
        out_freeze_no=content.out_freeze_no,
        freeze_fen=content.freeze_fee,
        asked_by=actor(call),
        auth_code=auth_code,
        description=content.body,
        terminal_ip=an_ip(asked.order_client.spbill_create_ip, call.ip),
        expires_at=datetime.fromtimestamp(min(until, 2**33), UTC) if until else None,
        goods_tag=wechat.goods_tag if wechat else "",
        no_credit=wechat is not None and wechat.limit_pay == "no_credit",
        pay_channels=alipay.enable_pay_channels if alipay else "",
    )
    try:
        in_time(call, lambda: freeze(call.deps, cmd))
    except AppError as problem:
        raise refusal(problem, number=NUMBER, amount=AMOUNT, code=CODE) from problem
    found = find_freeze(call, content.out_freeze_no)
    if found is None:
        raise Refused(UNSURE, internal=Internal.UNSURE, reply_status=Status.AGAIN)
    return found


def _how(held: Held) -> tuple[Status, Internal]:
    """A refusal of the wallet's is a definite no, and stays under this number."""
    if held.row.status not in ("failed", "void"):
        return Status.OK, Internal.OK
    missing = held.row.reject_code in NOAUTH
    return Status.REFUSED, Internal.PERMISSION if missing else Internal.WALLET


MICRO_FREEZE = Method(
    name="micro_freeze",
    asked=MicroFreeze,
    told=MicroFreezeTold,
    run=micro_freeze,
    result="micro_freeze",
    summary=(
        "押金冻结（付款码）：扫顾客的付款码冻结一笔钱。status为0只表示已受理，看current_trade_state",
        "Hold a deposit by the payer's code. Status 0 is accepted; current_trade_state decides",
    ),
    group="deposits",
    once=Once("freeze", NUMBER, trade_type=SCANNED),
    is_small=True,
)
SCANCODE_FREEZE = Method(
    name="scancode_freeze",
    asked=ScanCodeFreeze,
    told=ScanCodeFreezeTold,
    run=scancode_freeze,
    result="scan_code_freeze",
    summary=(
        "押金冻结（顾客扫码，仅支付宝）：返回二维码内容，结果用query_freeze_order查询",
        "Hold a deposit by a code that the payer scans, Alipay only; ask query_freeze_order",
    ),
    group="deposits",
    once=Once("freeze", NUMBER, trade_type=BY_QR),
    is_small=True,
)
