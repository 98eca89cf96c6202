"""Releasing a hold, all or some: room first, then the wallet, under one number that never changes.

The same number again is the same release, at the wallet as here, so one that is not answered is
asked about and, where the wallet has nothing, sent again: the payer is owed it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import GatewayRejected, GatewayUnknown
from gateways.deposits import ReleaseRequest, ReleaseWord
from models.deposit import (
    OPEN_MOVES,
    DepositFreeze,
    DepositMove,
    FreezeStatus,
    MoveKind,
    MoveStatus,
)
from models.event import CaseKind
from services.accounts import NotConfigured
from services.cases import open_case
from services.claims import claim_statement
from services.deposits import intents, rooms, sweep
from services.deposits.consuming import find
from services.deposits.refusals import (
    DepositAmount,
    DepositNotHeld,
    DepositNumberTaken,
    DepositWhole,
)
from services.deps import Deps

log = logging.getLogger(__name__)

CLAIM = timedelta(seconds=30)
# WeChat gives nothing back within 15 s of paying (wechat.md F); one more for the two clocks.
NOT_BEFORE = {"wechat": timedelta(seconds=16)}
AGAIN = timedelta(seconds=10)
DOUBLINGS = 9
_MOVES = claim_statement("deposit_move")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Who wants how much of which hold back, and who allows it (both stand in the audit)."""

    provider_id: int
    merchant_id: int
    out_freeze_no: str
    out_unfreeze_no: str
    amount_fen: int
    asked_by: str
    allowed_by: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A release taken for a while; if its holder dies, its due time brings it back."""

    provider_id: int
    move_id: int


May = Callable[[Session, DepositFreeze], str]  # who allows it; raises where nobody does


def release(deps: Deps, cmd: Release, may: May | None = None) -> int:
    """Give money back once; the release's id. What became of it, its row tells.

    `may` is asked under the hold's lock. Raises NotFound for a hold that is not the merchant's,
    and DepositRefused before anything was sent.
    """
    move_id, is_due = deps.transact(lambda s: _begin(s, deps, cmd, may), rerun_if_unknown=True)
    if is_due:
        send(deps, cmd.provider_id, move_id)
    return move_id


def _begin(session: Session, deps: Deps, cmd: Release, may: May | None) -> tuple[int, bool]:
    """Hold the room; with whether it can be sent at once."""
    named = find(session, cmd.provider_id, cmd.merchant_id, cmd.out_freeze_no)
    freeze, now = rooms.lock(session, cmd.provider_id, named.id), deps.now()
    allowed_by = may(session, freeze) if may is not None else cmd.allowed_by
    same = _same(session, cmd, freeze)
    if same is not None:
        return same.id, False
    _check(deps, cmd, freeze)
    assert freeze.frozen_at is not None
    soonest = max(freeze.created_at, freeze.frozen_at) + NOT_BEFORE.get(freeze.channel, timedelta())
    move = DepositMove(
        provider_id=cmd.provider_id,
        freeze_id=freeze.id,
        kind=MoveKind.RELEASE,
        number=cmd.out_unfreeze_no,
        amount_fen=cmd.amount_fen,
        rest_fen=0,
        remark=cmd.remark[:128],
        asked_by=cmd.asked_by,
        allowed_by=allowed_by,
        due_at=now + CLAIM if soonest <= now else soonest,
        created_at=now,
        changed_at=now,
    )
    rooms.hold(session, freeze, move, now)
    return move.id, soonest <= now


def _same(session: Session, cmd: Release, freeze: DepositFreeze) -> DepositMove | None:
    found = session.scalar(
        select(DepositMove).where(
            DepositMove.provider_id == cmd.provider_id,
            DepositMove.kind == MoveKind.RELEASE,
            DepositMove.number == cmd.out_unfreeze_no,
        )
    )
    if found is None:
        return None
    if (found.freeze_id, found.amount_fen) != (freeze.id, cmd.amount_fen):
        raise DepositNumberTaken
    return found


def _check(deps: Deps, cmd: Release, freeze: DepositFreeze) -> None:
    """No permission is asked for: what belongs to the payer can always go back."""
    if freeze.status is not FreezeStatus.FROZEN:
        raise DepositNotHeld
    is_whole = cmd.amount_fen == freeze.freeze_fen
    if not deps.gateways.deposits[freeze.channel].releases_parts and not is_whole:
        raise DepositWhole
    if not 1 <= cmd.amount_fen <= freeze.room_fen:
        raise DepositAmount(room_fen=freeze.room_fen)


def send(deps: Deps, provider_id: int, move_id: int) -> None:
    """Ask the wallet to do it, and write its answer down. Nothing happens if it is past that."""
    begun = deps.transact(lambda s: _sending(s, deps, provider_id, move_id))
    if begun is None:
        return
    freeze, request, again = begun
    wallet = deps.gateways.deposits[freeze.channel]
    try:
        account = sweep.account_of(deps, freeze)
        intents.tell_move(
            freeze, MoveKind.RELEASE, request.out_unfreeze_no, request.amount_fen, deps.now()
        )
        word = wallet.release(account, request)
    except (GatewayUnknown, NotConfigured) as problem:
        why = type(problem).__name__
        deps.transact(lambda s: _not_known(s, deps, provider_id, move_id, why))
    except GatewayRejected as no:
        _refused(deps, provider_id, move_id, no, again)
    else:
        deps.transact(lambda s: _heard(s, deps, provider_id, move_id, word))


def _sending(
    session: Session, deps: Deps, provider_id: int, move_id: int
) -> tuple[DepositFreeze, ReleaseRequest, bool] | None:
    freeze, move = lock_move(session, provider_id, move_id)
    if move.status not in OPEN_MOVES:
        return None
    again = move.sends > 0
    move.sends += 1
    move.due_at = deps.now() + CLAIM
    return freeze, request_of(freeze, move), again


def request_of(freeze: DepositFreeze, move: DepositMove) -> ReleaseRequest:
    return ReleaseRequest(rooms.hold_of(freeze), move.number, move.amount_fen, move.remark)


def lock_move(
    session: Session, provider_id: int, move_id: int
) -> tuple[DepositFreeze, DepositMove]:
    """The hold first, then the release, both read after the hold's lock."""
    freeze_id = session.execute(
        select(DepositMove.freeze_id).where(
            DepositMove.provider_id == provider_id, DepositMove.id == move_id
        )
    ).scalar_one()
    freeze = rooms.lock(session, provider_id, freeze_id)
    move = session.execute(
        select(DepositMove)
        .where(DepositMove.provider_id == provider_id, DepositMove.id == move_id)
        .execution_options(populate_existing=True)
    ).scalar_one()
    return freeze, move


