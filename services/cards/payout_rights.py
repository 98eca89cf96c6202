"""Who of a merchant's people decides about giving a card's money back: the owner."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.card import MemberCard
from models.merchant import Staff, StaffRole
from models.payout import CardPayout, CardPayoutPart, PayoutStatus
from services import audit
from services.cards.member_problems import CardUnknown, NoRight
from services.cards.payout_begin import Wish
from services.cards.payout_parts import find
from services.cards.payout_problems import PayoutUnknown
from services.cards.payouts import allow, ask, pay_by_hand, refuse
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


def ask_as_staff(
    deps: Deps, provider_id: int, staff_public_id: str, card_id: int, wish: Wish
) -> int:
    """`ask` for a member of the own merchant, as `allow_as_staff`. Raises CardUnknown."""

    def unit(session: Session) -> str | None:
        card = session.get(MemberCard, (provider_id, card_id))
        if card is None:
            raise CardUnknown()
        return _owner_in(session, deps, staff_public_id, card, None)

    return ask(deps, provider_id, card_id, wish, actor=_or_no_right(deps.transact(unit)))


def pay_by_hand_as_staff(
    deps: Deps, provider_id: int, staff_public_id: str, part_id: int, *, how: str, reference: str
) -> PayoutStatus:
    """`pay_by_hand`, as `allow_as_staff`: who is signed in says that it was paid."""
    part = deps.transact(lambda s: s.get(CardPayoutPart, (provider_id, part_id)))
    if part is None:
        raise PayoutUnknown()
    actor = _owner(deps, provider_id, staff_public_id, part.payout_id)
    return pay_by_hand(deps, provider_id, part_id, how=how, reference=reference, actor=actor)


def _owner(deps: Deps, provider_id: int, staff_public_id: str, payout_id: int) -> str:
    def unit(session: Session) -> str | None:
        payout = find(session, provider_id, payout_id)
        card = session.get_one(MemberCard, (provider_id, payout.card_id))
        return _owner_in(session, deps, staff_public_id, card, payout)

    return _or_no_right(deps.transact(unit))


def _owner_in(
    session: Session,
    deps: Deps,
    staff_public_id: str,
    card: MemberCard,
    payout: CardPayout | None,
) -> str | None:
    """The person as an actor; None for one without the right, which is remembered."""
    staff = session.scalar(
        select(Staff).where(
            Staff.provider_id == card.provider_id, Staff.public_id == staff_public_id
        )
    )
    if staff is None:
        raise PayoutUnknown()
    is_owner = staff.is_active and staff.role is StaffRole.OWNER
    if is_owner and staff.merchant_id == card.merchant_id:
        return f"staff:{staff.id}"
    audit.record(
        session,
        provider_id=card.provider_id,
        actor=f"staff:{staff.id}",
        action="payout_denied",
        subject=f"card:{card.number}",
        at=deps.now(),
        payout=payout.id if payout is not None else None,
    )
    return None


def _or_no_right(actor: str | None) -> str:
    if actor is None:
        raise NoRight("只有商户管理员可以办理退余额")
    return actor
