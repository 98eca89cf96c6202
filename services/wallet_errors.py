"""What a wallet's definite no means to the payer, and what it teaches us about the merchant."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from errors import GatewayRejected
from models.order import CloseReason, OrderStatus
from services import attempts, audit, closing
from services.deps import Deps
from services.problems import PayProblem
from services.scan import Scan

log = logging.getLogger(__name__)

# Alipay's word on a merchant's grant (product ALI-5, told by its code and never by its text).
GRANT_STATES = {
    "aop.app-auth-token-time-out": "expired",
    "aop.invalid-app-auth-token": "revoked",
    "aop.invalid-app-auth-token-no-api": "revoked",
}
NOT_ENABLED = frozenset(
    {"NO_AUTH", "ACQ.ACCESS_FORBIDDEN", "aop.no-product-reg-by-partner", "MCH_NOT_EXISTS"}
)
BUSY = frozenset({"FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "isv.app-call-limited"})


def after_rejection(
    deps: Deps, scan: Scan, channel: str, attempt_id: int, problem: GatewayRejected
) -> PayProblem:
    """Write the refusal down and give back the problem to show."""
    code, message = problem.upstream_code, problem.upstream_message

    def unit(session: Session) -> None:
        now = deps.now()
        attempts.mark_rejected(session, scan.provider_id, attempt_id, code, message, now)
        if code in GRANT_STATES:
            grant_lost(session, deps, scan, GRANT_STATES[code], code)

    deps.transact(unit)
    log.warning("wallet refused", extra={"channel": channel, "upstream_code": code})
    shown: dict[str, Any] = {"shop": scan.shop, "upstream_code": code, "upstream_message": message}
    if code in GRANT_STATES:
        return PayProblem("ALIPAY_TOKEN_INVALID", **shown)
    if code in NOT_ENABLED:
        return PayProblem("PLATFORM_NOT_ENABLED", channel=channel, **shown)
    if code in BUSY:
        return PayProblem("WALLET_BUSY", status=503, **shown)
    return PayProblem("WALLET_REJECTED", status=422, **shown)


def end_refused(
    session: Session,
    deps: Deps,
    scan: Scan,
    order_id: int,
    attempt_id: int,
    code: str,
    words: str,
) -> None:
    """A definite no to an order that has no further attempt: its number is spent, so it ends."""
    now = deps.now()
    attempts.lock_order(session, scan.provider_id, order_id)
    attempts.mark_rejected(session, scan.provider_id, attempt_id, code, words, now)
    order = attempts.lock_order(session, scan.provider_id, order_id)
    still_open = attempts.open_attempt(session, order)
    if still_open is None and order.status in (OrderStatus.CREATED, OrderStatus.PAYING):
        closing.end_order(session, order, CloseReason.REJECTED, f"upstream:{order.channel}", now)
    if code in GRANT_STATES:
        grant_lost(session, deps, scan, GRANT_STATES[code], code)
    log.warning("wallet refused", extra={"channel": order.channel, "upstream_code": code})


def grant_lost(session: Session, deps: Deps, scan: Scan, state: str, code: str) -> None:
    """Alipay says that the merchant's grant is over: nobody is sent there until it is renewed."""
    keys = {"s": state, "p": scan.provider_id, "m": scan.merchant_id, "store": scan.store_id}
    own = session.execute(
        text(
            "UPDATE store SET alipay_state = :s WHERE provider_id = :p AND id = :store"
            " AND alipay_pid IS NOT NULL RETURNING id"
        ),
        keys,
    ).first()
    if own is None:
        session.execute(
            text("UPDATE merchant SET alipay_state = :s WHERE provider_id = :p AND id = :m"), keys
        )
    audit.record(
        session,
        provider_id=scan.provider_id,
        actor="upstream:alipay",
        action="alipay_grant_lost",
        subject=f"merchant:{scan.merchant_id}",
        at=deps.now(),
        state=state,
        upstream_code=code,
    )