def _heard(session: Session, deps: Deps, provider_id: int, move_id: int, word: ReleaseWord) -> bool:
    """Apply the wallet's word; True where it has nothing of it."""
    freeze, move = lock_move(session, provider_id, move_id)
    if move.status is MoveStatus.DONE:
        return False
    if word.is_done:
        move.upstream_id = word.release_id or move.upstream_id
        rooms.done(session, freeze, move, deps.now())
        return False
    return move.status in OPEN_MOVES


def _not_known(
    session: Session,
    deps: Deps,
    provider_id: int,
    move_id: int,
    why: str,
    no: GatewayRejected | None = None,
) -> None:
    """It may have been done: asked about by its number, never sent under another."""
    freeze, move = lock_move(session, provider_id, move_id)
    if move.status not in OPEN_MOVES:
        return
    now = deps.now()
    move.move_to(MoveStatus.UNKNOWN)
    move.polls += 1
    move.changed_at = freeze.changed_at = now
    move.upstream_code = no.upstream_code[:64] if no else move.upstream_code
    move.upstream_message = no.upstream_message[:256] if no else move.upstream_message
    move.due_at = now + AGAIN * 2 ** min(move.polls - 1, DOUBLINGS)
    if now - move.created_at > sweep.TELLS_AFTER:
        open_case(
            session,
            provider_id=provider_id,
            kind=CaseKind.NO_ANSWER,
            out_trade_no=move.number,
            order_id=None,
            at=now,
            facts={"why": why, "polls": move.polls, "deposit": freeze.out_freeze_no},
        )


