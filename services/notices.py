"""One notification: verify it, keep it, apply it. What it says is applied by `settle` alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from errors import NotFound, NotifyInvalid
from gateways.base import RefundNotice, Trade
from models.event import CaseKind
from services import lost
from services.accounts import ProviderAccounts, seal_place
from services.cases import open_case
from services.deps import Deps
from services.refunds.settling import apply_refund, find_refund, lock_refund
from services.settle import apply_trade
from services.single import Single

_PROVIDER = Single(text("SELECT id, account_version FROM provider WHERE out_mch_id = :out_mch_id"))


def receive_notify(
    deps: Deps, channel: str, out_mch_id: str, headers: Mapping[str, str], body: bytes
) -> None:
    """Verify, keep and apply one notification. Returning means: answer success.

    Raises NotifyInvalid for what must not be believed (answer 401, nothing was written) and
    NotFound for a genuine word about a number that we do not have (answer 5xx: it is sent again).
    """
    row = _PROVIDER.first(deps, {"out_mch_id": out_mch_id})
    if row is None or channel not in deps.gateways.pay:
        raise NotifyInvalid("no such provider")
    accounts = deps.accounts_of(row.id, row.account_version)
    word = _verified(deps, accounts, channel, headers, body)
    if word.out_trade_no and _KNOWN.first(deps, {"p": row.id, "n": word.out_trade_no}) is None:
        _adopt_or_refuse(deps, row.id, word)
    if isinstance(word, RefundNotice):
        lost.adopt_told_refund(deps, row.id, word)
    deps.transact(lambda s: _keep_and_apply(s, deps, row.id, channel, headers, body, word))


def _verified(
    deps: Deps,
    accounts: ProviderAccounts,
    channel: str,
    headers: Mapping[str, str],
    body: bytes,
) -> Trade | RefundNotice:
    """Try the newest credentials, then those that are being replaced."""
    gateway = deps.gateways.pay[channel]
    candidates: tuple[Any, ...] = accounts.wechat if channel == "wechat" else accounts.alipay
    problem: NotifyInvalid | None = None
    for account in candidates:
        try:
            return gateway.parse_notify(account, headers, body, deps.now())
        except NotifyInvalid as invalid:
            problem = problem or invalid
    raise problem or NotifyInvalid("the provider has no such wallet")


_KNOWN = Single(
    text("SELECT 1 AS is_known FROM pay_attempt WHERE provider_id = :p AND out_trade_no = :n")
)


def _adopt_or_refuse(deps: Deps, provider_id: int, word: Trade | RefundNotice) -> None:
    """A genuine word about a number that we do not have: ours, if the wallet confirms that it was
    paid (a backup was restored); else a case, and no acknowledgement."""
    if lost.adopt_told(deps, provider_id, word):
        return
    deps.transact(
        lambda s: open_case(
            s,
            provider_id=provider_id,
            kind=CaseKind.UNKNOWN_TRADE,
            out_trade_no=word.out_trade_no[:64],
            order_id=None,
            at=deps.now(),
            facts={"channel": word.channel, "state": word.raw_state},
        )
    )
    raise NotFound(word.out_trade_no)


def _keep_and_apply(
    session: Session,
    deps: Deps,
    provider_id: int,
    channel: str,
    headers: Mapping[str, str],
    body: bytes,
    word: Trade | RefundNotice,
) -> None:
    now = deps.now()
    if not _keep_event(session, deps, provider_id, channel, headers, body, word, now):
        return
    trade = word.trade if isinstance(word, RefundNotice) else word
    if trade is not None:
        apply_trade(session, provider_id, trade, now)
    if isinstance(word, RefundNotice):
        _hear_refund(session, provider_id, word, now)


def _hear_refund(session: Session, provider_id: int, notice: RefundNotice, now: datetime) -> None:
    """WeChat says how the refund stands; Alipay only that there was one, so its own is asked now.

    A refund that is not ours (made by hand on the wallet's platform) is a case.
    """
    try:
        if notice.word is not None:
            word = notice.word
            found = find_refund(session, provider_id, word.channel, word.out_refund_no)
            apply_refund(session, lock_refund(session, provider_id, found), word, now)
            return
    except NotFound:
        pass
    else:
        if _poke(session, provider_id, notice, now):
            return
    open_case(
        session,
        provider_id=provider_id,
        kind=CaseKind.REFUND_NOTICE,
        out_trade_no=notice.out_trade_no,
        order_id=None,
        at=now,
        facts={"out_refund_no": notice.out_refund_no, "state": notice.raw_state},
    )


def _poke(session: Session, provider_id: int, notice: RefundNotice, now: datetime) -> bool:
    """Ask about the order's refunds at once, given up ones too; False when we have none of it."""
    found = session.scalars(
        text(
            "UPDATE refund r SET due_at = CASE WHEN r.status = 'success' THEN NULL"
            " ELSE CAST(:now AS timestamptz) END FROM pay_attempt a"
            " WHERE a.provider_id = :p AND a.out_trade_no = :n AND a.channel = :c"
            " AND r.provider_id = a.provider_id AND r.attempt_id = a.id"
            " AND (CAST(:r AS text) IS NULL OR r.out_refund_no = :r) RETURNING r.id"
        ),
        {
            "now": now,
            "p": provider_id,
            "n": notice.out_trade_no,
            "c": notice.channel,
            "r": notice.out_refund_no,
        },
    )
    return bool(found.all())


_KEEP = text("""
INSERT INTO upstream_event
    (provider_id, channel, kind, dedupe_key, body_hash, out_trade_no, sealed, received_at)
VALUES (:provider_id, :channel, :kind, :dedupe_key, :body_hash, :out_trade_no, :sealed, :now)
ON CONFLICT (provider_id, channel, dedupe_key) DO NOTHING RETURNING id
""")


def _keep_event(
    session: Session,
    deps: Deps,
    provider_id: int,
    channel: str,
    headers: Mapping[str, str],
    body: bytes,
    word: Trade | RefundNotice,
    now: datetime,
) -> bool:
    """False for a byte-equal repeat. The same nonce with another body is refused (failures 10)."""
    body_hash = hashlib.sha256(body).hexdigest()
    nonce = next((v for k, v in headers.items() if k.lower() == "wechatpay-nonce"), None)
    key = f"nonce:{nonce}"[:80] if nonce else f"body:{body_hash}"
    kept = session.scalar(
        _KEEP,
        {
            "provider_id": provider_id,
            "channel": channel,
            "kind": "refund" if isinstance(word, RefundNotice) else "trade",
            "dedupe_key": key,
            "body_hash": body_hash,
            "out_trade_no": word.out_trade_no[:64],
            "sealed": deps.ring.seal(
                body.decode("utf-8", "replace"),
                seal_place("upstream_event", "sealed", f"{provider_id}:{channel}:{key}"),
            ),
            "now": now,
        },
    )
    if kept is not None:
        return True
    same = session.scalar(
        text(
            "SELECT body_hash FROM upstream_event WHERE provider_id = :p AND channel = :c"
            " AND dedupe_key = :k"
        ),
        {"p": provider_id, "c": channel, "k": key},
    )
    if same != body_hash:
        raise NotifyInvalid("nonce seen with another body")
    return False
