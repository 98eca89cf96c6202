"""`detail` of an APIv2 payment by code with `version` 1.0: coupons on single goods (单品优惠).

Without `version` it is any text. Source: WeChat's page of micropay with 单品优惠 (danpin 9_101).
"""

from __future__ import annotations

from typing import Any

from simulator import strict_json
from simulator.wechat.v2_gate import No

_TOP = {"cost_price": int, "receipt_id": str, "goods_detail": list}
_LINE = {"goods_id": str, "wxpay_goods_id": str, "goods_name": str, "quantity": int, "price": int}
_REQUIRED = ("goods_id", "quantity", "price")
_MOST_BYTES = {"receipt_id": 32, "goods_id": 32, "wxpay_goods_id": 32, "goods_name": 256}


def check(detail: str) -> None:
    """Raises No for what is not of that form, an unknown name included."""
    try:
        found = strict_json.read(detail)
    except ValueError:
        raise _bad("不是JSON") from None
    _members(found, _TOP, ())
    for line in found.get("goods_detail", ()):
        _members(line, _LINE, _REQUIRED)


def _members(found: Any, known: dict[str, type], required: tuple[str, ...]) -> None:
    if not isinstance(found, dict):
        raise _bad("不是对象")
    for name in required:
        if name not in found:
            raise _bad(f"缺少{name}")
    for name, value in found.items():
        if name not in known or type(value) is not known[name]:
            raise _bad(f"{name}有误")
        if isinstance(value, int) and value < (1 if name == "quantity" else 0):
            raise _bad(f"{name}太小")
        if isinstance(value, str) and not 0 < len(value.encode()) <= _MOST_BYTES[name]:
            raise _bad(f"{name}长度有误")


def _bad(why: str) -> No:
    return No("PARAM_ERROR", f"参数detail格式错误：{why}")
