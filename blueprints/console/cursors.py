"""Opaque places in a list: what a link to the next page carries."""

from __future__ import annotations

import base64
import json
from typing import Any


def sealed(*parts: int | str) -> str:
    """Not secret: only not to be read or made by hand."""
    raw = json.dumps(parts, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def opened(said: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The parts, or None for whatever is not of these kinds: the list then begins anew."""
    try:
        padded = (said or "") + "=" * (-len(said or "") % 4)
        parts = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except ValueError:
        return None
    if not isinstance(parts, list) or len(parts) != len(kinds):
        return None
    is_good = all(type(part) is kind for part, kind in zip(parts, kinds, strict=True))
    is_small = all(abs(part) < 2**62 for part in parts if isinstance(part, int))
    return tuple(parts) if is_good and is_small else None
