"""An imported membership joins the card of whoever shows that its phone is theirs.

Both cards are then one person's: the imported one's balance is posted over, in two movements of
one transaction, and it is closed. Nothing ever goes from one person to another: a membership that
somebody has claimed is never joined.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.card import CardStatus, Member, MemberCard
from models.ledger import LedgerAccount, MovementKind
from services import audit, ledger
from services.cards import people
from services.cards.member_problems import JoinCap
from services.cards.problems import BalanceCap
from services.cards.room import lock_room
from services.deps import Deps
from services.ledger import Movement

REASON = "老会员余额并入"


def owner_of(
    session: Session, provider_id: int, merchant_id: int, phone_hash: str
) -> Member | None:
    """Whoever has this phone at this merchant, locked."""
    return session.scalar(
        select(Member)
        .where(
            Member.provider_id == provider_id,
            Member.merchant_id == merchant_id,
            Member.phone_hash == phone_hash,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def join(session: Session, deps: Deps, card: MemberCard, member: Member, imported: Member) -> None:
    """Put what the imported membership holds on `card`, and close it. The merchant's room and
    `card` are locked, both caps are the new ones. Raises JoinCap: nothing has moved."""
    for old in _cards_of(session, imported):
        _move(session, deps, old, card)
        old.status = CardStatus.CLOSED
    name = people.name_of(deps, imported)
    if name is not None and member.name_sealed is None:
        member.name_hash = imported.name_hash
        member.name_sealed = people.seal(deps, "name_sealed", member.provider_id, member.id, name)
    imported.phone_hash = imported.phone_sealed = None
    imported.name_hash = imported.name_sealed = None
    imported.erased_at = deps.now()
    session.flush()
    audit.record(
        session,
        provider_id=card.provider_id,
        actor=f"member:{member.id}",
        action="membership_joined",
        subject=f"card:{card.number}",
        at=deps.now(),
        imported_member=imported.id,
    )


def _cards_of(session: Session, imported: Member) -> list[MemberCard]:
    found = session.scalars(
        select(MemberCard)
        .where(
            MemberCard.provider_id == imported.provider_id,
            MemberCard.member_id == imported.id,
            MemberCard.status == CardStatus.IMPORTED,
        )
        .order_by(MemberCard.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found)


def _move(session: Session, deps: Deps, old: MemberCard, card: MemberCard) -> None:
    fen = old.paid_fen  # what is imported has no bonus
    assert old.bonus_fen == 0
    assert old.held_fen == 0
    if fen == 0:
        return
    if fen > ledger.room_on(card):
        raise JoinCap()
    ledger.post(session, old, _movement(deps, old, "out", -fen))
    # what the old card gave back must be room again before the new one takes it: the merchant's
    # total does not change, however full it is
    room = lock_room(session, card.provider_id, card.merchant_id)
    try:
        ledger.post(session, card, _movement(deps, old, "in", fen), room)
    except BalanceCap as problem:
        raise JoinCap() from problem


def _movement(deps: Deps, old: MemberCard, way: str, fen: int) -> Movement:
    return Movement(
        MovementKind.IMPORT,
        f"join:{old.id}:{way}",
        ((LedgerAccount.CARD_PAID, fen), (LedgerAccount.ADJUSTMENTS, -fen)),
        deps.now(),
        f"member:{old.member_id}",
        reason=REASON,
    )
