"""A wallet's clock may write a leap second, 23:59:60 UTC; Python and most databases know none."""

from __future__ import annotations

import re

_LEAP = re.compile(r"(\d{2}:?\d{2}:?)60(?=\D|$)")


def without_leap(text: str) -> str:
    """The same time with its second 60 read as 59, which it shares a day and a minute with."""
    return _LEAP.sub(r"\g<1>59", text, count=1)
