"""A member of the demo merchant with a card, made by rows and the ledger alone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import date, datetime
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
from models.ledger import LedgerAccount, MovementKind
from models.merchant import Merchant, Store
from models.person import Person
from services.cards.spending import pay_by_card
from services.checkout import Purchase, Started
from services.codepay.charging import Charge, charge
from services.codepay.state import Charged
from services.deps import Deps
from services.ledger import Movement, lock_with_room, post
from services.refunds.asking import Ask, ask_for
from services.scan import Scan, scan_store
from tests.harness.product import Product

CAP = 1_000_000
_NTH = itertools.count(1)


@dataclass(frozen=True)
class Held:
    """A card, who holds it, and the store where it is used."""

    provider_id: int
    merchant_id: int
    card_id: int
    person_id: int
    scan: Scan


def shop(deps: Deps, merchant: str = "", nth: int = 0) -> Scan:
    """A store of a demo merchant (the first by default), without a code."""

    def unit(session: Session) -> Scan:
        wanted = select(Store).join(
            Merchant,
            (Merchant.provider_id == Store.provider_id) & (Merchant.id == Store.merchant_id),
        )
        if merchant:
            wanted = wanted.where(Merchant.out_sub_mch_id == merchant)
        store = session.scalars(wanted.order_by(Store.provider_id, Store.id)).all()[nth]
        return scan_store(session, store.provider_id, store.id, None)

    return deps.transact(unit)


def merchants(deps: Deps) -> list[str]:
    """Of the first provider: the one whose card it is, then the others."""

    def unit(session: Session) -> list[str]:
        mine = shop(deps)
        wanted = select(Merchant.out_sub_mch_id).where(Merchant.provider_id == mine.provider_id)
        first = mine.out_sub_mch_id
        return [first, *(m for m in session.scalars(wanted.order_by(Merchant.id)) if m != first)]

    return deps.transact(unit)


def give_card(
    deps: Deps,
    paid_fen: int = 0,
    bonus_fen: int = 0,
    *,
    scan: Scan | None = None,
    cap_fen: int = CAP,
    total_cap_fen: int = CAP * 100,
    status: CardStatus = CardStatus.ACTIVE,
    registered: bool = True,
    expires_on: date | None = None,
    bonus_expires_on: date | None = None,
    person_id: int | None = None,
) -> Held:
    """A member with a card that holds so much; program and room are made where there are none."""
    scan = scan or shop(deps)
    n = next(_NTH)

    def unit(session: Session) -> Held:
        now = deps.now()
        program = _program(session, scan, now, total_cap_fen)
        holder = person_id or _person(session, scan.provider_id, n, now)
        member = Member(
            provider_id=scan.provider_id,
            merchant_id=scan.merchant_id,
            person_id=holder,
            created_at=now,
        )
        session.add(member)
        session.flush()
        card = MemberCard(
            provider_id=scan.provider_id,
            merchant_id=scan.merchant_id,
            program_id=program.id,
            member_id=member.id,
            public_id=f"card{scan.provider_id}x{n}",
            number=f"{n:08d}",
            status=status,
            cap_fen=cap_fen,
            created_at=now,
            claimed_at=now,
            registered_at=now if registered else None,
            expires_on=expires_on,
            bonus_expires_on=bonus_expires_on,
            moved_at=now,
        )
        session.add(card)
        session.flush()
        _fill(session, card, paid_fen, bonus_fen, now)
        return Held(scan.provider_id, scan.merchant_id, card.id, holder, scan)

    return deps.transact(unit)


def _program(session: Session, scan: Scan, now: datetime, total_cap_fen: int) -> CardProgram:
    found = session.scalar(
        select(CardProgram).where(
            CardProgram.provider_id == scan.provider_id,
            CardProgram.merchant_id == scan.merchant_id,
            CardProgram.status != ProgramStatus.DELETED,
        )
    )
    if found is None:
        found = CardProgram(
            provider_id=scan.provider_id,
            merchant_id=scan.merchant_id,
            status=ProgramStatus.APPROVED,
            title="青禾会员",
            created_at=now,
        )
        session.add(found)
    room = session.get(CardRoom, (scan.provider_id, scan.merchant_id))
    if room is None:
        room = CardRoom(provider_id=scan.provider_id, merchant_id=scan.merchant_id, cap_fen=0)
        session.add(room)
    room.cap_fen = total_cap_fen
    session.flush()
    return found


def _person(session: Session, provider_id: int, n: int, now: datetime) -> int:
    made = Person(
        provider_id=provider_id,
        channel="wechat",
        app="wx8888888888888888",
        subject_hash=f"spend-{n}",
        created_at=now,
    )
    session.add(made)
    session.flush()
    return made.id


def _fill(session: Session, card: MemberCard, paid_fen: int, bonus_fen: int, now: datetime) -> None:
    room, locked = lock_with_room(session, card.provider_id, card.merchant_id, card.id)
    legs = (
        (LedgerAccount.CARD_PAID, paid_fen),
        (LedgerAccount.CARD_BONUS, bonus_fen),
        (LedgerAccount.FUNDS, -paid_fen),
        (LedgerAccount.BONUS, -bonus_fen),
    )
    kept = tuple(leg for leg in legs if leg[1])
    if kept:
        made = Movement(MovementKind.RECHARGE, f"recharge:test{card.id}", kept, now, "test:a")
        assert post(session, locked, made, room)


def pay(deps: Deps, held: Held, fen: int, intent: str = "", **more: Any) -> Started:
    """The pay page's form, sent."""
    scan = more.pop("scan", held.scan)
    return pay_by_card(
        deps,
        scan,
        more.pop("person_id", held.person_id),
        Purchase(fen, **more),
        intent_key=intent or f"form:{next(_NTH)}",
    )


def till(deps: Deps, held: Held, fen: int, code: str, **more: Any) -> Charged:
    """The till scans the code."""
    made = Charge(
        provider_id=held.provider_id,
        merchant_id=held.merchant_id,
        store_id=held.scan.store_id,
        amount_fen=fen,
        auth_code=code,
        asked_by="test:till",
    )
    return charge(deps, replace(made, **more))


def order(product: Product, started: Started) -> Any:
    return product.one("SELECT * FROM pay_order WHERE public_id = :i", i=started.public_id)


def refund(product: Product, row: Any, fen: int, **more: Any) -> Any:
    """Asked for; its row."""
    made = ask_for(
        product.deps,
        Ask(row.provider_id, row.out_trade_no, fen, "缺一份小菜", "test:a", "test:b", **more),
    )
    return product.one("SELECT * FROM refund WHERE id = :i", i=made)


def parts(product: Product, held: Held) -> tuple[int, int]:
    """(paid, bonus) fen of the card."""
    row = product.one(
        "SELECT paid_fen, bonus_fen FROM member_card WHERE provider_id = :p AND id = :c",
        p=held.provider_id,
        c=held.card_id,
    )
    return int(row.paid_fen), int(row.bonus_fen)


def count(product: Product, table: str) -> int:
    return int(product.one(f"SELECT count(*) AS n FROM {table}").n)


def assert_cards_agree(product: Product) -> None:
    product.assert_cards_agree()
