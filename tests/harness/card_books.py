"""What cards, entries, rooms and orders must say of each other at the end of every test."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

# A card's parts are the sums of its entries; a room is the sum of its cards; an order from a card
# took what it cost, and what went back is what was refunded.
_BOOKS = text("""
SELECT c.id FROM member_card c LEFT JOIN (
    SELECT provider_id, card_id, sum(delta_fen) FILTER (WHERE account = 'card_paid') AS paid,
        sum(delta_fen) FILTER (WHERE account = 'card_bonus') AS bonus, sum(delta_fen) AS zero
    FROM ledger_entry GROUP BY provider_id, card_id
) e ON e.provider_id = c.provider_id AND e.card_id = c.id
WHERE c.paid_fen <> COALESCE(e.paid, 0) OR c.bonus_fen <> COALESCE(e.bonus, 0)
    OR COALESCE(e.zero, 0) <> 0 OR c.paid_fen < 0 OR c.bonus_fen < 0
ORDER BY c.id
""")
_ROOMS = text("""
SELECT r.merchant_id FROM card_room r WHERE r.balance_fen
    - (SELECT COALESCE(sum(freed_fen), 0) FROM card_release f
       WHERE f.provider_id = r.provider_id AND f.merchant_id = r.merchant_id)
    <> (SELECT COALESCE(sum(balance_fen), 0) FROM member_card c
       WHERE c.provider_id = r.provider_id AND c.merchant_id = r.merchant_id)
""")
_SPENT = text("""
SELECT o.out_trade_no FROM pay_order o
FULL JOIN card_spend s ON s.provider_id = o.provider_id AND s.order_id = o.id
FULL JOIN (
    SELECT provider_id, order_id, sum(delta_fen) AS sold FROM ledger_entry
    WHERE account = 'sales' GROUP BY provider_id, order_id
) e ON e.provider_id = s.provider_id AND e.order_id = s.order_id
WHERE (o.channel = 'balance' OR s.order_id IS NOT NULL OR e.order_id IS NOT NULL) AND (
    o.channel <> 'balance' OR o.status <> 'paid' OR s.order_id IS NULL
    OR s.paid_fen + s.bonus_fen <> o.amount_fen
    OR s.back_paid_fen + s.back_bonus_fen <> o.refunded_fen
    OR e.sold IS DISTINCT FROM o.amount_fen - o.refunded_fen)
""")


def wrong(session: Session) -> list[list[Any]]:
    """What does not agree, one list for each of the three."""
    return [list(session.execute(one).all()) for one in (_BOOKS, _ROOMS, _SPENT)]
