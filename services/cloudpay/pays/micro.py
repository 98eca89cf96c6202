"""micro_pay: the till has scanned a payer's code. Charged once, by the same service as any till of
ours; the reply comes in time, and where nothing is decided yet it says so."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Final

from pydantic import Field

from errors import AppError
from services.callbacks.envelope import PLATFORMS, SCANNED
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.methods import Method, Once
from services.cloudpay.orders.shown import Shown, find_order
from services.cloudpay.orders.words import state_words
from services.cloudpay.patience import in_time
from services.cloudpay.pays.extras import extras_of, goods_tag, undiscountable
from services.cloudpay.problems import in_words
from services.cloudpay.shapes import Asked, Text, Text32, Told
from services.cloudpay.statuses import Internal, Refused, Status, bad_member
from services.cloudpay.structures import (
    OrderClient,
    OrderContent,
    PayContent,
    PayMchKey,
    PayMchKeyTold,
)
from services.codepay.charging import Charge, charge
from services.codepay.codes import wallet_of
from services.codepay.refusals import CodeUnreadable

_NAMES: Final = {"wechat": "微信", "alipay": "支付宝", "balance": "会员卡"}


class MicroPayContent(PayContent):
    author_code: Annotated[str, Text(256, least=1)] = Field(
        repr=False, description="付款码：微信10-15、支付宝25-30、会员卡99开头 / the payer's code"
    )


class MicroPay(Asked):
    pay_content: MicroPayContent
    pay_mch_key: PayMchKey
    order_client: OrderClient = OrderClient()
    nonce_str: Text32 = ""


class MicroPayTold(Told):
    order_content: OrderContent
    pay_mch_key: PayMchKeyTold
    nonce_str: str


def micro_pay(call: Call, asked: MicroPay) -> Answer:
    content, client = asked.pay_content, asked.order_client
    shop = call.shop(asked.pay_mch_key.out_shop_id)
    channel = check_platform(asked.pay_mch_key.pay_platform, content.author_code)
    cmd = Charge(
        provider_id=call.caller.provider_id,
        merchant_id=call.caller.merchant_id,
        store_id=shop.store_id,
        amount_fen=content.total_fee,
        auth_code=content.author_code,
        asked_by=actor(call),
        out_trade_no=content.out_trade_no,
        description=content.body,
        terminal_ip=an_ip(client.spbill_create_ip, call.ip),
        undiscountable_fen=undiscountable(content, channel),
        goods_tag=goods_tag(content, channel),
        extras=extras_of(content, channel),
    )
    shown = charged(call, cmd, code="pay_content.author_code", number="pay_content.out_trade_no",
                    amount="pay_content.total_fee")  # fmt: skip
    told = MicroPayTold(
        order_content=shown.order_content, pay_mch_key=shown.pay_mch_key, nonce_str=fresh_nonce()
    )
    return Answer(told, state_words(shown.state, shown.row))


def charged(call: Call, cmd: Charge, *, code: str, number: str, amount: str) -> Shown:
    """Charge, and the order as it stands when the time for the answer has come.

    Raises Refused: nothing was charged, or (103) it is not known yet whether it will be.
    """
    assert cmd.out_trade_no is not None
    try:
        in_time(call, lambda: charge(call.deps, cmd))
    except AppError as problem:
        said = in_words(problem, code=code, number=number, amount=amount)
        if said is None:
            raise
        raise said from problem
    found = find_order(call, cmd.out_trade_no)
    if found is None:
        raise Refused(
            "正在受理，请3秒后用原请求重试或查询订单",
            internal=Internal.UNSURE,
            reply_status=Status.AGAIN,
        )
    return found


def check_platform(said: int, author_code: str) -> str:
    """The channel that the code says; a client that says otherwise has scanned the wrong one."""
    try:
        channel = wallet_of(author_code)
    except CodeUnreadable:
        return ""  # refused where it is charged
    own = PLATFORMS[channel][0]
    if said not in (0, own):
        raise bad_member(
            "pay_mch_key.pay_platform", f"与付款码不符：这是{_NAMES[channel]}的付款码，应为{own}"
        )
    return channel


def actor(call: Call) -> str:
    """Who asked, as the audit has it: nothing a client says of a person is believed."""
    return f"api:{call.caller.merchant_id}"


def an_ip(said: str, seen: str) -> str:
    """What wallets take for the till's address: samples are often made up."""
    for one in (said, seen):
        try:
            return str(ip_address(one))
        except ValueError:
            continue
    return "127.0.0.1"


MICRO_PAY = Method(
    name="micro_pay",
    asked=MicroPay,
    told=MicroPayTold,
    run=micro_pay,
    result="micro_pay",
    summary=(
        "付款码支付：扫顾客的付款码收款。status为0只表示已受理，是否收到款看current_trade_state",
        "Charge a payer's code. Status 0 is accepted; current_trade_state says whether it is paid",
    ),
    group="pays",
    once=Once("pay", "pay_content.out_trade_no", trade_type=SCANNED, is_reentry=True),
    is_small=True,
)
