"""The JSON of this protocol: read strictly, written as the vendor did.

Written: compact, ASCII alone, `\\uXXXX` in capitals. Read: UTF-8, no duplicate members, no NaN, no
half of a surrogate pair; whitespace around it is tolerated (JsonCpp appends a line feed), and a BOM
before it (C#'s encoders write one), which RFC 8259 lets a reader pass over.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from gateways.strict_json import DECODER, DuplicateKey, check_depth

_BOM: Final = "\ufeff"
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def read_object(text: str | bytes) -> dict[str, Any]:
    """One object, or ValueError that says in short why not."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError("不是UTF-8编码") from None
    try:
        found = DECODER.decode(text.removeprefix(_BOM))
    except RecursionError:
        raise ValueError("嵌套过深") from None
    except DuplicateKey as problem:
        raise ValueError(f"有重复的成员{_shown(problem.key)}") from None
    except ValueError:
        raise ValueError("不是JSON") from None
    if not isinstance(found, dict):
        raise ValueError("不是JSON对象")
    try:
        check_depth(found)
    except ValueError:
        raise ValueError("嵌套过深") from None
    if _SURROGATE.search(text) and not _is_text(found):
        raise ValueError("有不成对的Unicode代理字符")
    return found


def _shown(key: str) -> str:
    """A member's name for the description, if a person could read it there."""
    return key if len(key) <= 64 and key.isprintable() else ""


def _is_text(found: dict[str, Any]) -> bool:
    """Whether every text in it can be written as UTF-8: half of a surrogate pair can not."""
    try:
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


# A backslash of the text is passed over as the pair that it is; of other escapes there is nothing
# to say, and a list inside a JSON string has thousands of them.
_ESCAPE = re.compile(r"\\(?:\\|u([0-9a-f]{4}))")


def ascii_json(value: Any) -> str:
    """Compact, ASCII alone, `\\uXXXX` in capitals as the vendor's own replies have it."""
    made = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return _ESCAPE.sub(lambda m: f"\\u{m[1].upper()}" if m[1] else m[0], made)
