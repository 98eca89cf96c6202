"""Sending a refund to its wallet. The same number again is the same refund, there as here."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown, NotEnough
from gateways.base import RefundFunds, RefundRequest, RefundState, RefundWord
from models.provider import Provider
from models.refund import RefundStatus
from services import closing
from services.closing import Target
from services.deps import Deps
from services.refunds import wallets
from services.refunds.settling import apply_refund, fail, lock_refund, wait_for_money

log = logging.getLogger(__name__)

CLAIM = timedelta(seconds=30)  # who sends may die: after this somebody else asks
UNKNOWN_AGAIN = timedelta(seconds=10)  # Alipay wants 10 s before the first question
DOUBLINGS = 9  # of that, for a wallet that goes on failing: hour and a half, and never an end
LIMITED_AGAIN = timedelta(seconds=65)  # WeChat: partial refunds of an order a minute apart
LIMITED = frozenset({"FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "RATE_LIMITED"})


@dataclass(frozen=True, slots=True)
class Sending:
    """A refund about to be sent; `again` where it may have reached the wallet before."""

    provider_id: int
    refund_id: int
    target: Target
    request: RefundRequest
    again: bool


def send(deps: Deps, provider_id: int, refund_id: int) -> None:
    """Ask the wallet to do it, and write its answer down. Nothing happens if it is past that."""
    sending = _begin(deps, provider_id, refund_id)
    if sending is None:
        return
    try:
        word = wallets.refund(deps, provider_id, sending.target, sending.request)
    except GatewayUnknown as problem:
        _not_known(deps, sending, problem)
    except GatewayRejected as problem:
        _refused(deps, sending, problem)
    else:
        deps.transact(lambda s: _heard(s, deps, sending, word))


def _begin(deps: Deps, provider_id: int, refund_id: int) -> Sending | None:
    def unit(session: Session) -> tuple[int, RefundRequest, bool] | None:
        _, attempt, refund = lock_refund(session, provider_id, refund_id)
        if refund.status not in (RefundStatus.CREATED, RefundStatus.UNKNOWN):
            return None
        again = refund.sends > 0
        refund.sends += 1
        refund.due_at = deps.now() + CLAIM
        out_mch_id = session.get_one(Provider, provider_id).out_mch_id
        return (
            attempt.id,
            RefundRequest(
                out_trade_no=attempt.out_trade_no,
                out_refund_no=refund.out_refund_no,
                refund_fen=refund.amount_fen,
                total_fen=attempt.amount_fen,
                reason=refund.reason,
                notify_url=f"{deps.settings.base_url}/notify/{attempt.channel}/{out_mch_id}",
                funds=RefundFunds(refund.funds_asked) if refund.funds_asked else None,
            ),
            again,
        )

    begun = deps.transact(unit)
    if begun is None:
        return None
    attempt_id, request, again = begun
    target = closing.find_target(deps, provider_id, attempt_id)
    return Sending(provider_id, refund_id, target, request, again)


def _heard(session: Session, deps: Deps, sending: Sending, word: RefundWord) -> None:
    now = deps.now()
    locked = lock_refund(session, sending.provider_id, sending.refund_id)
    apply_refund(session, locked, word, now)
    refund = locked[2]
    if refund.status is RefundStatus.PROCESSING:
        refund.due_at = now + timedelta(seconds=deps.settings.refund_query_schedule[0])


def _not_known(deps: Deps, sending: Sending, problem: GatewayUnknown) -> None:
    """It may have been accepted: asked about by its number, never sent under another."""
    code = str(problem.facts.get("upstream_code") or "")

    def unit(session: Session) -> None:
        refund = lock_refund(session, sending.provider_id, sending.refund_id)[2]
        if refund.status in (RefundStatus.CREATED, RefundStatus.UNKNOWN):
            refund.move_to(RefundStatus.UNKNOWN)
            refund.raw_state = code[:32] or "no answer"
            slower = UNKNOWN_AGAIN * 2 ** min(refund.sends - 1, DOUBLINGS)
            again = max(slower, LIMITED_AGAIN) if code in LIMITED else slower
            refund.due_at = deps.now() + again

    deps.transact(unit)
    log.warning("refund not known", extra={"out_refund_no": sending.request.out_refund_no})


def _refused(deps: Deps, sending: Sending, problem: GatewayRejected) -> None:
    """A no is final only where the wallet, asked, has nothing under this number.

    Had it been sent before, that question waits its time: the first may be on its way in.
    """
    found = _asked(deps, sending)

    def unit(session: Session) -> None:
        now = deps.now()
        locked = lock_refund(session, sending.provider_id, sending.refund_id)
        refund = locked[2]
        if found is not None and found.state is not RefundState.NOT_FOUND:
            _heard(session, deps, sending, found)
        elif refund.status not in (RefundStatus.CREATED, RefundStatus.UNKNOWN):
            return
        elif found is None or sending.again:
            refund.move_to(RefundStatus.UNKNOWN)
            refund.upstream_code = problem.upstream_code[:64]
            refund.upstream_message = problem.upstream_message[:256]
            refund.due_at = now + UNKNOWN_AGAIN
        elif isinstance(problem, NotEnough):
            wait_for_money(session, locked, problem.upstream_code, problem.upstream_message, now)
        else:
            fail(session, locked, problem.upstream_code, problem.upstream_message, "upstream", now)

    deps.transact(unit)


def _asked(deps: Deps, sending: Sending) -> RefundWord | None:
    try:
        return wallets.query(deps, sending.target, sending.request.out_refund_no)
    except (GatewayRejected, GatewayUnknown):
        return None
