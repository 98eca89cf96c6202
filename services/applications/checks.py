"""What an application's fields take: as they are typed, and before they are sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import date
from typing import Final

from services.applications.fields import (
    CORPORATE,
    ENTERPRISE,
    FIELDS,
    FOREVER,
    Field,
    Kind,
    applies,
)
from services.applications.problems import FieldWrong

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_NARROW: Final = ("number", "phone", "region", "settlement_id")


def cleaned(field: Field, raw: str) -> str:
    """Without what copying adds: blanks at the ends, full-width digits, blanks inside numbers."""
    text = " ".join(raw.replace("\u3000", " ").split())
    if any(part in field.name for part in _NARROW) or field.kind in (Kind.DATE, Kind.UNTIL):
        text = unicodedata.normalize("NFKC", text).replace(" ", "").upper()
    return text


def problem_of(field: Field, value: str) -> FieldWrong | None:
    """What stands against a value that is not empty."""
    why = _why(field, value)
    return FieldWrong(f"{field.label}：{why}") if why else None


def _why(field: Field, value: str) -> str:
    if not value.isprintable():
        return "有不能识别的字符"
    if len(value) > field.most:
        return f"最多 {field.most} 个字"
    if field.kind is Kind.CHOICE:
        return "" if value in dict(field.choices) else "请选择一项"
    if field.kind in (Kind.DATE, Kind.UNTIL):
        return _why_date(field, value)
    if field.pattern and not re.fullmatch(field.pattern, value):
        return f"应为 {field.rule}" if field.rule[:1].isdigit() else f"应为{field.rule}"
    if field.pattern.endswith("[0-9X]") and not _is_identity(value):
        return "校验位不对，请核对每一位"
    return ""


def _why_date(field: Field, value: str) -> str:
    if field.kind is Kind.UNTIL and value == FOREVER:
        return ""
    try:
        is_one = re.fullmatch(r"\d{4}-\d\d-\d\d", value) and date.fromisoformat(value)
    except ValueError:
        is_one = None
    return "" if is_one else "应为日期，如 2026-01-31" + "，或 长期" * (field.kind is Kind.UNTIL)


def _is_identity(number: str) -> bool:
    """The last character follows from the others (GB 11643)."""
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    return "10X98765432"[total % 11] == number[17]


def before_sending(
    values: Mapping[str, str], pictures: Collection[str], today: date
) -> dict[str, str]:
    """What is missing or does not fit together, by field; {} when it can go."""
    found: dict[str, str] = {}
    for field in FIELDS:
        if not applies(field, dict(values)):
            continue
        value = values.get(field.name, "")
        is_there = field.name in pictures if field.is_picture else bool(value)
        if field.is_required and not is_there:
            found[field.name] = "还没有上传" if field.is_picture else "还没有填写"
        elif value and not field.is_picture and (why := _why(field, value)):
            found[field.name] = why
    if values.get("subject_type") == ENTERPRISE and values.get("account_type") != CORPORATE:
        found.setdefault("account_type", "企业只能用对公账户")
    for name in ("card_until", "contact_until"):
        until = values.get(name, "")
        if name not in found and until not in ("", FOREVER) and until <= today.isoformat():
            found[name] = "证件已经到期"
    return found
