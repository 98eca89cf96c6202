"""What a card's payment took, for whoever looks at an order. Reads only."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.card import CardSpend, MemberCard
from models.ledger import LedgerAccount, LedgerEntry
from models.order import PayOrder


def taken_fen(session: Session, provider_id: int, order_id: int) -> int:
    """What the ledger says that this order took from a card; what went back is not subtracted."""
    found = session.scalar(
        select(func.sum(LedgerEntry.delta_fen)).where(
            LedgerEntry.provider_id == provider_id,
            LedgerEntry.key == f"pay:{order_id}",
            LedgerEntry.account == LedgerAccount.SALES,
        )
    )
    return int(found or 0)


def spend_of(session: Session, order: PayOrder) -> tuple[CardSpend, str] | None:
    """The parts that the order took, and the card's number; None where no card paid it."""
    row = session.execute(
        select(CardSpend, MemberCard.number)
        .join(
            MemberCard,
            (MemberCard.provider_id == CardSpend.provider_id)
            & (MemberCard.id == CardSpend.card_id),
        )
        .where(CardSpend.provider_id == order.provider_id, CardSpend.order_id == order.id)
    ).first()
    return None if row is None else (row[0], row[1])
