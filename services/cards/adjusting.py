"""A person changes what a card holds: more or less, with a reason, under the same caps.

Only what was paid for is adjusted; a bonus is not: it comes with a recharge and goes with it. This
is no way to give money back: that is a flow of its own, over the wallets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import BadInput
from models.card import CardProgram, CardStatus, MemberCard, ProgramStatus
from models.ledger import LedgerAccount, LedgerEntry, MovementKind
from models.merchant import Staff, StaffRole
from services import audit, ledger
from services.cards.member_problems import AdjustLow, CardUnknown, NoRight, ProgramState
from services.deps import Deps
from services.ledger import Movement

REASON_MOST = 80
_KEY = re.compile(r"[0-9A-Za-z_-]{1,56}")


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What somebody wants: fen more (or less) on the card of this number."""

    number: str
    delta_fen: int
    reason: str
    key: str  # the same again changes nothing


def adjust(
    deps: Deps,
    provider_id: int,
    card_id: int,
    delta_fen: int,
    *,
    reason: str,
    actor: str,
    key: str,
) -> None:
    """Post one adjustment; the same `key` again with the same amount changes nothing.

    Raises AdjustLow (never below zero), BalanceCap and TotalCap (never above), MovementReused (the
    key with another amount), ProgramState (more, while the card is suspended), CardUnknown.
    The caller has made sure that `actor` may.
    """
    check(delta_fen, reason, key)

    def unit(session: Session) -> None:
        card = session.get(MemberCard, (provider_id, card_id))
        if card is None:
            raise CardUnknown()
        adjust_in(session, deps, card, delta_fen, reason=reason, actor=actor, key=key)

    deps.transact(unit, rerun_if_unknown=True)


def adjust_as_staff(deps: Deps, provider_id: int, staff_public_id: str, wanted: Adjustment) -> None:
    """`adjust` by a person: the owner of the merchant whose card it is (product CARD-12).

    Anybody else is refused with NoRight, after an audit entry `card_adjust_denied` was committed;
    a card of another provider is CardUnknown, the same as one that nobody has.
    """
    check(wanted.delta_fen, wanted.reason, wanted.key)

    def unit(session: Session) -> bool:
        staff = session.scalar(
            select(Staff).where(
                Staff.provider_id == provider_id, Staff.public_id == staff_public_id
            )
        )
        card = session.scalar(
            select(MemberCard).where(
                MemberCard.provider_id == provider_id, MemberCard.number == wanted.number
            )
        )
        if card is None or staff is None:
            raise CardUnknown()
        if not _may(staff, card):
            _note(session, deps, card, f"staff:{staff.id}", "card_adjust_denied", wanted)
            return False
        adjust_in(
            session, deps, card, wanted.delta_fen,
            reason=wanted.reason, actor=f"staff:{staff.id}", key=wanted.key,
        )  # fmt: skip
        return True

    if not deps.transact(unit, rerun_if_unknown=True):
        raise NoRight()


def check(delta_fen: int, reason: str, key: str) -> None:
    """Raises BadInput for what no adjustment can be."""
    if delta_fen == 0:
        raise BadInput("an adjustment of nothing")
    if not reason.strip() or len(reason.strip()) > REASON_MOST or not reason.isprintable():
        raise BadInput(f"an adjustment has a reason of 1 to {REASON_MOST} characters")
    if not _KEY.fullmatch(key):
        raise BadInput("the key of an adjustment is 1 to 56 letters, digits, - or _")


def adjust_in(
    session: Session,
    deps: Deps,
    card: MemberCard,
    delta_fen: int,
    *,
    reason: str,
    actor: str,
    key: str,
) -> bool:
    """Within the caller's transaction; False when the key is known."""
    room, locked = ledger.lock_with_room(session, card.provider_id, card.merchant_id, card.id)
    movement = Movement(
        MovementKind.ADJUST,
        f"adjust:{key}",
        ((LedgerAccount.CARD_PAID, delta_fen), (LedgerAccount.ADJUSTMENTS, -delta_fen)),
        deps.now(),
        actor,
        reason=reason.strip(),
    )
    if not _is_known(session, locked, movement.key):
        _check_state(session, locked, delta_fen)
    if not ledger.post(session, locked, movement, room):
        return False
    wanted = Adjustment(locked.number, delta_fen, reason.strip(), key)
    _note(session, deps, locked, actor, "card_adjusted", wanted)
    return True


def _is_known(session: Session, card: MemberCard, key: str) -> bool:
    """Then whatever has happened to the card since is no reason to refuse."""
    found = session.scalar(
        select(LedgerEntry.id)
        .where(LedgerEntry.provider_id == card.provider_id, LedgerEntry.key == key)
        .limit(1)
    )
    return found is not None


def _check_state(session: Session, card: MemberCard, delta_fen: int) -> None:
    program = session.get_one(CardProgram, (card.provider_id, card.program_id))
    if card.status is CardStatus.CLOSED or program.status is ProgramStatus.DELETED:
        raise ProgramState("会员卡已关闭，不能调整")
    if delta_fen > 0 and program.status is not ProgramStatus.APPROVED:
        raise ProgramState("会员卡暂停中，不能调增")
    if card.paid_fen + delta_fen < 0:
        raise AdjustLow(card.paid_fen)


def _may(staff: Staff, card: MemberCard) -> bool:
    return (
        staff.is_active and staff.role is StaffRole.OWNER and staff.merchant_id == card.merchant_id
    )


def _note(
    session: Session, deps: Deps, card: MemberCard, actor: str, action: str, wanted: Adjustment
) -> None:
    audit.record(
        session,
        provider_id=card.provider_id,
        actor=actor,
        action=action,
        subject=f"card:{card.number}",
        at=deps.now(),
        delta_fen=wanted.delta_fen,
        reason=wanted.reason,
        key=wanted.key,
    )
