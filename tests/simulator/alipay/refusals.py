"""Wrong requests made from the tables: missing, of a wrong type, too long, malformed, unknown."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator
from typing import Any, NamedTuple

from simulator.alipay.fields import Field
from simulator.alipay.methods import METHODS, Method

GOODS = {"goods_id": "g1", "goods_name": "茶", "quantity": 1, "price": "1.00"}
OPENING = {"out_trade_no": "R20261122000001", "total_amount": "1.00", "subject": "茶"}
WHICH = {"out_trade_no": "R20261122000001"}
LATELY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=3)
HELD = {
    "out_order_no": "H20261122000001",
    "out_request_no": "H20261122000001",
    "order_title": "押金",
    "amount": "1.00",
    "product_code": "PRE_AUTH",
}
OPERATION = {"out_order_no": "H20261122000001", "out_request_no": "H20261122000001"}
RIGHT: dict[str, dict[str, Any]] = {
    "alipay.trade.create": OPENING | {"buyer_id": "2088102000000001"},
    "alipay.trade.precreate": OPENING,
    "alipay.trade.pay": OPENING | {"scene": "bar_code", "auth_code": "286512345678901234"},
    "alipay.trade.wap.pay": OPENING | {"product_code": "QUICK_WAP_WAY"},
    "alipay.trade.query": WHICH,
    "alipay.trade.close": WHICH,
    "alipay.trade.cancel": WHICH,
    "alipay.trade.refund": WHICH | {"refund_amount": "1.00", "out_request_no": "R1"},
    "alipay.trade.fastpay.refund.query": WHICH | {"out_request_no": "R1"},
    "alipay.data.dataservice.bill.downloadurl.query": {
        "bill_type": "trade",
        "bill_date": str(LATELY),
    },
    "alipay.fund.auth.order.freeze": HELD
    | {"auth_code": "286512345678901234", "auth_code_type": "bar_code"},
    "alipay.fund.auth.order.voucher.create": HELD,
    "alipay.fund.auth.operation.detail.query": OPERATION,
    "alipay.fund.auth.order.unfreeze": {
        "auth_no": "2026112210002001000000000001",
        "out_request_no": "U20261122000001",
        "amount": "1.00",
        "remark": "退房",
    },
    "alipay.fund.auth.operation.cancel": OPERATION | {"remark": "超时"},
    "alipay.open.auth.token.app": {"grant_type": "authorization_code", "code": "0" * 32},
    "alipay.offline.market.shop.batchquery": {"page_no": "1"},
    "alipay.offline.market.shop.querydetail": {"shop_id": "2026112100001"},
    "alipay.open.auth.token.app.query": {"app_auth_token": "202611BBsimtokenqinghe0109"},
}
FILLED = {"goods_detail": [GOODS], "sub_merchant": {"merchant_id": "2088000000000109"}}
WRONG_TYPE = {"string": 5, "price": True, "number": "x", "object": "x", "list": {"a": "b"}}


class Wrong(NamedTuple):
    method: str
    what: str
    biz: dict[str, Any]
    sub_code: str


def all_wrong() -> Iterator[Wrong]:
    for method in METHODS.values():
        if method.is_flat:
            continue
        for what, biz, code in _of_table(method.table, RIGHT[method.name]):
            yield Wrong(method.name, what, biz, code or method.bad)
        yield from _of_members(method)


def _of_members(method: Method) -> Iterator[Wrong]:
    """The same for the fields inside objects and lists of objects."""
    for field in method.table:
        if field.members is None:
            continue
        held = FILLED.get(field.name, {})
        inner = held[0] if isinstance(held, list) else held
        assert isinstance(inner, dict)
        for what, members, _ in _of_table(field.members, inner):
            value: Any = [members] if field.kind == "list" else members
            biz = RIGHT[method.name] | {field.name: value}
            yield Wrong(method.name, f"{field.name}.{what}", biz, method.bad)


def _of_table(
    table: tuple[Field, ...], right: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any], str]]:
    yield "unknown", right | {"no_such_field": "1"}, ""
    for field in table:
        for how, value, code in _bad_values(field):
            yield f"{field.name}:{how}", right | {field.name: value}, code
        if field.required:
            rest = copy.deepcopy(right)
            del rest[field.name]
            yield f"{field.name}:missing", rest, ""
            yield f"{field.name}:empty", right | {field.name: ""}, ""


def _bad_values(field: Field) -> Iterator[tuple[str, Any, str]]:
    yield "type", WRONG_TYPE[field.kind], ""
    if field.kind == "string" and field.max_len is not None:
        yield "too long", "2" * (field.max_len + 1), ""
    if field.kind == "string" and (field.pattern or field.choices):
        yield "malformed", "=&/", ""
    if field.kind == "price":
        for text in ("1.001", "-1", "1e2", "１．０", "1,0", ""[:0] or "NaN"):
            yield f"price {text}", text, ""
    if field.minimum is not None:
        yield "too small", "0.00", ""
    if field.maximum is not None:
        yield "too big", "100000000.01", field.over_code
    if field.kind == "list":
        yield "items", [5], ""
