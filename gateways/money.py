"""The only place where fen meets yuan."""

from __future__ import annotations

import re

_YUAN = re.compile(r"(0|[1-9][0-9]{0,12})(?:\.([0-9]{1,2}))?")


def yuan_from_fen(fen: int) -> str:
    """Write fen as yuan with two places: `1230` is `"12.30"`, `-5` is `"-0.05"`."""
    yuan, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{yuan}.{rest:02d}"


def fen_from_yuan(text: str) -> int:
    """Read yuan as fen: `"12.3"` is `1230`; at most 13 digits before the point and two after.

    ValueError for everything else: a fraction of a fen, an exponent, a sign, a full-width digit,
    a blank, a leading zero, a bare point. Nothing is rounded or cut (decision on AMT-1).
    """
    found = _YUAN.fullmatch(text)
    if found is None:
        raise ValueError("not an amount in yuan with at most two decimals")
    yuan, decimals = found.groups(default="")
    return int(yuan) * 100 + int(decimals.ljust(2, "0"))
