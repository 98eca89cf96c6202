"""Is money stuck: what a shop has to know of without looking for it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.order_list import Scope
from services.shop_figures.parts import named, narrow

MOST = 5


@dataclass(frozen=True, slots=True)
class Stuck:
    """An order about which the wallet has not answered, or a case that a person must look at."""

    out_trade_no: str
    amount_fen: int
    kind: str  # `no_answer` without a case, `frozen`, or the case's kind


_STUCK = """
SELECT number, fen, kind FROM (
    (SELECT o.id, o.out_trade_no AS number, o.amount_fen AS fen,
        CASE WHEN o.is_frozen THEN 'frozen' ELSE 'no_answer' END AS kind, 1 AS place
    FROM pay_order o
    WHERE o.provider_id = :p AND o.merchant_id = :m AND o.status IN ('created', 'paying')
        AND (o.is_unknown OR o.is_frozen){narrow}
    ORDER BY o.id DESC LIMIT {most})
    UNION ALL
    (SELECT o.id, o.out_trade_no, COALESCE(CAST(c.facts ->> 'amount_fen' AS bigint), o.amount_fen),
        c.kind, 2
    FROM money_case c
    JOIN pay_order o ON o.provider_id = c.provider_id AND o.id = c.order_id
    WHERE c.provider_id = :p AND c.closed_at IS NULL AND o.merchant_id = :m
        AND NOT (o.status IN ('created', 'paying') AND (o.is_unknown OR o.is_frozen)){narrow}
    ORDER BY c.id DESC LIMIT {most})
) found ORDER BY place, id DESC LIMIT {most}
"""


def stuck(session: Session, scope: Scope) -> list[Stuck]:
    """The newest few; [] when nothing waits for anybody."""
    rows = session.execute(text(_STUCK.format(narrow=narrow(scope), most=MOST)), named(scope))
    return [Stuck(row.number, int(row.fen), row.kind) for row in rows]
