"""The JSON of this protocol: read strictly, written as the vendor did.

Written: compact, ASCII alone, `\\uXXXX` in capitals. Read: UTF-8, no duplicate members, no NaN, no
half of a surrogate pair; whitespace around it is tolerated (JsonCpp appends a line feed).
"""

from __future__ import annotations

from typing import Any

from gateways.strict_json import DECODER, check_depth
from services.callbacks.envelope import ascii_json

__all__ = ["ascii_json", "read_object"]


def read_object(text: str | bytes) -> dict[str, Any]:
    """One object, or ValueError that says in short why not."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError("不是UTF-8编码") from None
    try:
        found = DECODER.decode(text)
    except RecursionError:
        raise ValueError("嵌套过深") from None
    except ValueError as problem:
        raise ValueError("有重复的成员" if "duplicate" in str(problem) else "不是JSON") from None
    if not isinstance(found, dict):
        raise ValueError("不是JSON对象")
    try:
        check_depth(found)
    except ValueError:
        raise ValueError("嵌套过深") from None
    return found
