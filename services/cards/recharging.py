"""Recharging a card over a wallet: what is offered, and the order that begins it.

Everything that speaks against a recharge is said before payment. The order takes the ordinary road
of `checkout`; the room for amount and bonus is reserved in the transaction that writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from errors import NotFound
from models.card import (
    CardProgram,
    CardStatus,
    CardTerms,
    Member,
    MemberCard,
    ProgramStatus,
    RechargeMode,
)
from models.merchant import Merchant, Store
from models.order import OrderPurpose, OrderStatus, PayOrder
from services import attempts, checkout, ledger
from services.cards import limits, lost_recharges, reservations
from services.cards.member_problems import WechatOnly
from services.cards.programs import live_program, tiers
from services.cards.reservations import Wanted
from services.cards.room import read_room
from services.cards.spend_problems import CardDisabledStore
from services.cards.terms import current_terms
from services.checkout import Purchase, Started
from services.deps import Deps
from services.payers import Payer
from services.problems import PayProblem
from services.scan import Scan


@dataclass(frozen=True, slots=True)
class OfferedTier:
    """A fixed sum with its bonus, in fen, and whether both fit now."""

    pay_fen: int
    bonus_fen: int
    fits: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """What a member may recharge now. `room_fen` is the nearer of the card's cap and the
    merchant's, which itself is never shown; it counts amount and bonus. `refusal` is the code of
    what speaks against any recharge, None where nothing does."""

    balance_fen: int
    paid_fen: int
    bonus_fen: int
    cap_fen: int
    held_fen: int
    room_fen: int
    mode: RechargeMode
    tiers: tuple[OfferedTier, ...]
    terms: CardTerms | None
    refusal: str | None

    @property
    def most_fen(self) -> int:
        """The largest sum of any size that could be recharged now."""
        return self.room_fen


def offer(session: Session, deps: Deps, card: MemberCard) -> Offer:
    """What the recharge page shows of this card. Nothing is locked: starting decides."""
    program = session.get_one(CardProgram, (card.provider_id, card.program_id))
    room = read_room(session, card.provider_id, card.merchant_id)
    left = min(ledger.room_on(card), room.left_fen if room else 0)
    left = max(0, min(left, deps.settings.card_purchase_limit_fen - 1))
    terms = current_terms(session, card.provider_id, card.merchant_id)
    return Offer(
        balance_fen=card.paid_fen + card.bonus_fen,
        paid_fen=card.paid_fen,
        bonus_fen=card.bonus_fen,
        cap_fen=card.cap_fen,
        held_fen=card.held_fen,
        room_fen=left,
        mode=program.mode,
        tiers=tuple(
            OfferedTier(t.pay_fen, t.bonus_fen, t.pay_fen + t.bonus_fen <= left)
            for t in tiers(session, program)
        ),
        terms=terms,
        refusal=_refusal(session, program, card, terms),
    )


def _refusal(
    session: Session, program: CardProgram, card: MemberCard, terms: CardTerms | None
) -> str | None:
    merchant = session.get_one(Merchant, (card.provider_id, card.merchant_id))
    if not merchant.is_active:
        return "CARD_SUSPENDED"
    if program.status is not ProgramStatus.APPROVED or card.status is not CardStatus.ACTIVE:
        return "CARD_SUSPENDED"
    return "CARD_TERMS_CHANGED" if terms is None else None


def start_recharge(
    deps: Deps,
    scan: Scan,
    payer: Payer,
    card_id: int,
    pay_fen: int,
    *,
    terms_version: int,
    intent_key: str,
) -> Started:
    """Open (or find) the order of this recharge and get what the payer's page needs.

    The same intention again gives the same order; another sum closes the last attempt at the wallet
    first and reserves anew. `terms_version` is the version that the member agreed to. Raises
    PayProblem, BalanceCap, TotalCap (with the room left) before any wallet is asked, and whatever
    `checkout.start_payment` raises.
    """
    if payer.channel != "wechat":
        raise WechatOnly()
    wanted = deps.transact(
        lambda s: (
            _ended(s, scan, card_id, intent_key)
            or _wanted(s, deps, scan, payer, card_id, pay_fen, terms_version)
        )
    )
    if isinstance(wanted, Started):
        return wanted
    now = deps.now()
    return checkout.start_payment(
        deps,
        scan,
        payer,
        Purchase(wanted.pay_fen),
        intent_key=intent_key,
        expires_at=now + timedelta(seconds=deps.settings.order_expires_s),
        beside=_Reserving(deps, scan.provider_id, wanted, now),
    )


@dataclass(frozen=True, slots=True)
class _Reserving:
    """The room that stands beside an attempt (`checkout.Beside`)."""

    deps: Deps
    provider_id: int
    wanted: Wanted
    now: datetime
    purpose: OrderPurpose = OrderPurpose.RECHARGE
    mark: str = lost_recharges.MARK

    @property
    def facts(self) -> Mapping[str, Any]:
        return {"card_id": self.wanted.card_id, "bonus_fen": self.wanted.bonus_fen}

    def write(self, session: Session, order_id: int) -> None:
        order = attempts.lock_order(session, self.provider_id, order_id)
        reservations.reserve(session, self.deps.settings, order, self.wanted, self.now)

    def check(self, session: Session, order: PayOrder) -> None:
        _check_card(session, order, self.wanted.card_id)


def _check_card(session: Session, order: PayOrder, card_id: int) -> None:
    found = reservations.find(session, order)
    if found is None or found.card_id != card_id:
        raise PayProblem("ORDER_CONFLICT", trade_num=order.out_trade_no)


def _ended(session: Session, scan: Scan, card_id: int, intent_key: str) -> Started | None:
    """An intention that has come to its end shows it, whatever has changed since."""
    order = session.scalar(
        select(PayOrder).where(
            PayOrder.provider_id == scan.provider_id, PayOrder.intent_key == intent_key
        )
    )
    if order is None or order.status not in (OrderStatus.PAID, OrderStatus.CLOSED):
        return None
    _check_card(session, order, card_id)
    return Started(order.public_id)


def _check_open(scan: Scan) -> None:
    """Opening hours are not asked for: a card is recharged from anywhere."""
    if not scan.provider_active or not scan.merchant_active:
        raise PayProblem("MERCHANT_DISABLED", shop=scan.shop)
    if not scan.store_active:
        raise PayProblem("STORE_DISABLED", shop=scan.shop, out_shop_id=scan.out_shop_id)


def _wanted(
    session: Session,
    deps: Deps,
    scan: Scan,
    payer: Payer,
    card_id: int,
    pay_fen: int,
    terms_version: int,
) -> Wanted:
    """What is asked for, if nothing but the caps can speak against it."""
    _check_open(scan)
    card = _own_card(session, scan, payer, card_id)
    if session.get_one(Store, (scan.provider_id, scan.store_id)).disable_membership_card:
        raise CardDisabledStore(scan.shop)
    program = live_program(session, scan.provider_id, scan.merchant_id)
    if program is None or program.id != card.program_id:
        raise PayProblem("CARD_SUSPENDED")
    terms = current_terms(session, scan.provider_id, scan.merchant_id)
    if refusal := _refusal(session, program, card, terms):
        raise PayProblem(refusal)
    if terms is None or terms.version != terms_version:
        raise PayProblem("CARD_TERMS_CHANGED")
    if pay_fen < 1:
        raise PayProblem("AMOUNT_TOO_SMALL", status=400, min_fen=1)
    limits.check_purchase(deps.settings, pay_fen)
    bonus = _bonus(session, program, pay_fen)
    return Wanted(card.id, pay_fen, bonus, terms_version)


def _own_card(session: Session, scan: Scan, payer: Payer, card_id: int) -> MemberCard:
    """The payer's own card of this very merchant. Raises NotFound for any other."""
    card = session.get(MemberCard, (scan.provider_id, card_id))
    if card is None or card.merchant_id != scan.merchant_id:
        raise NotFound("no such card")
    member = session.get_one(Member, (card.provider_id, card.member_id))
    if member.person_id != payer.person_id:
        raise NotFound("no such card")
    return card


def _bonus(session: Session, program: CardProgram, pay_fen: int) -> int:
    """What is given on top: of the tier, or nothing where any sum may be recharged."""
    if program.mode is RechargeMode.ANY:
        return 0
    for tier in tiers(session, program):
        if tier.pay_fen == pay_fen:
            return tier.bonus_fen
    raise PayProblem("CARD_TIER", status=400)
