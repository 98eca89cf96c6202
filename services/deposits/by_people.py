"""Giving a deposit back from the merchant's office: by whoever may; who may not is remembered."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.deposit import DepositFreeze
from services import audit
from services.deposits.listing import HoldRow
from services.deposits.releasing import Release, release
from services.deps import Deps
from services.people.acting import Acting
from services.refunds.refusals import RefundNoRight
from services.refunds.rights import gives_back


@dataclass(frozen=True, slots=True)
class GiveBack:
    """What a person of the merchant wants. The fields mean what `Release`'s do."""

    out_freeze_no: str
    out_unfreeze_no: str
    amount_fen: int
    remark: str


def most_fen(deps: Deps, row: HoldRow) -> int:
    """What can be given back now, in fen: at WeChat all of it or nothing."""
    if deps.gateways.deposits[row.channel].releases_parts:
        return row.room_fen
    return row.room_fen if row.room_fen == row.freeze_fen else 0


def releases_parts(deps: Deps, row: HoldRow) -> bool:
    return deps.gateways.deposits[row.channel].releases_parts


def give_back(deps: Deps, who: Acting, wanted: GiveBack) -> int:
    """`releasing.release` by `who`; the release's id. His rights are read again under the lock.

    Raises RefundNoRight after an audit entry `deposit_release_denied` was committed, and what
    `release` raises.
    """
    cmd = Release(
        provider_id=who.provider_id,
        merchant_id=who.merchant_id,
        out_freeze_no=wanted.out_freeze_no,
        out_unfreeze_no=wanted.out_unfreeze_no,
        amount_fen=wanted.amount_fen,
        asked_by=who.actor,
        allowed_by=who.actor,
        remark=wanted.remark,
    )

    def may(session: Session, freeze: DepositFreeze) -> str:
        return gives_back(session, who, freeze)

    try:
        return release(deps, cmd, may)
    except RefundNoRight:
        deps.transact(lambda s: _remember(s, deps, cmd))
        raise


def _remember(session: Session, deps: Deps, cmd: Release) -> None:
    audit.record(
        session,
        provider_id=cmd.provider_id,
        actor=cmd.asked_by,
        action="deposit_release_denied",
        subject=f"deposit:{cmd.out_freeze_no}",
        at=deps.now(),
        amount_fen=cmd.amount_fen,
    )
