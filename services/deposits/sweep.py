"""Holds and releases whose time has come: asked about until the wallet is final.

Claim and commit, call, apply. A hold that a payer does not agree to in time is ended at the wallet;
silence is asked about slower and slower, and after two minutes a person is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from gateways.base import ChannelAccount, ReversalState
from models.deposit import DepositFreeze
from models.event import CaseKind
from models.provider import Provider
from services.accounts import NotConfigured, account_for
from services.cases import open_case
from services.claims import claim_statement
from services.deposits import rooms, words
from services.deps import Deps

CLAIM = timedelta(seconds=30)
TELLS_AFTER = timedelta(minutes=2)
SLOWEST = timedelta(minutes=10)
GIVES_UP_AFTER = timedelta(days=1)  # of the last look after an end
_FREEZES = claim_statement("deposit_freeze")


@dataclass(frozen=True, slots=True)
class Claim:
    """A freeze taken for a while; if its holder dies, its due time brings it back."""

    provider_id: int
    freeze_id: int


def claim_due(deps: Deps, most: int) -> list[Claim]:
    def unit(session: Session) -> list[Claim]:
        now = deps.now()
        rows = session.execute(_FREEZES, {"now": now, "until": now + CLAIM, "most": most})
        return [Claim(row.provider_id, row.id) for row in rows]

    return deps.transact(unit)


def account_of(deps: Deps, freeze: DepositFreeze) -> ChannelAccount:
    """The account that asked for the hold. Raises NotConfigured where it can not be spoken for."""

    def unit(session: Session) -> int:
        return session.get_one(Provider, freeze.provider_id).account_version

    accounts = deps.accounts_of(freeze.provider_id, deps.transact(unit))
    return account_for(accounts, freeze.channel, freeze.merchant_id, freeze.payee, freeze.payee)


def read(deps: Deps, provider_id: int, freeze_id: int) -> DepositFreeze:
    return deps.transact(lambda s: s.get_one(DepositFreeze, (provider_id, freeze_id)))


def pursue(deps: Deps, claim: Claim) -> None:
    """Ask about one claimed hold, and do what the answer means."""
    ask(deps, claim.provider_id, claim.freeze_id)


def ask(deps: Deps, provider_id: int, freeze_id: int) -> None:
    freeze = read(deps, provider_id, freeze_id)
    try:
        account = account_of(deps, freeze)
        if freeze.cancel_asked_at is not None and freeze.status in words.UNDECIDED:
            _cancel(deps, freeze, account)
            return
        word = deps.gateways.deposits[freeze.channel].query_freeze(account, freeze.out_freeze_no)
    except (GatewayUnknown, GatewayRejected, NotConfigured) as problem:
        _silent(deps, freeze, type(problem).__name__)
        return
    if deps.transact(lambda s: words.apply_freeze(s, deps, provider_id, freeze_id, word)):
        try:
            _cancel(deps, freeze, account)
        except (GatewayUnknown, GatewayRejected) as problem:
            _silent(deps, freeze, type(problem).__name__)


def _cancel(deps: Deps, freeze: DepositFreeze, account: ChannelAccount) -> None:
    """End it at the wallet. A refusal is decided by asking: it may be held, then it counts."""
    wallet = deps.gateways.deposits[freeze.channel]
    said = wallet.cancel(account, freeze.out_freeze_no)
    if said.state in (ReversalState.DONE, ReversalState.NOT_EXIST):
        deps.transact(lambda s: words.cancelled(s, deps, freeze.provider_id, freeze.id, said.state))
        return
    word = wallet.query_freeze(account, freeze.out_freeze_no)

    def unit(session: Session) -> None:
        found = rooms.lock(session, freeze.provider_id, freeze.id)
        found.cancel_asked_at = None
        session.flush()  # else applying the word, which reads the row again, would drop it
        words.apply_freeze(session, deps, freeze.provider_id, freeze.id, word)

    deps.transact(unit)


def _silent(deps: Deps, freeze: DepositFreeze, why: str) -> None:
    """Unknown is a state of its own: asking goes on."""

    def unit(session: Session) -> None:
        found, now = rooms.lock(session, freeze.provider_id, freeze.id), deps.now()
        found.polls += 1
        age = now - found.created_at
        found.due_at = now + min(SLOWEST, max(timedelta(seconds=3), age / 4))
        if found.status in words.UNDECIDED:
            found.is_unknown = True
            if age > TELLS_AFTER:
                _tell(session, found, now, why)
        elif found.status in words.NOT_HELD and age > GIVES_UP_AFTER:
            found.due_at = None  # nothing of it was ever seen held
            _tell(session, found, now, why)

    deps.transact(unit)


def _tell(session: Session, freeze: DepositFreeze, now: datetime, why: str) -> None:
    open_case(
        session,
        provider_id=freeze.provider_id,
        kind=CaseKind.NO_ANSWER,
        out_trade_no=freeze.out_freeze_no,
        order_id=None,
        at=now,
        facts={"why": why, "polls": freeze.polls, "since": freeze.created_at.isoformat()},
    )
