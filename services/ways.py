"""How a payment came: the payer's own page, a till, or the merchant's system over the API.

Told by the order and its attempt alone, so whoever counts, lists or exports says the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Protocol

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.order import AttemptMethod, OrderPurpose, PayOrder

BY_CODE: Final = "code:"  # how the intention of a payment by the payer's code begins
BY_API: Final = "api:"  # of an order that the merchant's system placed; so does its actor
BY_DEPOSIT: Final = "deposit:"  # of a consumption of a deposit


class Way(StrEnum):
    """In the order in which they are shown."""

    PAGE = "page"  # the payer's own page, behind a printed code or a one-off link
    CODE = "code"  # the payment code that the payer showed
    API_CODE = "api_code"  # the same, to the merchant's system
    API_NATIVE = "api_native"
    API_JSAPI = "api_jsapi"
    API_H5 = "api_h5"
    API_APP = "api_app"
    API_MINI = "api_mini"
    DEPOSIT = "deposit"  # out of money that was held
    RECHARGE = "recharge"  # of a member's card, over a wallet


NAMES: Final = {
    Way.PAGE: "扫码付款",
    Way.CODE: "付款码收款",
    Way.API_CODE: "接口 · 付款码",
    Way.API_NATIVE: "接口 · 单笔二维码",
    Way.API_JSAPI: "接口 · 公众号或生活号",
    Way.API_H5: "接口 · 手机网页",
    Way.API_APP: "接口 · App",
    Way.API_MINI: "接口 · 小程序",
    Way.DEPOSIT: "押金消费",
    Way.RECHARGE: "会员充值",
}
# Those that are counted in rows of their own; what is left over is told by the other figures.
COUNTED: Final = frozenset(Way) - {Way.PAGE, Way.CODE, Way.RECHARGE}
_OF_API: Final = {
    AttemptMethod.JSAPI: Way.API_JSAPI,
    AttemptMethod.NATIVE: Way.API_NATIVE,
    AttemptMethod.H5: Way.API_H5,
    AttemptMethod.APP: Way.API_APP,
    AttemptMethod.MINI: Way.API_MINI,
}


class Intended(Protocol):
    """An order, or a row with these of its columns."""

    @property
    def intent_key(self) -> str: ...
    @property
    def purpose(self) -> OrderPurpose: ...


def way_of(order: Intended, method: AttemptMethod, request: Mapping[str, Any]) -> Way:
    """By what was asked for: `method` and `request` are its attempt's."""
    if order.purpose is OrderPurpose.RECHARGE:
        return Way.RECHARGE
    if order.intent_key.startswith(BY_DEPOSIT):
        return Way.DEPOSIT
    if order.intent_key.startswith(BY_CODE):
        by_api = str(request.get("asked_by", "")).startswith(BY_API)
        return Way.API_CODE if by_api else Way.CODE
    if order.intent_key.startswith(BY_API):
        return _OF_API.get(method, Way.API_JSAPI)
    return Way.PAGE


_METHODS: Final = " ".join(f"WHEN '{one.value}' THEN '{way.value}'" for one, way in _OF_API.items())
_FIRST: Final = (
    "FROM pay_attempt a1 WHERE a1.provider_id = o.provider_id AND a1.order_id = o.id"
    " ORDER BY a1.id LIMIT 1"
)
# `way_of` of an order `o`, for statements: such an order has one attempt only, looked up by its key
# and for these alone.
SQL: Final = f"""CASE WHEN o.purpose = 'recharge' THEN 'recharge'
    WHEN o.intent_key LIKE '{BY_DEPOSIT}%' THEN 'deposit'
    WHEN o.intent_key LIKE '{BY_CODE}%' THEN COALESCE((SELECT CASE
        WHEN a1.request ->> 'asked_by' LIKE '{BY_API}%' THEN 'api_code' END {_FIRST}), 'code')
    WHEN o.intent_key LIKE '{BY_API}%' THEN
        COALESCE((SELECT CASE a1.method {_METHODS} END {_FIRST}), 'api_jsapi')
    ELSE 'page' END"""
_OF: Final = text(f"SELECT {SQL} FROM pay_order o WHERE o.provider_id = :p AND o.id = :o")


def of_order(session: Session, order: PayOrder) -> Way:
    return Way(session.execute(_OF, {"p": order.provider_id, "o": order.id}).scalar_one())
