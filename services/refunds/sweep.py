"""Refunds whose time has come: sent if nobody has, else asked about, until the wallet is final.

No timer ever ends a refund (a bank card may take days); after three days a person is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from gateways.base import RefundState, RefundWord
from models.event import CaseKind
from models.refund import OPEN_REFUNDS, Refund, RefundStatus
from services import closing
from services.accounts import NotConfigured
from services.cases import open_case
from services.claims import claim_statement
from services.deps import Deps
from services.refunds import sending, wallets
from services.refunds.sending import CLAIM
from services.refunds.settling import Locked, apply_refund, fail, lock_refund, wait_for_money

SLOW = timedelta(days=3)
NOT_ENOUGH = frozenset({"NOT_ENOUGH", "NOTENOUGH", "ACQ.SELLER_BALANCE_NOT_ENOUGH"})


@dataclass(frozen=True, slots=True)
class Claim:
    """A refund taken for a while; if its holder dies, its due time brings it back."""

    provider_id: int
    refund_id: int


_CLAIM = claim_statement("refund")


def claim_due(deps: Deps, most: int) -> list[Claim]:
    """Take up to `most` refunds whose time has come."""

    def unit(session: Session) -> list[Claim]:
        now = deps.now()
        rows = session.execute(_CLAIM, {"now": now, "until": now + CLAIM, "most": most})
        return [Claim(row.provider_id, row.id) for row in rows]

    return deps.transact(unit)


def pursue(deps: Deps, claim: Claim) -> None:
    """Do the next thing for one claimed refund: send it, ask about it, or let it rest."""
    refund = deps.transact(lambda s: _read(s, claim))
    if refund.status is RefundStatus.CREATED and refund.sends == 0:
        sending.send(deps, claim.provider_id, claim.refund_id)
        return
    try:
        target = closing.find_target(deps, claim.provider_id, refund.attempt_id)
        word = wallets.query(deps, target, refund.out_refund_no)
    except (GatewayUnknown, GatewayRejected, NotConfigured):
        deps.transact(lambda s: _later(s, deps, lock_refund(s, claim.provider_id, claim.refund_id)))
        return
    if deps.transact(lambda s: _learn(s, deps, claim, word)):
        sending.send(deps, claim.provider_id, claim.refund_id)


def _read(session: Session, claim: Claim) -> Refund:
    return session.execute(
        select(Refund).where(Refund.provider_id == claim.provider_id, Refund.id == claim.refund_id)
    ).scalar_one()


def _learn(session: Session, deps: Deps, claim: Claim, word: RefundWord) -> bool:
    """Apply the answer; True when the wallet has nothing and the same request is to go again."""
    now = deps.now()
    locked = lock_refund(session, claim.provider_id, claim.refund_id)
    refund = locked[2]
    unsure = refund.status in (RefundStatus.CREATED, RefundStatus.UNKNOWN)
    if word.state is RefundState.NOT_FOUND and unsure:
        if refund.upstream_code is None:
            _tell_if_slow(session, locked, now)
            return True
        code, message = refund.upstream_code, refund.upstream_message or ""
        if code in NOT_ENOUGH:
            wait_for_money(session, locked, code, message, now)
        else:
            fail(session, locked, code, message, "upstream", now)
        return False
    apply_refund(session, locked, word, now)
    _later(session, deps, locked)
    return False


def _later(session: Session, deps: Deps, locked: Locked) -> None:
    refund = locked[2]
    now = deps.now()
    if refund.status not in OPEN_REFUNDS:
        refund.due_at = None
        return
    refund.polls += 1
    refund.due_at = _next_question(deps, refund, now)
    _tell_if_slow(session, locked, now)


def _tell_if_slow(session: Session, locked: Locked, now: datetime) -> None:
    """Not final after three days: a person is told, and asking goes on."""
    order, _, refund = locked
    if now - refund.created_at > SLOW:
        open_case(
            session,
            provider_id=refund.provider_id,
            kind=CaseKind.REFUND_SLOW,
            out_trade_no=refund.out_refund_no,
            order_id=order.id,
            at=now,
            facts={"since": refund.created_at.isoformat(), "polls": refund.polls},
        )


def _next_question(deps: Deps, refund: Refund, now: datetime) -> datetime:
    """The schedule counts from asking for the refund; its last step repeats without an end."""
    schedule = deps.settings.refund_query_schedule
    age = (now - refund.created_at).total_seconds()
    for after in schedule:
        if after > age:
            return refund.created_at + timedelta(seconds=after)
    return now + timedelta(seconds=schedule[-1])
