"""The caps of stored value. They are settings of the platform: no screen raises one.

A merchant's total cap is made with its card and changed by the deployer's command alone, which
refuses one below what is owed. A card's own cap comes from whether a confirmed phone stands
behind it.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from config.settings import Settings
from errors import Conflict, NotFound
from gateways.money import yuan_from_fen
from models.card import CardRoom
from models.merchant import Merchant
from services import audit
from services.cards import room as rooms
from services.cards.room import Room
from services.deps import Deps


def card_cap(settings: Settings, *, registered: bool) -> int:
    """What one card may hold, in fen. `registered`: a confirmed phone stands behind it."""
    if registered:
        return settings.card_balance_cap_registered_fen
    return settings.card_balance_cap_unregistered_fen


def open_room(session: Session, settings: Settings, provider_id: int, merchant_id: int) -> CardRoom:
    """The merchant's room, locked; made with the default cap when it has none yet."""
    session.execute(
        insert(CardRoom)
        .values(
            provider_id=provider_id,
            merchant_id=merchant_id,
            cap_fen=settings.card_total_cap_fen,
            balance_fen=0,
            held_fen=0,
        )
        .on_conflict_do_nothing(index_elements=["provider_id", "merchant_id"])
    )
    return rooms.lock_room(session, provider_id, merchant_id)


def set_cap(deps: Deps, provider_id: int, merchant_id: int, cap_fen: int, *, actor: str) -> Room:
    """Set a merchant's total cap; the room afterwards.

    Raises Conflict for a cap below what is owed and reserved, NotFound where there is no card.
    """

    def unit(session: Session) -> Room:
        if rooms.read_room(session, provider_id, merchant_id) is None:
            raise NotFound("this merchant has no card")
        room = rooms.lock_room(session, provider_id, merchant_id)
        taken = room.balance_fen + room.held_fen
        if cap_fen < taken:
            raise Conflict(
                f"{yuan_from_fen(taken)} is owed or reserved: a cap cannot be below that",
                taken_fen=taken,
            )
        before, room.cap_fen = room.cap_fen, cap_fen
        audit.record(
            session,
            provider_id=provider_id,
            actor=actor,
            action="card_cap_set",
            subject=f"merchant:{merchant_id}",
            at=deps.now(),
            before_fen=before,
            after_fen=cap_fen,
        )
        return Room(cap_fen, room.balance_fen, room.held_fen)

    return deps.transact(unit)


def find_merchant(deps: Deps, out_sub_mch_id: str) -> tuple[int, int]:
    """(provider id, merchant id) by the number that people use. Raises NotFound."""
    wanted = (
        select(Merchant.provider_id, Merchant.id)
        .where(Merchant.out_sub_mch_id == out_sub_mch_id)
        .order_by(Merchant.id)
        .limit(1)
    )
    row = deps.transact(lambda s: s.execute(wanted).first())
    if row is None:
        raise NotFound(f"no merchant has the id {out_sub_mch_id}")
    return row.provider_id, row.id
