"""The one place that moves a freeze: answers and questions all end here."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateways.base import ReversalState
from gateways.deposits import FreezeState, FreezeWord
from models.deposit import DepositFreeze, FreezeMethod, FreezeStatus
from models.event import CaseKind
from services import audit
from services.cases import end_case, open_case
from services.deposits import rooms
from services.deps import Deps

log = logging.getLogger(__name__)

F = FreezeStatus
UNDECIDED = (F.CREATED, F.WAITING)
NOT_HELD = (F.FAILED, F.VOID)
LAST_LOOK = timedelta(seconds=60)  # once more after an end: a request may have crossed it
DAILY = timedelta(days=1)


def apply_freeze(
    session: Session, deps: Deps, provider_id: int, freeze_id: int, word: FreezeWord
) -> bool:
    """Apply a wallet's word to a freeze; True when it is to be ended at the wallet now."""
    freeze, now = rooms.lock(session, provider_id, freeze_id), deps.now()
    freeze.raw_state = word.raw_state[:32]
    freeze.is_unknown = False
    freeze.polls += 1
    match freeze.status:
        case F.CREATED | F.WAITING:
            return _undecided(session, deps, freeze, word, now)
        case F.FROZEN:
            _held(session, freeze, word, now)
        case F.FAILED | F.VOID:
            return _after_the_end(session, freeze, word, now)
        case F.CLOSED:
            freeze.due_at = None
    return False


def deadline(deps: Deps, freeze: DepositFreeze) -> datetime:
    """When a payer who has not agreed is no longer waited for."""
    if freeze.method is FreezeMethod.QR:
        return freeze.expires_at
    patience = timedelta(seconds=deps.settings.codepay_patience_s(freeze.channel))
    return min(freeze.created_at + patience, freeze.expires_at)


def _undecided(
    session: Session, deps: Deps, freeze: DepositFreeze, word: FreezeWord, now: datetime
) -> bool:
    if word.state is FreezeState.FROZEN:
        if freeze.cancel_asked_at is not None:  # being ended: what the payer does now is undone
            freeze.due_at = now
            return True
        _freeze(session, freeze, word, now)
        return False
    if word.was_consumed:
        _held_since(session, freeze, word, now)
        return False
    if word.state in (FreezeState.FAILED, FreezeState.ENDED):
        _end(session, freeze, F.FAILED, now, code=word.raw_state)
        return False
    if freeze.status is F.CREATED and word.state is FreezeState.WAITING:
        freeze.move_to(F.WAITING)
        freeze.changed_at = now
    is_over = now >= deadline(deps, freeze)
    every = timedelta(seconds=deps.settings.codepay_ask_every_s)
    freeze.due_at = now + every if is_over else min(now + every, deadline(deps, freeze))
    if is_over:
        freeze.cancel_asked_at = freeze.cancel_asked_at or now
    return is_over


def _freeze(session: Session, freeze: DepositFreeze, word: FreezeWord, now: datetime) -> None:
    if word.freeze_fen != freeze.freeze_fen or word.payee not in (None, freeze.payee):
        rooms.mismatch(session, freeze, now, theirs_fen=word.freeze_fen, payee=word.payee)
        freeze.due_at = now + timedelta(hours=1)
        return
    freeze.move_to(F.FROZEN)
    freeze.freeze_id, freeze.operation_id = word.freeze_id, word.operation_id
    freeze.frozen_at = word.frozen_at or now
    freeze.changed_at, freeze.closed_at, freeze.reject_code = now, None, None
    freeze.due_at = freeze.frozen_at + rooms.WARN
    end_case(session, freeze.provider_id, CaseKind.NO_ANSWER, freeze.out_freeze_no, now)
    _told(session, freeze, "deposit_frozen", now)


def _held_since(session: Session, freeze: DepositFreeze, word: FreezeWord, now: datetime) -> None:
    """The wallet has consumed of what we do not know as held: a restored backup is older. What was
    consumed is not invented here: the figures differ until `deposits/lost` has asked for it."""
    _freeze(session, freeze, word, now)
    if freeze.status is F.FROZEN:
        _held(session, freeze, word, now)


def held_since(session: Session, freeze: DepositFreeze, word: FreezeWord, now: datetime) -> bool:
    """Take a locked hold for held that the wallet holds, or held; False where that can not be."""
    if freeze.status in (*UNDECIDED, *NOT_HELD) and word.was_held:
        _freeze(session, freeze, word, now)
    return freeze.status is F.FROZEN


