"""A merchant's card, its members, and recharges paid in the wallet's own sheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from models.card import (
    CardProgram,
    CardRoom,
    CardStatus,
    CardTerms,
    CardTier,
    Member,
    MemberCard,
    ProgramStatus,
    RechargeMode,
)
from models.person import Person
from services.cards import recharging
from services.checkout import Started
from services.numbers import new_public_id
from services.payers import Payer, find_payer
from services.scan import Scan, scan_code
from tests.harness.phone import MAIN, Phone
from tests.harness.product import Product
from tests.integration.looking import orders, until

MakePhone = Callable[..., Phone]
CODE = "8K3FQ2"
TIERS = ((10_000, 1_000), (20_000, 3_000))


@dataclass
class Shop:
    """One merchant with a card, and one member's phone."""

    product: Product
    phone: Phone
    scan: Scan
    payer: Payer
    card_id: int
    _forms: int = 0

    def start(self, pay_fen: int = 10_000, intent: str = "", **more: Any) -> Started:
        """Press the key of the recharge page; each call is a new intention unless one is named."""
        self._forms += 1
        wanted: dict[str, Any] = {
            "terms_version": 1,
            "intent_key": intent or f"r{self.card_id}:{self._forms}",
            **more,
        }
        payer = wanted.pop("payer", self.payer)
        card_id = wanted.pop("card_id", self.card_id)
        return recharging.start_recharge(
            self.product.deps, self.scan, payer, card_id, pay_fen, **wanted
        )

    def confirm(self, made: Started) -> None:
        assert made.bridge is not None
        self.phone.confirm({"bridge": dict(made.bridge)})

    def pay(self, pay_fen: int = 10_000) -> Any:
        """Recharge and wait for the notification; the order's row."""
        self.confirm(self.start(pay_fen))
        number = orders(self.product)[-1].out_trade_no
        self.product.wait_paid(number)
        return orders(self.product)[-1]

    @property
    def card(self) -> Any:
        return self.product.one("SELECT * FROM member_card WHERE id = :i", i=self.card_id)

    @property
    def money(self) -> tuple[int, int, int]:
        """(paid, bonus, held) fen of the card."""
        card = self.card
        return card.paid_fen, card.bonus_fen, card.held_fen

    @property
    def room(self) -> tuple[int, int]:
        """(owed, reserved) fen of the merchant, releases taken off."""
        row = self.product.one(
            "SELECT balance_fen - COALESCE((SELECT sum(freed_fen) FROM card_release r WHERE"
            " r.merchant_id = c.merchant_id), 0) AS owed, held_fen FROM card_room c"
            " WHERE merchant_id = :m",
            m=self.scan.merchant_id,
        )
        return int(row.owed), row.held_fen

    @property
    def recharges(self) -> list[tuple[str, int, int]]:
        """(status, paid, bonus) of each recharge of the card, oldest first."""
        rows = self.product.sql(
            "SELECT * FROM recharge WHERE card_id = :c ORDER BY id", c=self.card_id
        )
        return [(row.status, row.paid_fen, row.bonus_fen) for row in rows]

    def movements(self) -> list[tuple[str, dict[str, int]]]:
        """(kind, legs) of each movement of the card, oldest first."""
        found: dict[str, tuple[str, dict[str, int]]] = {}
        for row in self.product.sql(
            "SELECT * FROM ledger_entry WHERE card_id = :c ORDER BY id", c=self.card_id
        ):
            found.setdefault(row.key, (row.kind, {}))[1][row.account] = row.delta_fen
        return list(found.values())

    def account(self, name: str) -> int:
        """What one account of the card's entries sums to, in fen."""
        row = self.product.one(
            "SELECT COALESCE(sum(delta_fen), 0) AS fen FROM ledger_entry WHERE card_id = :c"
            " AND account = :a",
            c=self.card_id,
            a=name,
        )
        return int(row.fen)

    def expire(self) -> None:
        """Let every open order's time run out, and meet the due times."""
        self.product.simulator.advance(self.product.deps.settings.order_expires_s + 1)
        self.product.sweep(2)


