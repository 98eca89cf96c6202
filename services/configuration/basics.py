"""The provider's own particulars (product PRV-10, PRV-12, PRV-13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from sqlalchemy.orm import Session

from errors import AppError
from models.provider import Provider
from services import audit
from services.accounts import seal_place
from services.configuration.words import FieldWrong
from services.deps import Deps

PHONE: Final = re.compile(r"1[3-9][0-9]{9}")
LONGEST: Final = {"name": 64, "short_name": 32, "admin_name": 32, "remark": 200}
RATES: Final = ("wechat_rebate", "alipay_rebate")


@dataclass(frozen=True, slots=True)
class Basics:
    """As the form shows them; the phone is masked and only ever replaced."""

    name: str
    short_name: str
    admin_name: str
    admin_phone: str
    remark: str
    wechat_rebate: str  # percent
    alipay_rebate: str


def read(session: Session, deps: Deps, provider_id: int) -> Basics:
    row = session.get_one(Provider, provider_id)
    return Basics(
        name=row.name, short_name=row.short_name, admin_name=row.admin_name, remark=row.remark,
        admin_phone=_masked(deps, row), wechat_rebate=_percent(row.wechat_rebate_bp),
        alipay_rebate=_percent(row.alipay_rebate_bp),
    )  # fmt: skip


def save(
    deps: Deps, provider_id: int, typed: Mapping[str, str], *, actor: str
) -> dict[str, AppError]:
    """Problems by field; {} means that it was written."""
    problems: dict[str, AppError] = {}
    texts = {name: typed.get(name, "").strip() for name in LONGEST}
    for name, most in LONGEST.items():
        if len(texts[name]) > most or not texts[name].isprintable():
            problems[name] = FieldWrong(f"最多 {most} 个字，不能有换行")
    if not texts["name"]:
        problems["name"] = FieldWrong("全称不能为空，要与微信支付服务商平台上的一致")
    phone = re.sub(r"[\s-]", "", typed.get("admin_phone", ""))
    if phone and not PHONE.fullmatch(phone):
        problems["admin_phone"] = FieldWrong("手机号应为 11 位数字")
    rates: dict[str, int | None] = {}
    for name in RATES:
        try:
            rates[f"{name}_bp"] = _rate(typed.get(name, ""))
        except ValueError:
            problems[name] = FieldWrong("比例是 0 到 100 的百分数，最多两位小数，如 0.25")
    if not problems:
        forget = typed.get("forget_phone") == "1"
        deps.transact(
            lambda s: _write(s, deps, provider_id, {**texts, **rates}, phone, forget, actor)
        )
    return problems


def _write(
    session: Session, deps: Deps, provider_id: int, values: Mapping[str, object], phone: str,
    forget: bool, actor: str,
) -> None:  # fmt: skip
    row = session.get_one(Provider, provider_id, with_for_update=True)
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    if phone:
        row.admin_phone_sealed = deps.ring.seal(phone, _place(row))
        changed.append("admin_phone")
    elif forget and row.admin_phone_sealed is not None:
        row.admin_phone_sealed = None
        changed.append("admin_phone")
    if changed:
        session.flush()
        audit.record(
            session, provider_id=provider_id, actor=actor, action="provider_changed",
            subject=f"provider:{row.out_mch_id}", at=deps.now(), changed=sorted(changed),
        )  # fmt: skip


def _rate(typed: str) -> int | None:
    """Hundredths of a percent. Raises ValueError."""
    text = typed.strip().rstrip("%％").strip()
    if not text:
        return None
    try:
        value = Decimal(text) * 100
    except InvalidOperation:
        raise ValueError(text) from None
    if not value.is_finite() or value != value.to_integral_value() or not 0 <= value <= 10000:
        raise ValueError(text)
    return int(value)


def _percent(points: int | None) -> str:
    return "" if points is None else f"{points / 100:.2f}".rstrip("0").rstrip(".")


def _masked(deps: Deps, row: Provider) -> str:
    if row.admin_phone_sealed is None:
        return ""
    plain = deps.ring.open(row.admin_phone_sealed, _place(row))
    return f"{plain[:3]}****{plain[-4:]}"


def _place(row: Provider) -> str:
    return seal_place("provider", "admin_phone_sealed", str(row.id))
