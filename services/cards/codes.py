"""The bar code of a card: 18 digits from 99, one use, one minute; only a keyed hash is kept.

Everything about a card's codes happens under the card's lock, so two tills that scan the same code
at once charge it once.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.card import CardCode, CardStatus, MemberCard
from models.order import PayOrder
from services.cards.spend_problems import (
    CardClosed,
    CardCodeExpired,
    CardCodeUnknown,
    CardCodeUsed,
    CardOtherMerchant,
    CardUnclaimed,
)
from services.deps import Deps
from services.ledger import lock_card

LIVES = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Code:
    """What the member's phone shows, until `expires_at`."""

    text: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Code(expires_at={self.expires_at})"


def issue(deps: Deps, provider_id: int, card_id: int) -> Code:
    """A fresh code; the card's older one is void from now on. Raises CardClosed, CardUnclaimed."""
    return deps.transact(lambda s: _issue(s, deps, provider_id, card_id))


def _issue(session: Session, deps: Deps, provider_id: int, card_id: int) -> Code:
    card = lock_card(session, provider_id, card_id)
    if card.status is CardStatus.CLOSED:
        raise CardClosed()
    if card.status is CardStatus.IMPORTED:
        raise CardUnclaimed()
    now = deps.now()
    older = (CardCode.provider_id == provider_id, CardCode.card_id == card_id)
    session.execute(
        update(CardCode)
        .where(*older, CardCode.used_at.is_(None), CardCode.expires_at > now)
        .values(expires_at=now)
    )
    for _ in range(3):
        made = Code(f"99{secrets.randbelow(10**16):016d}", now + LIVES)
        values = {
            "provider_id": provider_id,
            "card_id": card_id,
            "code_hash": _hash(deps, made.text),
            "expires_at": made.expires_at,
            "created_at": now,
        }
        wanted = insert(CardCode).values(values).on_conflict_do_nothing().returning(CardCode.id)
        if session.scalar(wanted) is not None:
            return made
    raise AssertionError("three random codes in a row were taken")


def take(
    session: Session,
    deps: Deps,
    provider_id: int,
    text: str,
    order: PayOrder,
    now: datetime,
) -> tuple[MemberCard, CardCode]:
    """The card behind a code that may be used now, locked, and the code to be marked as used.

    Raises CardCodeUnknown, CardOtherMerchant, CardCodeUsed, CardCodeExpired.
    """
    mine = (CardCode.provider_id == provider_id, CardCode.code_hash == _hash(deps, text))
    card_id = session.scalar(select(CardCode.card_id).where(*mine))
    if card_id is None:
        raise CardCodeUnknown()
    card = lock_card(session, provider_id, card_id)
    if card.merchant_id != order.merchant_id:
        raise CardOtherMerchant()
    code = session.execute(select(CardCode).where(*mine)).scalar_one()  # as it is under the lock
    if code.used_at is not None:
        raise CardCodeUsed()
    if code.expires_at <= now:
        raise CardCodeExpired()
    return card, code


def _hash(deps: Deps, text: str) -> str:
    return deps.ring.blind(text, "card_code")
