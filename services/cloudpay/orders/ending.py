"""close_order and reverse: an order that nobody shall pay, and a till's payment that is undone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from errors import NotFound
from models.refund import RefundStatus
from services.cancelling import Cancelled, cancel_order
from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.methods import Method
from services.cloudpay.orders.shown import Shown, order_content
from services.cloudpay.patience import in_time
from services.cloudpay.pays.micro import actor
from services.cloudpay.shapes import Asked, Name32, Number, Text32
from services.cloudpay.statuses import Internal, Refused, Status, bad_member
from services.cloudpay.structures import NonceOnly, OrderClient, PayMchKey
from services.codepay import people
from services.codepay.refusals import CodePayNotOpen
from services.codepay.state import CodeState
from services.refunds.asking import Ask, ask_for, own_number
from services.refunds.refusals import RefundRefused
from services.refunds.repeating import send_or_fail, take_up

REVERSED = "撤销"  # the reason of a refund that undoes a payment
_UNSURE = "请3秒后用原请求重试，或查询订单确认"


class EndOrder(Asked):
    out_trade_no: Name32
    pay_mch_key: PayMchKey
    order_client: OrderClient = OrderClient()
    trade_type: Number = 0
    nonce_str: Text32 = ""


def close_order(call: Call, asked: EndOrder) -> Answer:
    call.shop(asked.pay_mch_key.out_shop_id)
    shown = order_content(call, asked.out_trade_no)
    if shown.is_scanned:
        raise _state("付款码订单不能关闭，请用reverse撤销")
    if shown.row.method == "deposit":
        raise _state("押金消费订单不能关闭，请查询订单")
    ended = in_time(
        call,
        lambda: cancel_order(call.deps, call.caller.provider_id, shown.row.id, actor=actor(call)),
    )
    if ended is Cancelled.PAID:
        raise _state("订单已支付，不能关闭，要退钱请用refund")
    if ended is not Cancelled.CLOSED:
        raise _again("正在关闭，钱包还没有确认，" + _UNSURE)
    return Answer(NonceOnly(nonce_str=fresh_nonce()), "已关闭，没有收款")


def reverse(call: Call, asked: EndOrder) -> Answer:
    call.shop(asked.pay_mch_key.out_shop_id)
    shown = order_content(call, asked.out_trade_no)
    if not shown.is_scanned:
        raise _state("不是付款码订单，不能撤销，请用close_order关闭")
    _check_till(shown, asked.order_client)
    if shown.row.status != "paid":
        shown = _undone(call, shown)
    if shown.row.status == "paid":
        return Answer(NonceOnly(nonce_str=fresh_nonce()), _give_back(call, shown))
    if shown.row.status != "closed":
        raise _again("正在撤销，钱包还没有确认，" + _UNSURE)
    return Answer(NonceOnly(nonce_str=fresh_nonce()), "已撤销，没有收款")


def _check_till(shown: Shown, client: OrderClient) -> None:
    """Only the till that charged takes it back, where both say who they are (Cloud Pay 5.9)."""
    theirs = shown.order_client.machine_no
    if theirs and client.machine_no and theirs != client.machine_no:
        raise bad_member("order_client.machine_no", "应为原收款终端的编号")


def _undone(call: Call, shown: Shown) -> Shown:
    """Reverse what waits or is unknown; the order as it stands then."""
    number = shown.order_content.out_trade_no

    def work() -> CodeState | None:
        try:
            provider = call.caller.provider_id
            return people.cancel(call.deps, provider, number, actor=actor(call)).state
        except CodePayNotOpen:
            return None  # it has just ended: its state says how

    in_time(call, work)
    return order_content(call, number)


def _give_back(call: Call, shown: Shown) -> str:
    """A paid one goes back whole, as a refund whose number is the order's own: once, whatever is
    repeated. The words say how far it is."""
    provider, row = call.caller.provider_id, shown.row
    ask = Ask(
        provider, row.out_trade_no, row.amount_fen, REVERSED, actor(call), actor(call),
        merchant_id=call.caller.merchant_id, out_refund_no=own_number(row, 0, ""),
    )  # fmt: skip

    def work() -> int:
        made = ask_for(call.deps, ask)
        take_up(call.deps, provider, made)
        send_or_fail(call.deps, provider, made, actor=actor(call))
        return made

    try:
        in_time(call, work)
    except NotFound:
        raise
    except RefundRefused as no:
        raise _state(f"已收款，不能撤销：{no.title}，请用refund退款") from no
    return _words(_status(call, ask))


def _status(call: Call, ask: Ask) -> RefundStatus | None:
    found: Any = call.deps.transact(
        lambda s: s.scalar(
            text("SELECT status FROM refund WHERE provider_id = :p AND out_refund_no = :n"),
            {"p": ask.provider_id, "n": ask.out_refund_no},
        )
    )
    return None if found is None else RefundStatus(found)


def _words(status: RefundStatus | None) -> str:
    if status is None:
        raise _again("正在撤销，" + _UNSURE)
    if status is RefundStatus.SUCCESS:
        return "已撤销，钱已退回"
    if status in (RefundStatus.FAILED, RefundStatus.VOID):
        raise _state("已收款，撤销没有成功，请用refund退款，或补足商户余额后重试")
    return "已收款，正在全额退回，请用query_refund_order查询，不要再次退款"


def _state(words: str) -> Refused:
    return Refused(words, internal=Internal.STATE)


def _again(words: str) -> Refused:
    return Refused(words, internal=Internal.UNSURE, reply_status=Status.AGAIN)


CLOSE_ORDER = Method(
    name="close_order",
    asked=EndOrder,
    told=NonceOnly,
    run=close_order,
    result="close_order",
    summary=(
        "关闭未支付的订单；付款码订单用reverse",
        "Close an unpaid order; payments by code are reversed instead",
    ),
    group="orders",
)
REVERSE = Method(
    name="reverse",
    asked=EndOrder,
    told=NonceOnly,
    run=reverse,
    result="reverse",
    summary=(
        "撤销付款码订单：未付的关闭，已付的全额退回。收到407后不要撤销",
        "Undo a payment by code: unpaid it is closed, paid it goes back whole. Never after 407",
    ),
    group="orders",
    takes_signature=True,
)
