"""Balances beside their entries: each card, and each merchant's room over all its cards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

Find = Callable[[tuple[int, int], str], None]

_CARDS = """
SELECT provider_id, merchant_id, id, paid_fen, bonus_fen FROM member_card {where}
ORDER BY provider_id, id
"""
# Held: recharges that may still be paid, and what refunds of recharges and parts of payouts have
# taken and might put back. A recharge that found no room holds nothing on its way back.
_ROOMS = """
WITH cards AS (
    SELECT provider_id, merchant_id, sum(balance_fen) AS owed, sum(held_fen) AS held
    FROM member_card {where} GROUP BY provider_id, merchant_id
), freed AS (
    SELECT provider_id, merchant_id, sum(freed_fen) AS fen
    FROM card_release {where} GROUP BY provider_id, merchant_id
)
SELECT provider_id, merchant_id, r.balance_fen - COALESCE(f.fen, 0) AS kept, r.held_fen,
    COALESCE(c.owed, 0) AS owed, COALESCE(c.held, 0) AS held, r.cap_fen IS NULL AS is_missing
FROM (SELECT * FROM card_room {where}) r
FULL JOIN cards c USING (provider_id, merchant_id)
LEFT JOIN freed f USING (provider_id, merchant_id)
WHERE (r.balance_fen - COALESCE(f.fen, 0), r.held_fen)
    IS DISTINCT FROM (COALESCE(c.owed, 0), COALESCE(c.held, 0))
ORDER BY provider_id, merchant_id
"""
_HELD = """
WITH wanted AS (
    SELECT provider_id, card_id, sum(fen) AS fen FROM (
        SELECT provider_id, card_id, paid_fen + bonus_fen AS fen
        FROM recharge WHERE status = 'held'
        UNION ALL
        SELECT t.provider_id, t.card_id, t.paid_fen + t.bonus_fen FROM card_taking t
        JOIN recharge r ON r.provider_id = t.provider_id AND r.id = t.recharge_id
        WHERE t.ended_at IS NULL AND r.status <> 'no_room'
        UNION ALL
        SELECT provider_id, card_id, deducted_fen
            + CASE way WHEN 'hand' THEN amount_fen + bonus_fen ELSE 0 END
        FROM card_payout_part WHERE status = 'open'
    ) parts GROUP BY provider_id, card_id
)
SELECT c.provider_id, c.merchant_id, c.id, c.held_fen, COALESCE(w.fen, 0) AS wanted
FROM (SELECT * FROM member_card {where}) c
LEFT JOIN wanted w ON w.provider_id = c.provider_id AND w.card_id = c.id
WHERE c.held_fen <> COALESCE(w.fen, 0) ORDER BY c.provider_id, c.id
"""


def check(
    session: Session,
    find: Find,
    balances: dict[bytes, int],
    merchant: tuple[int, int] | None = None,
) -> None:
    """Tell `find` of every card and room that is not the sum of what it is made of.

    `balances` are sums of entries by `provider TAB merchant TAB card TAB account`; emptied here.
    """
    where = "WHERE provider_id = :p AND merchant_id = :m" if merchant else ""
    values = {"p": merchant[0], "m": merchant[1]} if merchant else {}

    def ask(sql: str) -> Any:
        return session.execute(text(sql.format(where=where)), values)

    for row in ask(_CARDS).yield_per(5000):
        place = (row.provider_id, row.merchant_id)
        for account, stored in (("card_paid", row.paid_fen), ("card_bonus", row.bonus_fen)):
            name = f"{row.provider_id}\t{row.merchant_id}\t{row.id}\t{account}".encode()
            if (made := balances.pop(name, 0)) != stored:
                find(place, f"card {row.id}: {account} is {stored} fen, its entries make {made}")
    for name in sorted(balances):
        provider, merchant_id, card, account = name.decode().split("\t")
        find((int(provider), int(merchant_id)), f"card {card}: has {account} entries, is not there")
    for row in ask(_ROOMS):
        find((row.provider_id, row.merchant_id), _room(row))
    for row in ask(_HELD):
        find(
            (row.provider_id, row.merchant_id),
            f"card {row.id}: holds {row.held_fen} fen, what is under way makes {row.wanted}",
        )


def _room(row: Any) -> str:
    if row.is_missing:
        return f"its cards owe {row.owed} fen and there is no room for them"
    return (
        f"its room counts {row.kept} fen owed and {row.held_fen} held, its cards make"
        f" {row.owed} and {row.held}"
    )
