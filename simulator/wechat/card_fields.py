"""What card/create takes: every field, its kind and its length. Source: wechat.md F."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from simulator.wechat.oauth import ApiError

Check = Callable[[Any], bool]
CODE_TYPES = (
    *("CODE_TYPE_TEXT", "CODE_TYPE_BARCODE", "CODE_TYPE_QRCODE"),
    *("CODE_TYPE_ONLY_QRCODE", "CODE_TYPE_ONLY_BARCODE", "CODE_TYPE_NONE"),
)
DATES = ("DATE_TYPE_PERMANENT", "DATE_TYPE_FIX_TIME_RANGE", "DATE_TYPE_FIX_TERM")


def text(most: int, least: int = 0) -> Check:
    """Of so many bytes: WeChat counts a Chinese character as three."""
    return lambda v: isinstance(v, str) and least <= len(v.encode()) <= most


def number(low: int, high: int) -> Check:
    return lambda v: type(v) is int and low <= v <= high


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def url(value: Any) -> bool:
    return (
        isinstance(value, str) and re.match(r"https?://", value) is not None and len(value) < 1024
    )


def color(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"Color(0[1-9]0|10[0-2])", value) is not None


def nothing_else(value: Any, fields: dict[str, Check], needed: tuple[str, ...] = ()) -> bool:
    return (
        isinstance(value, dict)
        and set(needed) <= set(value) <= set(fields)
        and all(fields[name](value[name]) for name in value)
    )


DATE_INFO: dict[str, Check] = {
    "type": lambda v: v in DATES,
    "begin_timestamp": number(0, 1 << 40),
    "end_timestamp": number(0, 1 << 40),
    "fixed_term": number(0, 3650),
    "fixed_begin_term": number(0, 90),
}
CUSTOM_FIELD: dict[str, Check] = {"name_type": text(64), "name": text(64), "url": url}
CUSTOM_CELL: dict[str, Check] = {"name": text(15), "tips": text(18), "url": url}
BASE: dict[str, tuple[Check, int]] = {
    "logo_url": (url, 40066),
    "brand_name": (text(36, 1), 45021),
    "code_type": (lambda v: v in CODE_TYPES, 40072),
    "title": (text(27, 1), 45021),
    "color": (color, 40094),
    "notice": (text(48, 1), 45021),
    "service_phone": (text(24), 45021),
    "description": (text(3072, 1), 45021),
    "date_info": (lambda v: nothing_else(v, DATE_INFO, ("type",)), 40079),
    "sku": (
        lambda v: nothing_else(v, {"quantity": number(0, 100_000_000)}, ("quantity",)),
        40122,
    ),
    "get_limit": (number(1, 100), 40097),
    "use_limit": (number(1, 100), 40097),
    "use_custom_code": (flag, 40097),
    "bind_openid": (flag, 40097),
    "can_share": (flag, 40097),
    "can_give_friend": (flag, 40097),
    "need_push_on_view": (flag, 40097),
    "sub_merchant_info": (
        lambda v: nothing_else(v, {"merchant_id": number(1, 1 << 40)}, ("merchant_id",)),
        40097,
    ),
    "custom_url_name": (text(15), 45021),
    "custom_url": (url, 40066),
    "custom_url_sub_title": (text(18), 45021),
}
NEEDED_BASE = (
    *("logo_url", "brand_name", "code_type", "title", "color", "notice", "description"),
    *("date_info", "sku"),
)
MEMBER: dict[str, tuple[Check, int]] = {
    "base_info": (lambda v: isinstance(v, dict), 47001),
    "background_pic_url": (url, 40066),
    "prerogative": (text(3072, 1), 45021),
    "supply_bonus": (flag, 40097),
    "supply_balance": (flag, 40097),
    "bonus_url": (url, 40066),
    "balance_url": (url, 40066),
    "auto_activate": (flag, 40097),
    "wx_activate": (flag, 40097),
    "activate_url": (url, 40066),
    **{f"custom_field{n}": (lambda v: nothing_else(v, CUSTOM_FIELD), 40097) for n in (1, 2, 3)},
    **{
        f"custom_cell{n}": (lambda v: nothing_else(v, CUSTOM_CELL, ("name", "url")), 40097)
        for n in (1, 2, 3)
    },
    "discount": (number(0, 100), 40097),
}
NEEDED_MEMBER = ("base_info", "prerogative", "supply_bonus", "supply_balance")


def check(body: dict[str, Any]) -> dict[str, Any]:
    """The member card of a body that is right. Raises ApiError."""
    card = body.get("card")
    if set(body) != {"card"} or not isinstance(card, dict):
        raise ApiError(47001, "data format error")
    if card.get("card_type") != "MEMBER_CARD":
        raise ApiError(40071, "invalid card type")
    member = card.get("member_card")
    if set(card) != {"card_type", "member_card"} or not isinstance(member, dict):
        raise ApiError(47001, "data format error")
    _check("member_card", member, MEMBER, NEEDED_MEMBER)
    _check("base_info", member["base_info"], BASE, NEEDED_BASE)
    ways = [name for name in ("auto_activate", "wx_activate") if member.get(name)]
    if len(ways) + ("activate_url" in member) != 1:
        raise ApiError(41011, "missing required fields: one way of activation")
    return member


def _check(
    where: str, given: dict[str, Any], fields: dict[str, tuple[Check, int]], needed: tuple[str, ...]
) -> None:
    if extra := set(given) - set(fields):
        raise ApiError(47001, f"data format error: {where}.{sorted(extra)[0]}")
    if missing := set(needed) - set(given):
        raise ApiError(41011, f"missing required fields: {where}.{sorted(missing)[0]}")
    for name, value in given.items():
        good, code = fields[name]
        if not good(value):
            raise ApiError(code, f"invalid {where}.{name}")
