"""订单前缀: what a merchant's order numbers begin with (product MCH-4, cloudpay 4.1).

Every merchant has one, which new numbers are made with. It may hold a second, of the tills that it
brought along: a number from outside begins with either. No prefix is the beginning of another, of
whichever merchant and provider.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, func, or_, text
from sqlalchemy.orm import Session

from models.merchant import Merchant
from services.scan import Scan

FORM: Final = re.compile(r"[0-9]{8}|[0-9A-Za-z]{10}", re.ASCII)
_CLASHING: Final = text("""
WITH held AS (
    SELECT order_prefix AS prefix FROM merchant
    UNION ALL SELECT second_prefix FROM merchant WHERE second_prefix IS NOT NULL
)
SELECT w.prefix FROM unnest(CAST(:wanted AS text[])) AS w(prefix)
JOIN held ON left(held.prefix, 8) = left(w.prefix, 8)
WHERE left(held.prefix, length(w.prefix)) = w.prefix
    OR left(w.prefix, length(held.prefix)) = held.prefix
UNION
SELECT w.prefix FROM (SELECT prefix FROM held WHERE length(prefix) < 8) short
JOIN unnest(CAST(:wanted AS text[])) AS w(prefix)
    ON left(w.prefix, length(short.prefix)) = short.prefix
""")


def allowed(held: Merchant | Scan) -> tuple[str, ...]:
    """What an order number of the merchant's may begin with; its own numbers with the first.

    For `number.startswith(allowed(scan))`.
    """
    return (held.order_prefix, *([held.second_prefix] if held.second_prefix else ()))


def begins(number: str) -> ColumnElement[bool]:
    """In a query over merchants: those whose prefix begins the number."""
    return or_(
        *(
            func.left(number, func.length(prefix)) == prefix
            for prefix in (Merchant.order_prefix, Merchant.second_prefix)
        )
    )


def taken(session: Session, wanted: Sequence[str]) -> set[str]:
    """Which of them are the beginning of a prefix that somebody has, or the other way round."""
    return set(session.scalars(_CLASHING, {"wanted": list(wanted)}))


def is_taken(session: Session, prefix: str) -> bool:
    return bool(taken(session, [prefix]))


def draw(session: Session, count: int) -> list[str]:
    """So many new ones of 8 digits, which scanners read best. The caller holds the provider."""
    free: dict[str, None] = {}
    while len(free) < count:
        drawn = {f"{secrets.randbelow(10**8):08d}" for _ in range(count - len(free) + 8)}
        free.update(dict.fromkeys(sorted(drawn - taken(session, sorted(drawn)))))
    return list(free)[:count]
