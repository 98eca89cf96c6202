"""After a restored backup: which deposits their wallets are asked about, and asking about one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.deposit import (
    OPEN_FREEZES,
    OPEN_MOVES,
    DepositFreeze,
    DepositMove,
    FreezeStatus,
    MoveKind,
)
from services.deposits import lost, releasing
from services.deps import Deps
from services.intent_log import ToldDeposit
from services.syncing import SILENT, sync_order


@dataclass(frozen=True, slots=True)
class Question:
    """One hold, with all that logs say we meant to do with it."""

    provider_id: int
    channel: str
    out_freeze_no: str
    told: tuple[ToldDeposit, ...]


def questions(
    session: Session,
    told: Iterable[ToldDeposit],
    providers: list[int],
    *,
    since: datetime,
    until: datetime,
) -> list[Question]:
    """Holds that are open here or failed between these times, and those that a log names, which
    may be of any of the providers."""
    named: dict[tuple[str, str], list[ToldDeposit]] = {}
    for one in sorted(told):
        named.setdefault((one.channel, one.out_freeze_no), []).append(one)
    known = session.execute(
        select(DepositFreeze.provider_id, DepositFreeze.channel, DepositFreeze.out_freeze_no)
        .where(
            DepositFreeze.provider_id.in_(providers),
            or_(
                DepositFreeze.status.in_(OPEN_FREEZES),
                DepositFreeze.status.in_((FreezeStatus.FAILED, FreezeStatus.VOID))
                & DepositFreeze.created_at.between(since, until),
            ),
        )
        .order_by(DepositFreeze.provider_id, DepositFreeze.id)
    )
    wanted = {(row.provider_id, row.channel, row.out_freeze_no): None for row in known}
    wanted |= {(provider, *key): None for key in named for provider in providers}
    return [Question(*key, tuple(named.get((key[1], key[2]), ()))) for key in wanted]


def answer(deps: Deps, question: Question, actor: str, pace: lost.Pace) -> list[str]:
    """Ask about what is on its way, then about the hold; the numbers without an answer."""
    silent: list[str] = []
    for move in deps.transact(lambda s: _on_their_way(s, question)):
        pace()
        if not _ask_move(deps, move, actor):
            silent.append(move.number)
    if silent:  # what else has gone is known only once these are
        return silent
    pid, number = question.provider_id, question.out_freeze_no
    try:
        lost.regain(deps, pid, question.channel, number, question.told, actor, pace=pace)
    except SILENT:
        return [number]
    return []


def _ask_move(deps: Deps, move: DepositMove, actor: str) -> bool:
    if move.kind is MoveKind.RELEASE:
        return releasing.ask(deps, move.provider_id, move.id)
    assert move.order_id is not None
    made = sync_order(deps, move.provider_id, move.order_id, actor=actor, is_audited=False)
    return all(answer.is_answered for answer in made.answers)


def _on_their_way(session: Session, question: Question) -> list[DepositMove]:
    return list(
        session.scalars(
            select(DepositMove)
            .join(
                DepositFreeze,
                (DepositFreeze.provider_id == DepositMove.provider_id)
                & (DepositFreeze.id == DepositMove.freeze_id),
            )
            .where(
                DepositFreeze.provider_id == question.provider_id,
                DepositFreeze.out_freeze_no == question.out_freeze_no,
                DepositFreeze.channel == question.channel,
                DepositMove.status.in_(OPEN_MOVES),
            )
            .order_by(DepositMove.id)
        )
    )