def _refused(deps: Deps, provider_id: int, move_id: int, no: GatewayRejected, again: bool) -> None:
    """A no is final only where the wallet, asked, has nothing of it; had it been sent before, that
    question waits its time."""
    word = _asked(deps, provider_id, move_id)

    def unit(session: Session) -> None:
        if word is not None and not _heard(session, deps, provider_id, move_id, word):
            return
        freeze, move = lock_move(session, provider_id, move_id)
        if move.status not in OPEN_MOVES:
            return
        if word is None or again:
            _not_known(session, deps, provider_id, move_id, no.upstream_code, no)
        else:
            rooms.freed(session, freeze, move, deps.now(), code=no.upstream_code,
                        message=no.upstream_message)  # fmt: skip

    deps.transact(unit)
    log.warning("release refused", extra={"upstream_code": no.upstream_code})


def _asked(deps: Deps, provider_id: int, move_id: int) -> ReleaseWord | None:
    """None: nobody knows."""

    def unit(session: Session) -> tuple[DepositFreeze, ReleaseRequest]:
        freeze, move = lock_move(session, provider_id, move_id)
        return freeze, request_of(freeze, move)

    freeze, request = deps.transact(unit)
    try:
        account = sweep.account_of(deps, freeze)
        return deps.gateways.deposits[freeze.channel].query_release(account, request)
    except (GatewayUnknown, GatewayRejected, NotConfigured):
        return None


def ask(deps: Deps, provider_id: int, move_id: int) -> bool:
    """Ask how it stands and apply the answer; nothing is sent. False: the wallet did not say."""
    word = _asked(deps, provider_id, move_id)
    if word is None:
        return False
    deps.transact(lambda s: _heard(s, deps, provider_id, move_id, word))
    return True


def claim_due(deps: Deps, most: int) -> list[Claim]:
    """Take up to `most` releases whose time has come."""

    def unit(session: Session) -> list[Claim]:
        now = deps.now()
        rows = session.execute(_MOVES, {"now": now, "until": now + CLAIM, "most": most})
        return [Claim(row.provider_id, row.id) for row in rows]

    return deps.transact(unit)


def pursue(deps: Deps, claim: Claim) -> None:
    """Send one that nobody has sent; else ask about it, and send it again where it is needed."""
    pid, move_id = claim.provider_id, claim.move_id
    move = deps.transact(lambda s: s.get_one(DepositMove, (pid, move_id)))
    if move.status is MoveStatus.CREATED and move.sends == 0:
        send(deps, pid, move_id)
        return
    word = _asked(deps, pid, move_id)
    if word is None:
        deps.transact(lambda s: _not_known(s, deps, pid, move_id, "no answer"))
    elif deps.transact(lambda s: _missing(s, deps, pid, move_id, word)):
        send(deps, pid, move_id)


def _missing(
    session: Session, deps: Deps, provider_id: int, move_id: int, word: ReleaseWord
) -> bool:
    """True when the wallet has nothing of it and the same request is to go again."""
    if not _heard(session, deps, provider_id, move_id, word):
        return False
    freeze, move = lock_move(session, provider_id, move_id)
    if move.upstream_code is None:
        return True
    now: datetime = deps.now()
    rooms.freed(session, freeze, move, now, code=move.upstream_code,
                message=move.upstream_message or "")  # fmt: skip
    return False
