"""Who of a merchant's people decides about giving a card's money back: the owner."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.card import MemberCard
from models.merchant import Staff, StaffRole
from models.payout import PayoutStatus
from services.cards.member_problems import NoRight
from services.cards.payout_parts import find, note
from services.cards.payout_problems import PayoutUnknown
from services.cards.payouts import allow, refuse
from services.deps import Deps


def allow_as_staff(
    deps: Deps, provider_id: int, staff_public_id: str, payout_id: int
) -> PayoutStatus:
    """`allow` by a person: the owner of the merchant whose card it is. Anybody else is refused with
    NoRight, after an audit entry `payout_denied` was committed."""
    return allow(
        deps, provider_id, payout_id, actor=_owner(deps, provider_id, staff_public_id, payout_id)
    )


def refuse_as_staff(
    deps: Deps, provider_id: int, staff_public_id: str, payout_id: int, *, reason: str
) -> None:
    """`refuse` by a person, as `allow_as_staff`."""
    actor = _owner(deps, provider_id, staff_public_id, payout_id)
    refuse(deps, provider_id, payout_id, actor=actor, reason=reason)


def _owner(deps: Deps, provider_id: int, staff_public_id: str, payout_id: int) -> str:
    def unit(session: Session) -> str | None:
        payout = find(session, provider_id, payout_id)
        staff = session.scalar(
            select(Staff).where(
                Staff.provider_id == provider_id, Staff.public_id == staff_public_id
            )
        )
        if staff is None:
            raise PayoutUnknown()
        is_owner = staff.is_active and staff.role is StaffRole.OWNER
        if is_owner and staff.merchant_id == payout.merchant_id:
            return f"staff:{staff.id}"
        card = session.get_one(MemberCard, (provider_id, payout.card_id))
        note(session, card, payout, f"staff:{staff.id}", "payout_denied", deps.now())
        return None

    found = deps.transact(unit)
    if found is None:
        raise NoRight("只有商户管理员可以审核退余额")
    return found
