"""Paying from a member's card: our own ledger is the wallet, so one transaction does it all.

The bonus is spent first, since it may lapse; paid money never does. A card is spent only in stores
of the merchant that issued it. Order, then card, then entries: nobody waits for another member.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.card import CardSpend, CardStatus, Member, MemberCard
from models.ledger import LedgerAccount, MovementKind
from models.merchant import Store
from models.order import AttemptStatus, OrderPurpose, OrderStatus, PayAttempt, PayOrder
from services import attempts, closing, settle
from services.attempts import NewOrder
from services.cards import codes
from services.cards.problems import BalanceLow
from services.cards.spend_problems import (
    CardClosed,
    CardDisabledStore,
    CardExpired,
    CardNone,
    CardOtherMerchant,
    CardUnclaimed,
)
from services.checkout import Purchase, Started
from services.deps import Deps
from services.ledger import Leg, Movement, lock_card, post
from services.numbers import new_out_trade_no, new_public_id
from services.problems import PayProblem
from services.purchase import check_limits
from services.scan import Scan
from services.totals import china_day

log = logging.getLogger(__name__)

CHANNEL, APP = "balance", "card"


@dataclass(frozen=True, slots=True)
class _MustClose:
    """An attempt at a wallet stands in the way."""

    attempt_id: int
    public_id: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What of an amount is paid money, and what is bonus, in fen."""

    paid_fen: int
    bonus_fen: int


def pay_by_card(
    deps: Deps,
    scan: Scan,
    person_id: int,
    purchase: Purchase,
    *,
    intent_key: str,
    expires_at: datetime | None = None,
) -> Started:
    """Pay the order of this intention from the person's card of this merchant.

    The same form again gives the same order; one that is paid or over is only shown. What a wallet
    has begun for it is closed there first: had it been paid in between, the card is left alone.
    Raises CardRefused, and PayProblem as `checkout.start_payment`.
    """
    check_limits(purchase.amount_fen, scan, deps.settings)
    _check_shop(scan)
    for _ in range(3):
        found = _once(deps, scan, person_id, purchase, intent_key, expires_at)
        if isinstance(found, Started):
            return found
        ended = closing.close_attempt(deps, scan.provider_id, found.attempt_id, actor="payer")
        if ended is AttemptStatus.PAID:
            return Started(found.public_id)
        if ended is not AttemptStatus.CLOSED:
            facts = {"public_id": found.public_id, "out_mch_id": scan.out_mch_id}
            raise PayProblem("PAY_PENDING", status=409, **facts)
    raise PayProblem("SYS_BUSY", status=503)


def charge_card_code(deps: Deps, new: NewOrder, auth_code: str, *, asked_by: str) -> bool:
    """Charge the card behind a one-time code, once; False when the order is known already.

    Raises CardRefused: no order was made, and the code may be used until its minute is over.
    """

    def unit(session: Session) -> bool:
        made = attempts.insert_in(session, new)
        if made is None:
            return False
        order = attempts.lock_order(session, new.provider_id, made.order_id)
        attempt = session.get_one(PayAttempt, (new.provider_id, made.attempt_id))
        _check_switch(session, order)
        card, code = codes.take(session, deps, new.provider_id, auth_code, order, new.created_at)
        attempt.person_id = session.get_one(Member, (card.provider_id, card.member_id)).person_id
        _spend(session, order, attempt, card, new.created_at, asked_by)
        code.used_at, code.order_id = new.created_at, order.id
        return True

    return deps.transact(unit, rerun_if_unknown=True)


def _check_shop(scan: Scan) -> None:
    """Opening hours are the page's to see to. A merchant that was switched off takes no new money;
    what its members have paid for is theirs to spend."""
    if not scan.provider_active:
        raise PayProblem("MERCHANT_DISABLED", shop=scan.shop)
    if not scan.store_active or scan.code_active is False:
        raise PayProblem("STORE_DISABLED", shop=scan.shop, out_shop_id=scan.out_shop_id)


def _once(
    deps: Deps,
    scan: Scan,
    person_id: int,
    purchase: Purchase,
    intent_key: str,
    expires_at: datetime | None,
) -> Started | _MustClose:
    def unit() -> Started | _MustClose:
        new = _new_order(deps, scan, person_id, purchase, intent_key, expires_at)
        return deps.transact(lambda s: _open_and_pay(s, new), rerun_if_unknown=True)

    try:
        return unit()
    except IntegrityError:  # the random number was taken: the next one will not be
        log.info("order number taken")
        return unit()


def _open_and_pay(session: Session, new: NewOrder) -> Started | _MustClose:
    """The whole payment; under the order's lock, whoever made it."""
    made = attempts.insert_in(session, new)
    if made is not None:
        order = attempts.lock_order(session, new.provider_id, made.order_id)
        attempt = session.get_one(PayAttempt, (new.provider_id, made.attempt_id))
    else:
        assert new.person_id is not None
        order = attempts.lock_order_by_intent(session, new.provider_id, new.intent_key)
        is_over = order.status in (OrderStatus.PAID, OrderStatus.CLOSED)
        if is_over or order.expires_at <= new.created_at:
            return Started(order.public_id)
        if order.purpose is not OrderPurpose.SALE:
            raise PayProblem("ORDER_CONFLICT", trade_num=order.out_trade_no)
        last = attempts.open_attempt(session, order)
        if last is not None and last.channel == "wechat" and last.person_id != new.person_id:
            return Started(order.public_id)  # a one-off number on a second phone: it sees the state
        if last is not None:
            _may_pay(session, order, new)
            return _MustClose(last.id, order.public_id)
        number = attempts.next_number(session, order)
        added = attempts.add_attempt(session, order, new, number, new.request)
        attempt = session.get_one(PayAttempt, (new.provider_id, added))
    card = _may_pay(session, order, new)
    _spend(session, order, attempt, card, new.created_at, f"member:{card.member_id}")
    return Started(order.public_id)


