"""Every merchant's room, for the commands."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.deps import Deps


@dataclass(frozen=True, slots=True)
class Line:
    """One merchant's cap and what fills it, in fen; `releases` are rows that wait to be added up,
    already taken off `balance_fen`."""

    out_sub_mch_id: str
    name: str
    cap_fen: int
    balance_fen: int
    held_fen: int
    recharges: int
    releases: int

    @property
    def left_fen(self) -> int:
        return self.cap_fen - self.balance_fen - self.held_fen


_LINES = text("""
SELECT m.out_sub_mch_id, m.name, c.cap_fen,
    c.balance_fen - COALESCE(f.freed, 0) AS balance_fen, c.held_fen,
    (SELECT count(*) FROM recharge r WHERE r.provider_id = c.provider_id
        AND r.merchant_id = c.merchant_id AND r.due_at IS NOT NULL) AS recharges,
    COALESCE(f.rows, 0) AS releases
FROM card_room c
JOIN merchant m ON m.provider_id = c.provider_id AND m.id = c.merchant_id
LEFT JOIN LATERAL (
    SELECT sum(freed_fen) AS freed, count(*) AS rows FROM card_release r
    WHERE r.provider_id = c.provider_id AND r.merchant_id = c.merchant_id
) f ON true
WHERE :merchant = '' OR m.out_sub_mch_id = :merchant
ORDER BY m.out_sub_mch_id
""")


def rooms(deps: Deps, out_sub_mch_id: str = "") -> list[Line]:
    """One merchant's room, or every one."""

    def unit(session: Session) -> list[Line]:
        rows = session.execute(_LINES, {"merchant": out_sub_mch_id})
        return [
            Line(
                row.out_sub_mch_id,
                row.name,
                row.cap_fen,
                int(row.balance_fen),
                row.held_fen,
                row.recharges,
                row.releases,
            )
            for row in rows
        ]

    return deps.transact(unit)
