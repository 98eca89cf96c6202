"""Recovery codes (恢复码): each stands in for the second factor once, beside the password.

Ten at a time, shown when they are made and never again: only a keyed hash is kept.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.orm import Session

from models.console import ConsoleRecovery
from services.deps import Deps

HOW_MANY: Final = 10
ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that looks like something else
LENGTH: Final = 16  # 79 bits: no need to hash slowly


def renew(session: Session, deps: Deps, user_id: int, now: datetime) -> list[str]:
    """Fresh codes, to be shown once; the older ones are over."""
    session.execute(delete(ConsoleRecovery).where(ConsoleRecovery.user_id == user_id))
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(HOW_MANY)]
    session.execute(
        insert(ConsoleRecovery),
        [{"user_id": user_id, "code_hash": _hash(deps, code), "created_at": now} for code in codes],
    )
    return [f"{code[:4]}-{code[4:8]}-{code[8:12]}-{code[12:]}" for code in codes]


def use(session: Session, deps: Deps, user_id: int, typed: str, now: datetime) -> bool:
    """Whether this is an unused code of the account; it is used now. Lock the account's row."""
    plain = re.sub(r"[^0-9a-z]", "", typed.lower())
    used = session.execute(
        text(
            "UPDATE console_recovery SET used_at = :now"
            " WHERE user_id = :u AND code_hash = :h AND used_at IS NULL RETURNING id"
        ),
        {"now": now, "u": user_id, "h": _hash(deps, plain)},
    ).first()
    return used is not None


def left(session: Session, user_id: int) -> int:
    """How many codes are still good."""
    return int(
        session.scalar(
            select(func.count()).where(
                ConsoleRecovery.user_id == user_id, ConsoleRecovery.used_at.is_(None)
            )
        )
        or 0
    )


def _hash(deps: Deps, code: str) -> str:
    return deps.ring.blind(code, "console-recovery")
