"""Cards with money on them, made straight from the models, and movements posted to them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.card import (
    CardProgram,
    CardRoom,
    CardStatus,
    Member,
    MemberCard,
    ProgramStatus,
)
from models.ledger import LedgerAccount as A
from models.ledger import MovementKind
from models.merchant import Merchant
from services import ledger
from services.deps import Deps
from services.ledger import Leg, Movement

NOON = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Issuer:
    """A merchant with a card program and its room."""

    provider_id: int
    merchant_id: int
    program_id: int
    label: str


def issuers(deps: Deps, count: int = 2, cap_fen: int = 10_000_00) -> list[Issuer]:
    """The demo's first merchants, each with a program and a cap."""

    def unit(session: Session) -> list[Issuer]:
        found = session.scalars(
            select(Merchant).order_by(Merchant.provider_id, Merchant.id).limit(count)
        ).all()
        return [_issuer(session, one, cap_fen) for one in found]

    return deps.transact(unit)


def _issuer(session: Session, merchant: Merchant, cap_fen: int) -> Issuer:
    where = {"provider_id": merchant.provider_id, "merchant_id": merchant.id}
    program = session.scalar(
        select(CardProgram).filter_by(**where).where(CardProgram.status != ProgramStatus.DELETED)
    )
    if program is None:
        program = CardProgram(
            **where, status=ProgramStatus.APPROVED, title="会员卡", created_at=NOON
        )
        session.add(program)
    room = session.get(CardRoom, (merchant.provider_id, merchant.id))
    if room is None:
        session.add(CardRoom(**where, cap_fen=cap_fen, balance_fen=0, held_fen=0))
    session.flush()
    return Issuer(merchant.provider_id, merchant.id, program.id, merchant.out_sub_mch_id)


def card(deps: Deps, issuer: Issuer, cap_fen: int = 5_000_00) -> int:
    """A member with a card; its id."""

    def unit(session: Session) -> int:
        number = f"led{next(_NUMBERS):08d}"
        where = {"provider_id": issuer.provider_id, "merchant_id": issuer.merchant_id}
        member = Member(**where, phone_hash=number, created_at=NOON)
        session.add(member)
        session.flush()
        made = MemberCard(
            **where,
            program_id=issuer.program_id,
            member_id=member.id,
            public_id=number,
            number=number,
            status=CardStatus.ACTIVE,
            cap_fen=cap_fen,
            created_at=NOON,
            moved_at=NOON,
        )
        session.add(made)
        session.flush()
        return made.id

    return deps.transact(unit)


def move(
    deps: Deps,
    issuer: Issuer,
    card_id: int,
    kind: MovementKind,
    key: str,
    *legs: Leg,
    hold_fen: int = 0,
) -> bool:
    """Post it as the product does: the room is held where more is owed."""

    def unit(session: Session) -> bool:
        said: dict[str, Any] = {"at": deps.now(), "actor": "test", "hold_fen": hold_fen}
        movement = Movement(kind, key, legs, **said)
        if movement.card_fen > 0 or hold_fen:
            room, locked = ledger.lock_with_room(
                session, issuer.provider_id, issuer.merchant_id, card_id
            )
            return ledger.post(session, locked, movement, room)
        return ledger.post(
            session, ledger.lock_card(session, issuer.provider_id, card_id), movement
        )

    return deps.transact(unit)


def top_up(
    deps: Deps, issuer: Issuer, card_id: int, fen: int, bonus: int = 0, key: str = ""
) -> bool:
    legs: list[Leg] = [(A.CARD_PAID, fen), (A.FUNDS, -fen)]
    legs += [(A.CARD_BONUS, bonus), (A.BONUS, -bonus)] if bonus else []
    key = key or f"recharge:{next(_NUMBERS)}"
    return move(deps, issuer, card_id, MovementKind.RECHARGE, key, *legs)


def spend(
    deps: Deps, issuer: Issuer, card_id: int, fen: int, bonus: int = 0, key: str = ""
) -> bool:
    legs: list[Leg] = [(A.CARD_BONUS, -bonus)] if bonus else []
    legs += [(A.CARD_PAID, -fen)] if fen else []
    key = key or f"pay:{next(_NUMBERS)}"
    legs.append((A.SALES, fen + bonus))
    return move(deps, issuer, card_id, MovementKind.PAY, key, *legs)
