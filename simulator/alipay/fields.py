"""A generic check of named values against a table of fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

PRICE = r"\d{1,12}(\.\d{1,2})?"
WHOLE = r"\d{1,12}"


@dataclass(frozen=True)
class Field:
    """One row of a method's table.

    kind: string, price (yuan, two decimals at most, text or number), number (whole), object, list.
    `members` are an object's fields or those of a list's objects; None leaves an object unchecked.
    `items` says what a list holds: string or object.
    """

    name: str
    kind: str = "string"
    required: bool = False
    max_len: int | None = None
    pattern: str | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    choices: tuple[str, ...] = ()
    members: tuple[Field, ...] | None = None
    items: str = "object"
    over_code: str = ""  # the sub_code for a value above `maximum`, where it has its own


class BadField(Exception):
    """`sub_code` is empty where the method's own word for a bad parameter applies."""

    def __init__(self, name: str, why: str, sub_code: str = "") -> None:
        super().__init__(f"{name} {why}")
        self.sub_code = sub_code


def check(
    table: Iterable[Field], values: Mapping[str, Any], *, is_unknown_refused: bool, path: str = ""
) -> None:
    """Raise BadField for the first row that does not hold. null and "" count as absent."""
    known = {f.name: f for f in table}
    for name, field in known.items():
        value = values.get(name)
        if value is None or value == "":
            if field.required:
                raise BadField(path + name, "不能为空")
            continue
        _one(field, value, path + name, is_unknown_refused)
    for name in values:
        if is_unknown_refused and name not in known:
            raise BadField(path + name, "不是本接口的参数")


def _one(field: Field, value: Any, where: str, strict: bool) -> None:
    if field.kind == "string":
        _string(field, value, where)
    elif field.kind in ("price", "number"):
        _number(field, value, where)
    elif field.kind == "object":
        _object(field, value, where, strict)
    else:
        _list(field, value, where, strict)


def _string(field: Field, value: Any, where: str) -> None:
    if not isinstance(value, str):
        raise BadField(where, "应为字符串")
    if field.max_len is not None and len(value) > field.max_len:
        raise BadField(where, f"超过 {field.max_len} 个字符")
    if field.pattern is not None and not re.fullmatch(field.pattern, value, re.ASCII):
        raise BadField(where, "格式不正确")
    if field.choices and value not in field.choices:
        raise BadField(where, "取值不正确")


def _number(field: Field, value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise BadField(where, "应为数字")
    text = str(value)
    if not re.fullmatch(PRICE if field.kind == "price" else WHOLE, text, re.ASCII):
        raise BadField(where, "不是有效的数字")
    if field.minimum is not None and Decimal(text) < field.minimum:
        raise BadField(where, f"小于 {field.minimum}")
    if field.maximum is not None and Decimal(text) > field.maximum:
        raise BadField(where, f"大于 {field.maximum}", field.over_code)


def _object(field: Field, value: Any, where: str, strict: bool) -> None:
    if not isinstance(value, dict):
        raise BadField(where, "应为对象")
    if field.members is not None:
        check(field.members, value, is_unknown_refused=strict, path=where + ".")


def _list(field: Field, value: Any, where: str, strict: bool) -> None:
    if not isinstance(value, list):
        raise BadField(where, "应为数组")
    for item in value:
        if field.items == "string":
            _string(Field(field.name, max_len=field.max_len), item, where)
        else:
            _object(field, item, where, strict)


def fen(value: Any) -> int:
    """Of a value that passed as a price."""
    return int(Decimal(str(value)) * 100)


def yuan(amount_fen: int) -> str:
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"
