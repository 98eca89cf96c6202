"""query_order: how one order stands, whoever made it. One statement, and nothing is waited for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text

from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.methods import Method
from services.cloudpay.orders.shown import Shown, order_content
from services.cloudpay.orders.words import state_words
from services.cloudpay.shapes import Asked, Name32, Number, Text32, Told
from services.cloudpay.structures import (
    OrderClient,
    OrderClientTold,
    OrderContent,
    PayMchKey,
    PayMchKeyTold,
)
from services.single import Single

SOON: Final = timedelta(seconds=5)  # no wallet is asked sooner after paying (wechat.md A8)
_HURRIED_EVERY_S: Final = 3.0
_OPEN: Final = frozenset({"created", "payable"})
_HURRY = Single(
    text("""
    UPDATE pay_attempt SET due_at = :now WHERE provider_id = :p AND id = :a AND due_at > :now
        AND status IN ('created', 'payable') RETURNING id
    """)
)


class QueryOrder(Asked):
    out_trade_no: Name32
    pay_mch_key: PayMchKey
    order_client: OrderClient = OrderClient()
    trade_type: Number = 0
    nonce_str: Text32 = ""


class QueryOrderTold(Told):
    order_content: OrderContent
    pay_mch_key: PayMchKeyTold
    order_client: OrderClientTold
    nonce_str: str


def query_order(call: Call, asked: QueryOrder) -> Answer:
    call.shop(asked.pay_mch_key.out_shop_id)
    shown = order_content(call, asked.out_trade_no)
    hurry(call, shown)
    told = QueryOrderTold(
        order_content=shown.order_content,
        pay_mch_key=shown.pay_mch_key,
        order_client=shown.order_client,
        nonce_str=fresh_nonce(),
    )
    return Answer(told, state_words(shown.state, shown.row))


def hurry(call: Call, shown: Shown) -> None:
    """Somebody waits for this order: its wallet is asked at once, at most every few seconds.

    The worker asks, so the next query knows more; this reply does not wait for it.
    """
    row = shown.row
    if row.attempt_status not in _OPEN or not _is_far(row, call.now):
        return
    keys = {"p": row.provider_id, "a": row.attempt_id, "now": call.now}
    call.deps.cpay_kept.get(
        ("asked", row.provider_id, row.attempt_id),
        _HURRIED_EVERY_S,
        lambda: _HURRY.first(call.deps, keys),
    )


def _is_far(row: Any, now: datetime) -> bool:
    is_young = now < row.attempted_at + SOON
    return not is_young and row.due_at is not None and row.due_at > now + SOON


QUERY_ORDER = Method(
    name="query_order",
    asked=QueryOrder,
    told=QueryOrderTold,
    run=query_order,
    result="query_order",
    summary=(
        "查询订单：按商户订单号查一笔订单，收款页的订单也能查",
        "One order by the merchant's number, also one of a pay page",
    ),
    group="orders",
    is_small=True,
)
