"""query_refund_order: how the refunds of an order stand."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import text

from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.methods import Method
from services.cloudpay.orders.refunding import words_of
from services.cloudpay.orders.refunds import RefundOrderContent, ShownRefund, refunds_of
from services.cloudpay.orders.shown import order_content
from services.cloudpay.shapes import Asked, Name32, Text32, Told, told
from services.cloudpay.small import as_sent
from services.cloudpay.statuses import Internal, Refused
from services.cloudpay.structures import (
    OrderClient,
    OrderClientTold,
    PayMchKey,
    PayMchKeyTold,
)
from services.single import Single

SOON: Final = timedelta(seconds=10)  # no wallet is asked sooner after refunding (alipay.md 4.5)
_HURRIED_EVERY_S: Final = 5.0
_ROOM: Final = 2900  # bytes of refunds with their clients in one reply
_HURRY = Single(
    text("""
    UPDATE refund SET due_at = :now WHERE provider_id = :p AND id = :r AND due_at > :now
        AND status = 'processing' AND created_at <= :before RETURNING id
    """)
)


class QueryRefundOrder(Asked):
    out_trade_no: Name32
    out_refund_no: Text32 = ""
    pay_mch_key: PayMchKey
    order_client: OrderClient = OrderClient()
    nonce_str: Text32 = ""


class QueryRefundOrderTold(Told):
    refund_order_content: tuple[RefundOrderContent, ...]
    pay_mch_key: PayMchKeyTold
    order_client: tuple[OrderClientTold, ...]
    nonce_str: str


def query_refund_order(call: Call, asked: QueryRefundOrder) -> Answer:
    call.shop(asked.pay_mch_key.out_shop_id)
    shown = order_content(call, asked.out_trade_no)
    found = refunds_of(call, shown, asked.out_refund_no)
    if not found:
        raise Refused("没有这笔订单的退款，请核对单号", internal=Internal.NO_REFUND)
    _hurry(call, found)
    kept = _newest_that_fit(found)
    result = QueryRefundOrderTold(
        refund_order_content=tuple(one.content for one in kept),
        pay_mch_key=shown.pay_mch_key,
        order_client=tuple(one.client for one in kept),
        nonce_str=fresh_nonce(),
    )
    return Answer(result, _words(found, kept))


def _words(found: list[ShownRefund], kept: list[ShownRefund]) -> str:
    if len(kept) < len(found):
        return f"共{len(found)}笔退款，这里是最近的{len(kept)}笔，其余请带out_refund_no查询"
    waits = [one for one in found if one.is_open]
    return words_of(waits[-1] if waits else found[-1])


def _newest_that_fit(found: list[ShownRefund]) -> list[ShownRefund]:
    """Old SDKs hold no more than 4,096 bytes: the newest stay, in the order they were made."""
    kept: list[ShownRefund] = []
    room = _ROOM
    for one in reversed(found):
        room -= as_sent(told(one.content)) + as_sent(told(one.client))
        if room < 0 and kept:
            break
        kept.append(one)
    return kept[::-1]


def _hurry(call: Call, found: list[ShownRefund]) -> None:
    """Somebody waits for it: its wallet is asked soon, by the worker; this reply does not wait."""
    provider = call.caller.provider_id
    for one in (one for one in found if one.is_open):
        keys = {"p": provider, "r": one.refund_id, "now": call.now, "before": call.now - SOON}
        call.deps.cpay_kept.get(
            ("refund asked", provider, one.refund_id),
            _HURRIED_EVERY_S,
            lambda keys=keys: _HURRY.first(call.deps, keys),  # type: ignore[misc]
        )


QUERY_REFUND_ORDER = Method(
    name="query_refund_order",
    asked=QueryRefundOrder,
    told=QueryRefundOrderTold,
    run=query_refund_order,
    result="query_refund_order",
    summary=(
        "查询退款：一笔订单的全部退款，或按退款单号查一笔",
        "An order's refunds, or one of them by its number",
    ),
    group="orders",
    is_small=True,
)
