"""JSON from outside, read so that two readers can not understand it differently.

Refused: more than 1 MiB, another encoding than UTF-8, duplicate keys, NaN, numbers without end
(1e400), nesting deeper than 32. Whether a number may be an amount is the reader's question.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

MAX_BYTES = 1 << 20
MAX_DEPTH = 32


class DuplicateKey(ValueError):
    """An object has a member twice; `key` is as it was written, by whoever wrote it."""

    def __init__(self, key: str) -> None:
        super().__init__("duplicate key")
        self.key = key


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DuplicateKey(_twice(key for key, _ in pairs))
    return found


def _twice(keys: Iterable[str]) -> str:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return ""


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("number out of range")
    return number


def _constant(text: str) -> Any:
    raise ValueError("not a JSON number")


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)


def loads(raw: bytes) -> dict[str, Any]:
    """Read one object. ValueError for everything that is not a plain, modest JSON object."""
    if len(raw) > MAX_BYTES:
        raise ValueError("too long")
    try:
        found = DECODER.decode(raw.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    check_depth(found)
    return found


def check_depth(found: Any) -> None:
    """Raise ValueError when values are nested deeper than MAX_DEPTH."""
    level = [found]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise ValueError("nested too deep")


def _children(value: Any) -> list[Any]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict | list)]


def word(found: dict[str, Any], name: str, *, longest: int = 128) -> str | None:
    """An identifier: printable ASCII without blanks; None when absent or empty; else ValueError."""
    value = found.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > longest or not value.isascii():
        raise ValueError(f"{name} is not a word")
    if not value.isprintable() or " " in value:
        raise ValueError(f"{name} is not a word")
    return value
