"""Payouts whose time has come: begun, closed, or past the day by which the money must be back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.card import MemberCard
from models.event import CaseKind
from models.payout import CardPayout, PayoutStatus
from services.bills.days import ends
from services.cards import payout_parts
from services.cards.payout_begin import CLAIM, begin
from services.cards.payouts import change
from services.cases import open_case
from services.claims import claim_statement
from services.deps import Deps

BLOCKED_AGAIN = timedelta(minutes=5)
TELL_AGAIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Claim:
    """A payout taken for a while; its due time brings it back."""

    provider_id: int
    payout_id: int


_CLAIM = claim_statement("card_payout")


def claim_due(deps: Deps, most: int) -> list[Claim]:
    """Take up to `most` payouts whose time has come."""

    def unit(session: Session) -> list[Claim]:
        now = deps.now()
        rows = session.execute(_CLAIM, {"now": now, "until": now + CLAIM, "most": most})
        return [Claim(row.provider_id, row.id) for row in rows]

    return deps.transact(unit)


def look(deps: Deps, claim: Claim) -> None:
    """Begin what was allowed, close what waited for a recharge, tell what is past its day."""
    begin(deps, claim.provider_id, claim.payout_id)
    change(deps, claim.provider_id, claim.payout_id, _look)


def _look(session: Session, payout: CardPayout, card: MemberCard, now: datetime) -> None:
    waits = payout_parts.finish(session, payout, card, now)
    if payout.due_at is None:
        return
    if now >= ends(payout.due_on):
        payout.due_at = now + TELL_AGAIN
        _tell(session, payout, card, now)
    elif payout.status is PayoutStatus.ALLOWED:
        payout.due_at = now + BLOCKED_AGAIN
    elif not waits:
        payout.due_at = ends(payout.due_on)


def _tell(session: Session, payout: CardPayout, card: MemberCard, now: datetime) -> None:
    open_case(
        session,
        provider_id=payout.provider_id,
        kind=CaseKind.PAYOUT_OVERDUE,
        out_trade_no=payout_parts.case_number(payout),
        order_id=None,
        at=now,
        facts={
            "card": card.number,
            "status": payout.status.value,
            "due_on": payout.due_on.isoformat(),
            **payout_parts.sums(session, payout),
        },
    )
