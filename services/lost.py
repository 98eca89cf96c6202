"""A genuine notification about what we have no row of: a backup may have been restored."""

from __future__ import annotations

import logging

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from gateways.base import RefundNotice, Trade
from models.order import PayAttempt
from services.accounts import NotConfigured
from services.adopted_refunds import adopt_refund, is_own_number
from services.adoption import adopt
from services.deps import Deps
from services.single import Single

log = logging.getLogger(__name__)

_REFUND = Single(
    text("SELECT 1 AS is_known FROM refund WHERE provider_id = :p AND out_refund_no = :n")
)


def adopt_told(deps: Deps, provider_id: int, word: Trade | RefundNotice) -> bool:
    """True when the wallet, asked, confirms the trade, and it is ours now."""
    try:
        made = adopt(
            deps,
            provider_id,
            word.channel,
            word.out_trade_no,
            word.payee,
            f"upstream:{word.channel}",
        )
    except (GatewayUnknown, GatewayRejected, NotConfigured) as problem:
        log.warning(
            "lost order not confirmed",
            extra={"out_trade_no": word.out_trade_no, "why": type(problem).__name__},
        )
        return False
    return made is not None


def adopt_told_refund(deps: Deps, provider_id: int, notice: RefundNotice) -> None:
    """A refund under a number of ours that we do not know comes back, if the wallet confirms it.

    Raises GatewayUnknown where the wallet does not say: the notification must come again.
    """
    number = notice.out_refund_no
    if not number or _REFUND.first(deps, {"p": provider_id, "n": number}) is not None:
        return
    attempt_id = deps.transact(lambda s: _attempt_of(s, provider_id, notice, number))
    if attempt_id is not None:
        try:
            adopt_refund(deps, provider_id, attempt_id, number, f"upstream:{notice.channel}")
        except GatewayRejected:
            log.warning("lost refund not confirmed", extra={"out_refund_no": number})


def _attempt_of(
    session: Session, provider_id: int, notice: RefundNotice, number: str
) -> int | None:
    """The attempt whose refund this would be; None where the number is not of our making."""
    attempt = session.scalar(
        select(PayAttempt).where(
            PayAttempt.provider_id == provider_id,
            PayAttempt.channel == notice.channel,
            PayAttempt.out_trade_no == notice.out_trade_no,
        )
    )
    if attempt is None or not is_own_number(session, provider_id, attempt, number):
        return None
    return attempt.id
