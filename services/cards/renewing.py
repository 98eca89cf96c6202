"""A card without a confirmed phone ends after some years, its rest does not: it is renewed."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from errors import Conflict
from models.card import CardStatus
from services import audit
from services.cards import members
from services.cards.member_problems import CardUnknown
from services.cards.spend_problems import CardClosed
from services.deps import Deps
from services.ledger import lock_card


def renew(deps: Deps, provider_id: int, merchant_id: int, number: str, *, actor: str) -> date:
    """Give the merchant's card of this number its whole life anew, from today; the last day of it.

    It stays the same card, with the same person and balance. Renewed again on one day nothing
    changes. Raises CardUnknown, CardClosed; Conflict for a card that never ends.
    """

    def unit(session: Session) -> date:
        found = members.by_number(session, provider_id, number)
        if found.merchant_id != merchant_id:
            raise CardUnknown()
        card = lock_card(session, provider_id, found.id)
        if card.status is CardStatus.CLOSED:
            raise CardClosed()
        if card.registered_at is not None or card.expires_on is None:
            raise Conflict(f"card {card.number} never ends")
        now = deps.now()
        last, before = members.unregistered_until(deps, now), card.expires_on
        if last > before:
            card.expires_on = last
            audit.record(
                session,
                provider_id=provider_id,
                actor=actor,
                action="card_renewed",
                subject=f"card:{card.number}",
                at=now,
                before=before.isoformat(),
                after=last.isoformat(),
            )
        return max(last, before)

    return deps.transact(unit)
