"""Giving the unused paid balance of a card back: asked for, allowed or refused, paid by hand.

Money goes back over the recharges it came with, by ordinary refunds (`payout_begin.py`); what no
wallet gives back any more is handed over by a person, who says how.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from errors import BadInput
from models.card import CardRoom, CardStatus, MemberCard
from models.payout import (
    CardPayout,
    CardPayoutPart,
    PartStatus,
    PartWay,
    PayoutGround,
    PayoutStatus,
)
from services import ledger
from services.bills.days import china_date, ends
from services.cards import payout_parts
from services.cards.adjusting import REASON_MOST
from services.cards.member_problems import CardUnknown
from services.cards.payout_begin import CLAIM, Wish, begin, named, quote
from services.cards.payout_parts import find, lock_payout, note, parts_of
from services.cards.payout_problems import (
    PayoutNoCooling,
    PayoutNothing,
    PayoutOpen,
    PayoutReference,
    PayoutState,
    PayoutUnknown,
)
from services.deps import Deps


def ask(deps: Deps, provider_id: int, card_id: int, wish: Wish, *, actor: str) -> int:
    """Ask for a card's money; the payout's id. The same again, while it is open, is the same one.

    Within the cooling days nobody has to allow it: it begins at once. Raises PayoutNothing,
    PayoutNoCooling, PayoutOpen (another wish is under way), CardUnknown. The caller has made sure
    that `actor` is the member, or the merchant whose card it is.
    """
    if len(wish.reason) > REASON_MOST or not wish.reason.isprintable():
        raise BadInput(f"a reason has at most {REASON_MOST} characters")
    made = deps.transact(
        lambda s: _ask(s, deps, provider_id, card_id, wish, actor), rerun_if_unknown=True
    )
    begin(deps, provider_id, made)
    return made


def _ask(
    session: Session, deps: Deps, provider_id: int, card_id: int, wish: Wish, actor: str
) -> int:
    _, card = _locked_card(session, provider_id, card_id)
    now = deps.now()
    recharge_id = named(session, card, wish)
    found = payout_parts.open_payout(session, card)
    if found is not None:
        same = (found.ground, found.recharge_id, found.closes_card)
        if same != (wish.ground, recharge_id, wish.closes_card):
            raise PayoutOpen()
        return found.id
    parts = quote(session, deps, card, wish)
    if not parts:
        raise PayoutNoCooling() if wish.ground is PayoutGround.COOLING else PayoutNothing()
    needs_nobody = wish.ground is PayoutGround.COOLING
    due_on = payout_parts.working_days_after(china_date(now), deps.settings.card_payout_days)
    payout = CardPayout(
        provider_id=provider_id,
        merchant_id=card.merchant_id,
        card_id=card.id,
        status=PayoutStatus.ALLOWED if needs_nobody else PayoutStatus.ASKED,
        ground=wish.ground,
        recharge_id=recharge_id,
        closes_card=wish.closes_card,
        asked_fen=card.paid_fen,
        reason=wish.reason.strip(),
        asked_by=actor,
        asked_at=now,
        due_on=due_on,
        decided_by="law" if needs_nobody else None,
        decided_at=now if needs_nobody else None,
        due_at=now + CLAIM if needs_nobody else ends(due_on),
    )
    session.add(payout)
    session.flush()
    note(
        session, card, payout, actor, "payout_asked", now, ground=wish.ground.value,
        paid_fen=card.paid_fen, due_on=due_on.isoformat(), closes_card=wish.closes_card,
    )  # fmt: skip
    return payout.id


def allow(deps: Deps, provider_id: int, payout_id: int, *, actor: str) -> PayoutStatus:
    """The merchant agrees: the money leaves the card and goes back. The state afterwards.

    Allowed already, nothing happens. Raises PayoutUnknown; PayoutState for one that is over. The
    caller has made sure that `actor` may.
    """

    def unit(session: Session, payout: CardPayout, card: MemberCard, now: datetime) -> None:
        if payout.status in (PayoutStatus.ALLOWED, PayoutStatus.RETURNING, PayoutStatus.DONE):
            return
        _move(payout, PayoutStatus.ALLOWED)
        payout.decided_by, payout.decided_at, payout.due_at = actor, now, now + CLAIM
        note(session, card, payout, actor, "payout_allowed", now)

    change(deps, provider_id, payout_id, unit)
    return begin(deps, provider_id, payout_id)


def refuse(deps: Deps, provider_id: int, payout_id: int, *, actor: str, reason: str) -> None:
    """The merchant does not agree, and says why: the member reads it. Raises PayoutState where
    nobody may refuse, or it is too late to."""
    words = _words(reason)

    def unit(session: Session, payout: CardPayout, card: MemberCard, now: datetime) -> None:
        if payout.status is PayoutStatus.REFUSED and payout.refusal == words:
            return
        if payout.status is not PayoutStatus.ASKED:
            raise PayoutState()
        payout.refusal, payout.decided_by, payout.decided_at = words, actor, now
        payout_parts.end(session, payout, card, PayoutStatus.REFUSED, now)
        note(session, card, payout, actor, "payout_refused", now, reason=words)

    change(deps, provider_id, payout_id, unit)


def cancel(
    deps: Deps, provider_id: int, payout_id: int, *, actor: str, only_asked: bool = False
) -> PayoutStatus:
    """Take it back. What is on its way over a wallet goes on; what was to go by hand is on the card
    again. Raises PayoutState for one that is over, or has nothing left to take back; with
    `only_asked` for one that was decided, too: its money may be in somebody's hand already."""

    def unit(session: Session, payout: CardPayout, card: MemberCard, now: datetime) -> None:
        if only_asked and payout.status not in (PayoutStatus.ASKED, PayoutStatus.CANCELLED):
            raise PayoutState()
        if payout.status in (PayoutStatus.ASKED, PayoutStatus.ALLOWED):
            payout_parts.end(session, payout, card, PayoutStatus.CANCELLED, now)
        elif payout.status is PayoutStatus.RETURNING:
            room, locked = ledger.lock_with_room(
                session, provider_id, payout.merchant_id, payout.card_id
            )
            by_hand = [
                part
                for part in parts_of(session, payout)
                if part.way is PartWay.HAND and part.status is PartStatus.OPEN
            ]
            if not by_hand:
                raise PayoutState()
            for part in by_hand:
                payout_parts.keep(session, room, locked, part, now)
            payout_parts.finish(session, payout, locked, now)
        elif payout.status is not PayoutStatus.CANCELLED:
            raise PayoutState()
        else:
            return
        note(session, card, payout, actor, "payout_cancelled", now)

    return change(deps, provider_id, payout_id, unit)