def open_shop(
    product: Product,
    phone: MakePhone,
    *,
    person: str = "lin",
    total_cap_fen: int = 10_000_000,
    card_cap_fen: int = 500_000,
    mode: RechargeMode = RechargeMode.FIXED,
    **program: Any,
) -> Shop:
    """The demo's first merchant gets a card, and this person one of it."""
    buyer = phone("wechat", person)
    buyer.scan(CODE)
    scan = scan_code(product.deps, MAIN, CODE)
    payer = payer_of(product, buyer, scan)
    make_program(product, scan, total_cap_fen, mode=mode, **program)
    return Shop(product, buyer, scan, payer, make_card(product, scan, payer, card_cap_fen))


def payer_of(product: Product, buyer: Phone, scan: Scan, channel: str = "wechat") -> Payer:
    """Who holds this phone, as the cookie of its visit says."""
    for cookie in buyer.http.cookies:
        found = find_payer(
            product.deps, session_id=cookie.value, provider_id=scan.provider_id, channel=channel
        )
        if found is not None:
            return found
    raise AssertionError("this phone has not been here")


def make_program(product: Product, scan: Scan, total_cap_fen: int, **more: Any) -> None:
    now = product.deps.now()

    def unit(session: Session) -> None:
        whose = {"provider_id": scan.provider_id, "merchant_id": scan.merchant_id}
        facts = {"status": ProgramStatus.APPROVED, "title": "青禾茶卡", "created_at": now, **more}
        program = CardProgram(**whose, **facts)
        session.add(program)
        session.execute(insert(CardRoom).values(**whose, cap_fen=total_cap_fen))
        session.add(
            CardTerms(
                **whose,
                version=1,
                issuer_name="青禾茶事有限公司",
                contact="0571-00000000",
                refund_rule="七日内可退",
                created_by="test",
                created_at=now,
            )
        )
        session.flush()
        for pay_fen, bonus_fen in TIERS:
            session.add(
                CardTier(
                    provider_id=scan.provider_id,
                    program_id=program.id,
                    pay_fen=pay_fen,
                    bonus_fen=bonus_fen,
                )
            )

    product.deps.transact(unit)


def make_card(product: Product, scan: Scan, payer: Payer | None, cap_fen: int = 500_000) -> int:
    """A member's card of the merchant's program."""
    now: datetime = product.deps.now()

    def unit(session: Session) -> int:
        whose = {"provider_id": scan.provider_id, "merchant_id": scan.merchant_id}
        program = product.one(
            "SELECT id FROM card_program WHERE merchant_id = :m", m=scan.merchant_id
        )
        member = Member(**whose, person_id=payer.person_id if payer else None, created_at=now)
        session.add(member)
        session.flush()
        card = MemberCard(
            **whose, program_id=program.id, member_id=member.id, public_id=new_public_id(),
            number=new_public_id()[:16], status=CardStatus.ACTIVE, cap_fen=cap_fen,
            created_at=now, claimed_at=now, moved_at=now,
        )  # fmt: skip
        session.add(card)
        session.flush()
        return card.id

    return product.deps.transact(unit)


def crowd(product: Product, scan: Scan, many: int, cap_fen: int = 500_000) -> list[list[int]]:
    """(person, card) of many members whose wallet is nobody's: enough to reserve and to order."""
    made: list[list[int]] = []
    for n in range(many):
        person = product.deps.transact(
            lambda s, n=n: s.scalar(  # type: ignore[misc]
                insert(Person)
                .values(
                    provider_id=scan.provider_id,
                    channel="wechat",
                    app="wx",
                    subject_hash=f"crowd{n}",
                    created_at=product.deps.now(),
                )
                .returning(Person.id)
            )
        )
        payer = Payer(person, "wechat", "")
        made.append([person, make_card(product, scan, payer, cap_fen)])
    return made


def settled(shop: Shop, status: str) -> None:
    """Until the card's newest recharge is so."""
    until(lambda: shop.recharges[-1][0] == status, what=f"{shop.recharges}, not {status}")
