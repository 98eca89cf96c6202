"""query_freeze_order and query_unfreeze_order: how a hold and its releases stand."""

from __future__ import annotations

from typing import Final

from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.deposits.shown import Released, freeze_of, no_freeze, releases_of
from services.cloudpay.deposits.told import QueryFreezeTold, QueryUnfreezeTold
from services.cloudpay.methods import Method
from services.cloudpay.shapes import Asked, Name32, Text32, told
from services.cloudpay.small import as_sent
from services.cloudpay.structures import OrderClient, PayMchKey

_ROOM: Final = 2900  # bytes of releases with their clients in one reply


class QueryFreezeOrder(Asked):
    out_freeze_no: Name32
    pay_mch_key: PayMchKey
    order_client: OrderClient = OrderClient()
    nonce_str: Text32 = ""


class QueryUnfreezeOrder(Asked):
    out_freeze_no: Name32
    out_unfreeze_no: Text32 = ""
    pay_mch_key: PayMchKey
    order_client: OrderClient = OrderClient()
    nonce_str: Text32 = ""


def query_freeze_order(call: Call, asked: QueryFreezeOrder) -> Answer:
    call.shop(asked.pay_mch_key.out_shop_id)
    held = freeze_of(call, asked.out_freeze_no)
    told = QueryFreezeTold(
        freeze_order_content=held.content,
        pay_mch_key=held.pay_mch_key,
        order_client=held.order_client,
        nonce_str=fresh_nonce(),
    )
    return Answer(told, held.words)


def query_unfreeze_order(call: Call, asked: QueryUnfreezeOrder) -> Answer:
    call.shop(asked.pay_mch_key.out_shop_id)
    held = freeze_of(call, asked.out_freeze_no)
    found = releases_of(call, held)
    if asked.out_unfreeze_no:
        found = [one for one in found if one.row.number == asked.out_unfreeze_no]
        if not found:
            raise no_freeze()
    kept = _newest_that_fit(found)
    result = QueryUnfreezeTold(
        unfreeze_order_content=tuple(one.content for one in kept),
        pay_mch_key=held.pay_mch_key,
        order_client=tuple(one.order_client for one in kept),
        nonce_str=fresh_nonce(),
    )
    return Answer(result, _words(found, kept))


def _words(found: list[Released], kept: list[Released]) -> str:
    if not found:
        return "没有解冻记录"
    if len(kept) < len(found):
        return f"共{len(found)}笔解冻，这里是最近的{len(kept)}笔，其余请带out_unfreeze_no查询"
    open_ones = [one for one in found if one.row.status in ("created", "unknown")]
    return (open_ones or found)[-1].words


def _newest_that_fit(found: list[Released]) -> list[Released]:
    """Old SDKs hold no more than 4,096 bytes: the newest stay, in the order they were made."""
    kept: list[Released] = []
    room = _ROOM
    for one in reversed(found):
        room -= as_sent(told(one.content)) + as_sent(told(one.order_client))
        if room < 0 and kept:
            break
        kept.append(one)
    return kept[::-1]


QUERY_FREEZE_ORDER = Method(
    name="query_freeze_order",
    asked=QueryFreezeOrder,
    told=QueryFreezeTold,
    run=query_freeze_order,
    result="query_freeze_order",
    summary=(
        "查询押金：冻结、消费和解冻了多少",
        "One deposit: what is held, consumed and released",
    ),
    group="deposits",
    is_small=True,
)
QUERY_UNFREEZE_ORDER = Method(
    name="query_unfreeze_order",
    asked=QueryUnfreezeOrder,
    told=QueryUnfreezeTold,
    run=query_unfreeze_order,
    result="query_unfreeze_order",
    summary=("查询解冻：一笔押金的解冻记录", "The releases of a deposit"),
    group="deposits",
    is_small=True,
)
