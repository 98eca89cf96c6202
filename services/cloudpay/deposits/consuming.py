"""deposit_consume: an order is paid out of a hold; from there on it is an order as every other."""

from __future__ import annotations

from pydantic import Field

from errors import AppError
from services.callbacks.envelope import PLATFORMS, SCANNED
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.deposits.refusing import refusal
from services.cloudpay.deposits.shown import freeze_of
from services.cloudpay.deposits.told import DepositConsumeTold
from services.cloudpay.methods import Method, Once
from services.cloudpay.orders.shown import Shown, find_order
from services.cloudpay.orders.words import state_words
from services.cloudpay.patience import in_time
from services.cloudpay.pays.micro import actor
from services.cloudpay.shapes import Asked, Flag, Name32, Text32
from services.cloudpay.statuses import Internal, Refused, Status, bad_member
from services.cloudpay.structures import OrderClient, PayContent, PayMchKey
from services.deposits.consuming import Consume, consume

NUMBER, AMOUNT = "pay_content.out_trade_no", "pay_content.total_fee"


class ConsumeContent(PayContent):
    out_freeze_no: Name32
    is_confirm_unfreeze: Flag = Field(
        description="是否把余下的押金退给顾客，微信必须为true"
        " / whether the rest goes back to the payer; WeChat takes only true"
    )


class DepositConsume(Asked):
    pay_content: ConsumeContent
    pay_mch_key: PayMchKey
    order_client: OrderClient = OrderClient()
    nonce_str: Text32 = ""


def deposit_consume(call: Call, asked: DepositConsume) -> Answer:
    content = asked.pay_content
    shop = call.shop(asked.pay_mch_key.out_shop_id)
    held = freeze_of(call, content.out_freeze_no)
    said, own = asked.pay_mch_key.pay_platform, PLATFORMS[held.row.channel][0]
    if said not in (0, own):
        raise bad_member("pay_mch_key.pay_platform", f"与押金不符，应为{own}")
    cmd = Consume(
        provider_id=call.caller.provider_id,
        merchant_id=call.caller.merchant_id,
        store_id=shop.store_id,
        out_freeze_no=content.out_freeze_no,
        out_trade_no=content.out_trade_no,
        amount_fen=content.total_fee,
        ends=content.is_confirm_unfreeze,
        asked_by=actor(call),
        description=content.body,
        remark=content.remark,
    )
    try:
        in_time(call, lambda: consume(call.deps, cmd))
    except AppError as problem:
        raise refusal(problem, number=NUMBER, amount=AMOUNT) from problem
    shown = find_order(call, content.out_trade_no)
    if shown is None:
        raise Refused(
            "正在受理，请3秒后用原请求重试或查询订单",
            internal=Internal.UNSURE,
            reply_status=Status.AGAIN,
        )
    return _answer(shown)


def _answer(shown: Shown) -> Answer:
    told = DepositConsumeTold(
        order_content=shown.order_content, pay_mch_key=shown.pay_mch_key, nonce_str=fresh_nonce()
    )
    words = state_words(shown.state, shown.row)
    if shown.row.status == "closed":
        return Answer(told, words, Status.REFUSED, Internal.WALLET)
    return Answer(told, words)


DEPOSIT_CONSUME = Method(
    name="deposit_consume",
    asked=DepositConsume,
    told=DepositConsumeTold,
    run=deposit_consume,
    result="deposit_consume",
    summary=(
        "押金消费：从冻结的押金里收款，余下的退给顾客。生成一笔普通订单，可查询、可退款",
        "Charge a held deposit; the rest goes back. It is an order as every other",
    ),
    group="deposits",
    once=Once("pay", NUMBER, trade_type=SCANNED),
    is_small=True,
)
