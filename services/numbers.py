"""Numbers that people and wallets see."""

from __future__ import annotations

import secrets
from datetime import datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
PUBLIC_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz"


def new_out_trade_no(order_prefix: str, now: datetime) -> str:
    """The merchant's prefix, China time to the second, six random digits: at most 28 characters."""
    stamp = now.astimezone(SHANGHAI).strftime("%y%m%d%H%M%S")
    return f"{order_prefix}{stamp}{secrets.randbelow(1_000_000):06d}"


def new_public_id() -> str:
    """Twenty random characters for URLs: nobody guesses another payer's order."""
    return "".join(secrets.choice(PUBLIC_ALPHABET) for _ in range(20))