def pay_by_hand(
    deps: Deps, provider_id: int, part_id: int, *, how: str, reference: str, actor: str
) -> PayoutStatus:
    """Write down that a part was handed over: how, and what shows it. The payout's state then.

    The same again changes nothing. Raises PayoutReference where a word is missing or another one
    was written down before, PayoutState for a part that is not to go by hand, PayoutUnknown.
    """
    how, reference = how.strip(), reference.strip()
    if not 1 <= len(how) <= 32 or not 1 <= len(reference) <= 64:
        raise PayoutReference()
    found = deps.transact(lambda s: s.get(CardPayoutPart, (provider_id, part_id)))
    if found is None:
        raise PayoutUnknown()

    def unit(session: Session, payout: CardPayout, card: MemberCard, now: datetime) -> None:
        room, locked = ledger.lock_with_room(session, provider_id, card.merchant_id, card.id)
        part = session.get_one(CardPayoutPart, (provider_id, part_id), populate_existing=True)
        if part.way is not PartWay.HAND or part.status is PartStatus.KEPT:
            raise PayoutState()
        if part.status is PartStatus.RETURNED:
            if (part.how, part.reference) != (how, reference):
                raise PayoutReference("这部分已记录过，方式或凭证号不同")
            return
        part.how, part.reference, part.paid_by = how, reference, actor
        payout_parts.paid_by_hand(session, room, locked, part, now)
        note(
            session, card, payout, actor, "payout_paid_by_hand", now,
            part=part_id, amount_fen=part.amount_fen, how=how, reference=reference,
        )  # fmt: skip
        payout_parts.finish(session, payout, locked, now)

    return change(deps, provider_id, found.payout_id, unit)


def change(
    deps: Deps,
    provider_id: int,
    payout_id: int,
    unit: Callable[[Session, CardPayout, MemberCard, datetime], None],
) -> PayoutStatus:
    """Change a payout under its card's lock; its state afterwards."""

    def whole(session: Session) -> PayoutStatus:
        found = find(session, provider_id, payout_id)
        _, card = ledger.lock_with_room(session, provider_id, found.merchant_id, found.card_id)
        payout = lock_payout(session, provider_id, payout_id)
        unit(session, payout, card, deps.now())
        session.flush()
        return payout.status

    return deps.transact(whole, rerun_if_unknown=True)


def _locked_card(session: Session, provider_id: int, card_id: int) -> tuple[CardRoom, MemberCard]:
    found = session.get(MemberCard, (provider_id, card_id))
    if found is None or found.status is CardStatus.CLOSED:
        raise CardUnknown()
    return ledger.lock_with_room(session, provider_id, found.merchant_id, card_id)


def _move(payout: CardPayout, new: PayoutStatus) -> None:
    if payout.status is not PayoutStatus.ASKED:
        raise PayoutState()
    payout.move_to(new)


def _words(reason: str) -> str:
    words = reason.strip()
    if not 1 <= len(words) <= REASON_MOST or not words.isprintable():
        raise BadInput(f"a refusal has a reason of 1 to {REASON_MOST} characters")
    return words