def _may_pay(session: Session, order: PayOrder, new: NewOrder) -> MemberCard:
    """The payer's card, locked, if it may pay this amount here: nothing is closed for a refusal."""
    assert new.person_id is not None
    _check_switch(session, order)
    card = lock_card(session, order.provider_id, _card_of(session, order, new.person_id))
    _check_card(card, order, new.created_at)
    split(card, new.amount_fen, china_day(new.created_at))
    return card


def _card_of(session: Session, order: PayOrder, person_id: int) -> int:
    """The newest card of this merchant that the person holds. Raises CardNone."""
    found = session.scalar(
        select(MemberCard.id)
        .join(
            Member,
            (Member.provider_id == MemberCard.provider_id) & (Member.id == MemberCard.member_id),
        )
        .where(
            Member.provider_id == order.provider_id,
            Member.merchant_id == order.merchant_id,
            Member.person_id == person_id,
        )
        .order_by(MemberCard.id.desc())
        .limit(1)
    )
    if found is None:
        raise CardNone()
    return int(found)


def _check_switch(session: Session, order: PayOrder) -> None:
    """Read in the paying transaction: what is switched off is off at once."""
    off = session.scalar(
        select(Store.disable_membership_card).where(
            Store.provider_id == order.provider_id, Store.id == order.store_id
        )
    )
    if off:
        raise CardDisabledStore()


def _check_card(card: MemberCard, order: PayOrder, now: datetime) -> None:
    """Whether this card may be spent at all. Its merchant's suspended program is no reason."""
    if card.merchant_id != order.merchant_id:
        raise CardOtherMerchant()
    check_usable(card, now)


def check_usable(card: MemberCard, now: datetime) -> None:
    """Raises CardClosed, CardUnclaimed, CardExpired."""
    if card.status is CardStatus.CLOSED:
        raise CardClosed()
    if card.status is CardStatus.IMPORTED:
        raise CardUnclaimed()
    if is_expired(card, china_day(now)):
        raise CardExpired()


def is_expired(card: MemberCard, today: date) -> bool:
    """A registered card never expires; any other is good through its last day."""
    if card.registered_at is not None or card.expires_on is None:
        return False
    return today > card.expires_on


def split(card: MemberCard, amount_fen: int, today: date) -> Parts:
    """Bonus first, then paid money. A bonus whose last day is over is not spent, whether or not it
    has been taken off yet. Raises BalanceLow with what can be spent."""
    lapsed = card.bonus_expires_on is not None and today > card.bonus_expires_on
    bonus_fen = 0 if lapsed else card.bonus_fen
    if amount_fen > card.paid_fen + bonus_fen:
        raise BalanceLow(card.paid_fen + bonus_fen)
    taken = min(bonus_fen, amount_fen)
    return Parts(paid_fen=amount_fen - taken, bonus_fen=taken)


def _spend(
    session: Session,
    order: PayOrder,
    attempt: PayAttempt,
    card: MemberCard,
    now: datetime,
    actor: str,
) -> None:
    """Take the order's amount from a locked card, and the order is paid. Order and card are locked.

    Raises CardRefused: nothing is written.
    """
    _check_card(card, order, now)
    parts = split(card, attempt.amount_fen, china_day(now))
    movement = Movement(
        MovementKind.PAY, f"pay:{order.id}", legs(parts), now, actor, order_id=order.id
    )
    is_new = post(session, card, movement)
    assert is_new, f"{order.out_trade_no} has been paid from a card"
    session.add(
        CardSpend(
            provider_id=order.provider_id,
            order_id=order.id,
            card_id=card.id,
            paid_fen=parts.paid_fen,
            bonus_fen=parts.bonus_fen,
        )
    )
    settle.pay_from_card(session, order, attempt, now, actor=actor)
    session.flush()


def legs(parts: Parts) -> tuple[Leg, ...]:
    """What a payment takes from the card's parts; no entry moves nothing."""
    found = (
        (LedgerAccount.CARD_BONUS, -parts.bonus_fen),
        (LedgerAccount.CARD_PAID, -parts.paid_fen),
        (LedgerAccount.SALES, parts.paid_fen + parts.bonus_fen),
    )
    return tuple(leg for leg in found if leg[1])


def _new_order(
    deps: Deps,
    scan: Scan,
    person_id: int,
    purchase: Purchase,
    intent_key: str,
    expires_at: datetime | None,
) -> NewOrder:
    now = deps.now()
    return NewOrder(
        provider_id=scan.provider_id,
        out_trade_no=new_out_trade_no(scan.order_prefix, now),
        public_id=new_public_id(),
        intent_key=intent_key,
        merchant_id=scan.merchant_id,
        store_id=scan.store_id,
        pay_code_id=scan.code_id,
        staff_id=scan.staff_id,
        person_id=person_id,
        channel=CHANNEL,
        amount_fen=purchase.amount_fen,
        undiscountable_fen=None,
        deposit_fen=purchase.deposit_fen,
        quantity=purchase.quantity,
        remark=purchase.remark,
        app=APP,
        payee=scan.out_sub_mch_id,
        request={"description": scan.shop[:100]},
        created_at=now,
        expires_at=expires_at or now + timedelta(seconds=deps.settings.order_expires_s),
        first_question_s=deps.settings.query_schedule[0],
    )
