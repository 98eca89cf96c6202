"""What members of requests and replies may be: pydantic models with this protocol's tolerance.

Requests: unknown members are ignored and null is the same as absent; a number equal to an integer
is that integer (a till re-writes 100 as 100.0), and so is a text of its digits (PHP's forms send
"100"); a number stands for a text where old samples send one (`device_id`); an empty array stands
for an empty object, which PHP writes so. What is wrong is refused with the member's path. Replies:
what is not known is left out, numbers are plain integers, members stand in the order of the class.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError, core_schema

from services.cloudpay.statuses import Refused, bad_member

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DIGITS = re.compile(r"0|[1-9][0-9]{0,18}")  # one way to write each: never a sign, blank or 007


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("cpay_text", "应为字符串")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        raise PydanticCustomError("cpay_text", "应为字符串")
    if _CONTROL.search(value) or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise PydanticCustomError("cpay_text", "有不能显示的字符")
    return value


def _as_whole(value: Any) -> Any:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("cpay_whole", "应为整数")
    if isinstance(value, float):
        if not value.is_integer():
            raise PydanticCustomError("cpay_whole", "应为整数")
        value = int(value)
    return value


def _as_flag(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    raise PydanticCustomError("cpay_flag", "应为true或false")


@dataclass(frozen=True)
class Text:
    """S(most) of the tables: at most that many characters. `Annotated[str, Text(32)]`."""

    most: int
    least: int = 0
    pattern: str | None = None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        inner = core_schema.str_schema(
            min_length=self.least, max_length=self.most, pattern=self.pattern
        )
        return core_schema.no_info_before_validator_function(_as_text, inner)


@dataclass(frozen=True)
class Whole:
    """N32 or N64 of the tables. `Annotated[int, Whole(0, 4)]`."""

    least: int = 0
    most: int = 2**31 - 1

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        inner = core_schema.int_schema(ge=self.least, le=self.most)
        return core_schema.no_info_before_validator_function(_as_whole, inner)


@dataclass(frozen=True)
class _Flag:
    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(_as_flag, core_schema.bool_schema())


Flag = Annotated[bool, _Flag()]
Number = Annotated[int, Whole()]
Fen = Annotated[int, Whole(1)]
Seconds = Annotated[int, Whole(0, 2**40)]  # Unix time
Text32 = Annotated[str, Text(32)]
Name32 = Annotated[str, Text(32, least=1)]
Text64 = Annotated[str, Text(64)]
Text127 = Annotated[str, Text(127)]
Text128 = Annotated[str, Text(128)]
Text255 = Annotated[str, Text(255)]


class Asked(BaseModel):
    """A request's content, or an object inside it."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, given: Any) -> Any:
        if given == []:
            return {}
        if isinstance(given, dict) and None in given.values():
            return {name: value for name, value in given.items() if value is not None}
        return given


A = TypeVar("A", bound=Asked)


class Told(BaseModel):
    """A reply's result, or an object inside it."""

    model_config = ConfigDict(extra="forbid")


_SAID = {
    "missing": "缺失",
    "model_type": "应为对象",
    "model_attributes_type": "应为对象",
    "dict_type": "应为对象",
    "list_type": "应为数组",
    "tuple_type": "应为数组",
    "string_too_short": "不能为空",
    "enum": "的值不在允许的范围",
    "literal_error": "的值不在允许的范围",
    "string_pattern_mismatch": "格式不对",
}


def read_members(kind: type[A], content: dict[str, Any]) -> A:
    """Raises Refused that names the first member that is missing or wrong."""
    try:
        return kind.model_validate(content)
    except ValidationError as problem:
        raise _first(problem) from None


def _first(problem: ValidationError) -> Refused:
    found = problem.errors(include_url=False, include_input=False)[0]
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in found["loc"]).lstrip(".")
    about = found.get("ctx", {})
    match found["type"]:
        case "greater_than_equal":
            why = f"不能小于{about['ge']}"
        case "less_than_equal":
            why = f"不能大于{about['le']}"
        case "string_too_long":
            why = f"最多{about['max_length']}个字符"
        case "too_long":
            why = f"最多{about['max_length']}项"
        case known if known.startswith("cpay_"):
            why = found["msg"]
        case other:
            why = _SAID.get(other, "有误")
    return bad_member(path[:120] or "request_content", why)


def told(result: Told | None) -> dict[str, Any]:
    """Members that are known, in the order of their class."""
    return (
        {} if result is None else result.model_dump(mode="json", by_alias=True, exclude_none=True)
    )
