"""What is typed into a store's form, and what is wrong with it, field by field (product STO-1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from typing import Any, Final

from errors import BadInput
from gateways.money import fen_from_yuan
from models.merchant import PageMode

TEXTS: Final = {  # field: (what it is called, longest)
    "name": ("名称", 32),
    "branch_name": ("分店名", 32),
    "province": ("省", 32),
    "city": ("市", 32),
    "district": ("区县", 32),
    "address": ("详细地址", 128),
    "phone": ("门店电话", 64),
    "goods_tag": ("优惠标记", 32),
    "longitude": ("经度", 16),
    "latitude": ("纬度", 16),
}
FIELDS: Final = (*TEXTS, "opens_at", "closes_at", "page_mode", "max_fen")
HIGHEST: Final = 2_147_483_647  # fen (product AMT-4)
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_DEGREES: Final = re.compile(r"-?\d{1,3}(\.\d{1,8})?")
_PHONE: Final = re.compile(r"[0-9+() \-–—－转，,/;；]*")


class FormRefused(BadInput):
    """Something typed cannot stay so; `faults` says what, by field."""

    title = "有内容需要修改"

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("；".join(faults.values()))
        self.faults = dict(faults)


def read(form: Mapping[str, str]) -> dict[str, Any]:
    """The columns of a store, each checked. Raises FormRefused with all that is wrong."""
    faults: dict[str, str] = {}
    values: dict[str, Any] = {}
    for field, (label, longest) in TEXTS.items():
        typed = form.get(field, "").strip()
        values[field] = typed
        if len(typed) > longest or not typed.isprintable():
            faults[field] = f"{label}最多 {longest} 个字，不含换行和控制字符"
    if not values["name"]:
        faults["name"] = "填写门店名称"
    if not _PHONE.fullmatch(values["phone"]):
        faults["phone"] = "电话只用数字和 + - ( ) 等符号"
    values["goods_tag"] = values["goods_tag"] or None
    _place(values, faults)
    _hours(form, values, faults)
    _paying(form, values, faults)
    if faults:
        raise FormRefused(faults)
    return values


def _place(values: dict[str, Any], faults: dict[str, str]) -> None:
    for field, most in (("longitude", 180), ("latitude", 90)):
        typed = values[field]
        if typed and (not _DEGREES.fullmatch(typed) or abs(float(typed)) > most):
            faults[field] = f"{TEXTS[field][0]}写成度数，例如 120.155070"
    if bool(values["longitude"]) != bool(values["latitude"]):
        faults.setdefault("latitude", "经度和纬度要一起填，或都不填")


def _hours(form: Mapping[str, str], values: dict[str, Any], faults: dict[str, str]) -> None:
    typed = {name: form.get(name, "").strip() for name in ("opens_at", "closes_at")}
    values["opens_at"] = values["closes_at"] = None
    wrong = [name for name, at in typed.items() if at and not _CLOCK.fullmatch(at[:5])]
    for name in wrong:
        faults[name] = "写成 24 小时制的时和分，例如 09:30"
    if wrong:
        return
    opens, closes = typed["opens_at"][:5], typed["closes_at"][:5]
    if bool(opens) != bool(closes):
        faults["closes_at"] = "开门和关门时间要一起填；都不填就是全天营业"
    elif opens and opens == closes:
        faults["closes_at"] = "开门和关门不能是同一时间；全天营业就都不填"
    elif opens:
        values["opens_at"], values["closes_at"] = (
            time.fromisoformat(opens),
            time.fromisoformat(closes),
        )


def _paying(form: Mapping[str, str], values: dict[str, Any], faults: dict[str, str]) -> None:
    try:
        values["page_mode"] = PageMode(form.get("page_mode") or PageMode.DEFAULT)
    except ValueError:
        faults["page_mode"] = "选择付款页的一种方式"
    values["max_fen"] = None
    typed = form.get("max_fen", "").strip()
    if not typed:
        return
    try:
        values["max_fen"] = fen_from_yuan(typed)
    except ValueError:
        faults["max_fen"] = "金额写成数字，最多两位小数，例如 5000.00"
        return
    if not 1 <= values["max_fen"] <= HIGHEST:
        faults["max_fen"] = "单笔上限在 0.01 到 21,474,836.47 元之间"
