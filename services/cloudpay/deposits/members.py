"""What OrderContent says of an order that was paid out of a deposit."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import text

from services.deps import Deps
from services.single import Single

_OF_ORDER: Final = Single(
    text("""
    SELECT f.out_freeze_no, f.freeze_fen, f.freeze_id, u.rest_fen, u.ends, u.status
    FROM deposit_move u
    JOIN deposit_freeze f ON f.provider_id = u.provider_id AND f.id = u.freeze_id
    WHERE u.provider_id = :p AND u.order_id = :o
    """)
)


def of_deposit(deps: Deps, provider_id: int, order_id: int) -> dict[str, Any]:
    """Members of OrderContent by name; {} for an order that no deposit pays."""
    row = _OF_ORDER.first(deps, {"p": provider_id, "o": order_id})
    if row is None:
        return {}
    return {
        "out_freeze_no": row.out_freeze_no,
        "freeze_fee": row.freeze_fen,
        "is_confirm_unfreeze": row.ends,
        "manual_unfreeze_fee": row.rest_fen if row.status == "done" else None,
        "freeze_id": row.freeze_id,
        "is_deposit_mode": True,
    }