def _held(session: Session, freeze: DepositFreeze, word: FreezeWord, now: datetime) -> None:
    """A hold that is asked about: it stands as we have it, or the wallet has given it back."""
    assert freeze.frozen_at is not None
    lapses_at = freeze.frozen_at + rooms.LIVES
    if freeze.held_fen or word.is_moving:  # what is on its way says for itself what comes of it
        freeze.due_at = now + timedelta(minutes=10)
    elif word.state is FreezeState.FROZEN:
        if word.rest_fen not in (None, freeze.room_fen):
            rooms.mismatch(session, freeze, now, ours_fen=freeze.room_fen, theirs_fen=word.rest_fen)
        freeze.due_at = lapses_at if now < lapses_at else now + DAILY
        _warn(session, freeze, now, lapses_at)
    elif word.state is FreezeState.ENDED and word.consumed_fen in (None, freeze.consumed_fen):
        freeze.lapsed_fen += freeze.room_fen
        freeze.changed_at = now
        rooms.close_if_empty(session, freeze, now)
        _told(session, freeze, "deposit_lapsed", now, amount_fen=freeze.lapsed_fen)
    else:
        freeze.due_at = now + timedelta(hours=1)
        rooms.mismatch(
            session, freeze, now, ours_fen=freeze.consumed_fen, theirs_fen=word.consumed_fen,
            state=word.raw_state,
        )  # fmt: skip


def _warn(session: Session, freeze: DepositFreeze, now: datetime, lapses_at: datetime) -> None:
    """Two days before the wallet gives it back, whoever should have used it is told."""
    if now < lapses_at - (rooms.LIVES - rooms.WARN):
        return
    open_case(
        session,
        provider_id=freeze.provider_id,
        kind=CaseKind.DEPOSIT_ENDS,
        out_trade_no=freeze.out_freeze_no,
        order_id=None,
        at=now,
        facts={"rest_fen": freeze.room_fen, "lapses_at": lapses_at.isoformat()},
    )


def _after_the_end(
    session: Session, freeze: DepositFreeze, word: FreezeWord, now: datetime
) -> bool:
    """It had failed here. What a request that was late has made is ended; a hold that nobody ended
    stands, for the wallet's word counts."""
    ahead = last_look(freeze)
    freeze.due_at = ahead if ahead > now else None
    if word.state is FreezeState.FROZEN and freeze.cancel_asked_at is None:
        _freeze(session, freeze, word, now)
        return False
    if word.was_consumed:
        _held_since(session, freeze, word, now)
        return False
    is_back = word.state in (FreezeState.FROZEN, FreezeState.WAITING)
    if is_back:
        freeze.due_at = now + LAST_LOOK
    return is_back


def last_look(freeze: DepositFreeze) -> datetime:
    """A request may be on its way to the wallet until the freeze expires."""
    return max((freeze.closed_at or freeze.expires_at) + LAST_LOOK, freeze.expires_at)


def refused(
    session: Session, deps: Deps, provider_id: int, freeze_id: int, code: str, words: str
) -> None:
    """A definite no to freezing."""
    freeze, now = rooms.lock(session, provider_id, freeze_id), deps.now()
    if freeze.status in UNDECIDED and freeze.cancel_asked_at is None:
        _end(session, freeze, F.FAILED, now, code=code, message=words)
        freeze.due_at = None  # the wallet said that it never was


def cancelled(
    session: Session, deps: Deps, provider_id: int, freeze_id: int, state: ReversalState
) -> None:
    """The wallet's answer to ending a hold in doubt: nothing of it is kept."""
    freeze, now = rooms.lock(session, provider_id, freeze_id), deps.now()
    if freeze.status in UNDECIDED:
        never_was = state is ReversalState.NOT_EXIST
        _end(session, freeze, F.VOID if never_was else F.FAILED, now, code="CANCELLED")


def _end(
    session: Session,
    freeze: DepositFreeze,
    status: FreezeStatus,
    now: datetime,
    *,
    code: str,
    message: str = "",
) -> None:
    freeze.move_to(status)
    freeze.is_unknown = False
    freeze.reject_code, freeze.reject_message = code[:64], message[:256] or None
    freeze.changed_at = freeze.closed_at = now
    freeze.due_at = last_look(freeze)
    end_case(session, freeze.provider_id, CaseKind.NO_ANSWER, freeze.out_freeze_no, now)
    _told(session, freeze, "deposit_not_held", now, code=code[:64])


def _told(
    session: Session, freeze: DepositFreeze, action: str, now: datetime, **facts: object
) -> None:
    audit.record(
        session,
        provider_id=freeze.provider_id,
        actor=f"upstream:{freeze.channel}",
        action=action,
        subject=f"deposit:{freeze.out_freeze_no}",
        at=now,
        **{"amount_fen": freeze.freeze_fen, **facts},
    )
    facts_of_log = {"channel": freeze.channel, "out_freeze_no": freeze.out_freeze_no}
    log.info(action.replace("_", " "), extra=facts_of_log)
