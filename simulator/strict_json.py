"""JSON as a wallet reads it: UTF-8 without a mark in front, no name twice, no NaN, real characters.

An escape of half a character (`\\ud800`) is valid JSON that nobody could send back: it is refused
here, or whoever answers, signs or keeps it would fail.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

Fraction = Callable[[str], float] | Callable[[str], Decimal]


def read(raw: bytes | str, fraction: Fraction = float) -> Any:
    """Any JSON value; ValueError for whatever is not one."""
    text = raw if isinstance(raw, str) else raw.decode("utf-8")
    try:
        value = json.loads(
            text, parse_float=fraction, parse_constant=_no_constant, object_pairs_hook=_once
        )
    except RecursionError:
        raise ValueError("too deep") from None
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    return value


def _no_constant(word: str) -> Any:
    raise ValueError(word)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name twice")
    return made
