"""What is typed about a merchant, cleaned, and what is wrong with it, field by field (MCH-1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from errors import AppError, BadInput
from services.credentials import BadCredential, word

TEXTS: Final = {  # field: (what it is called, longest)
    "name": ("商户全称", 64),
    "short_name": ("商户简称", 32),
    "admin_name": ("管理员姓名", 32),
    "admin_email": ("管理员邮箱", 128),
    "remark": ("备注", 200),
}
_MAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


@dataclass(slots=True)
class Typed:
    """`values` by column. With any fault none of them may be written."""

    values: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, AppError] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read(form: Mapping[str, str]) -> Typed:
    typed = Typed()
    for name, (label, longest) in TEXTS.items():
        value = form.get(name, "").strip()
        typed.values[name] = value
        if len(value) > longest or not value.isprintable():
            typed.faults[name] = BadInput(f"{label}最多 {longest} 个字，不含换行和控制字符")
    if not typed.values["name"]:
        typed.faults["name"] = BadInput("填写商户全称，与微信支付商户平台一致")
    typed.values["short_name"] = typed.values["short_name"] or typed.values["name"][:32]
    if typed.values["admin_email"] and not _MAIL.fullmatch(typed.values["admin_email"]):
        typed.faults.setdefault("admin_email", BadInput("邮箱写成 name@example.com 的样子"))
    _rebate(form.get("rebate", ""), typed)
    return typed


def _rebate(said: str, typed: Typed) -> None:
    """Percent with at most two decimals, for statistics only; empty: the provider's."""
    said = said.strip().removesuffix("%").strip()
    typed.values["rebate_bp"] = None
    if not said:
        return
    try:
        share = Decimal(said)
    except InvalidOperation:
        share = Decimal("NaN")
    if not share.is_finite() or not 0 <= share <= 100 or share * 100 != int(share * 100):
        typed.faults["rebate"] = BadInput("返佣比例是 0 到 100 的百分数，最多两位小数")
        return
    typed.values["rebate_bp"] = int(share * 100)


def sub_mchid(said: str, *, name: str = "wechat_sub_mchid") -> tuple[str, AppError | None]:
    """WeChat's number of a sub-merchant as it was pasted: cleaned, or what is wrong with it."""
    if not said.strip():
        return "", None
    try:
        return word("sub_mchid", said).value, None
    except BadCredential:
        return "", BadInput("微信子商户号是 8 到 10 位数字")


def shown_rebate(bp: int | None) -> str:
    return "" if bp is None else f"{Decimal(bp) / 100:f}"
