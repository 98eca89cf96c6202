"""Posting to the ledger of stored value: the only code that changes what a card holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from models.card import CardRoom, MemberCard
from models.ledger import CARD_ACCOUNTS, LedgerAccount, LedgerEntry, MovementKind
from services.cards import room as rooms
from services.cards.problems import BalanceCap, BalanceLow, CardRefused, MovementReused

Leg = tuple[LedgerAccount, int]


@dataclass(frozen=True, slots=True)
class Movement:
    """Entries that belong together and sum to zero. Amounts are fen.

    `legs` are what the accounts gain: a card's parts gain what a member can spend. `hold_fen` is
    what a card's reserved room gains; negative where a reservation is used up or given back.
    The same `key` again changes nothing.
    """

    kind: MovementKind
    key: str
    legs: tuple[Leg, ...]
    at: datetime
    actor: str
    hold_fen: int = 0
    order_id: int | None = None
    refund_id: int | None = None
    reason: str = ""

    @property
    def card_fen(self) -> int:
        return sum(fen for account, fen in self.legs if account in CARD_ACCOUNTS)


def lock_card(session: Session, provider_id: int, card_id: int) -> MemberCard:
    """The card, locked, and read after the lock."""
    return session.execute(_CARD, {"p": provider_id, "card": card_id}).scalar_one()


_CARD = (  # built once: it is on the road of every payment
    select(MemberCard)
    .where(MemberCard.provider_id == bindparam("p"), MemberCard.id == bindparam("card"))
    .with_for_update()
    .execution_options(populate_existing=True)
)


def lock_with_room(
    session: Session, provider_id: int, merchant_id: int, card_id: int
) -> tuple[CardRoom, MemberCard]:
    """The merchant's room and the card, in the order in which they are always locked."""
    room = rooms.lock_room(session, provider_id, merchant_id)
    return room, lock_card(session, provider_id, card_id)


def post(
    session: Session, card: MemberCard, movement: Movement, room: CardRoom | None = None
) -> bool:
    """Write a movement of a locked card; False when its key is known, and nothing happens.

    `room` is the merchant's locked row: needed by whatever makes more owed or moves a reservation.
    Raises BalanceLow, BalanceCap, TotalCap: nothing is written.
    """
    assert sum(fen for _, fen in movement.legs) == 0, movement
    gained, held = movement.card_fen, movement.hold_fen
    no = _refusal(card, movement)
    # A spend that fits is tried at once: writing it finds out whether its key is known.
    if (no is not None or gained > 0 or held) and _is_known(session, card, movement):
        return False
    if no is not None:
        raise no
    if gained > 0 or held:
        assert room is not None, "whoever makes more owed holds the merchant's row"
        rooms.change(room, gained, held)
        session.flush()
    if _write(session, card, movement, freed_fen=0 if held else max(0, -gained)):
        return True
    assert _is_known(session, card, movement), movement
    return False


def hold(session: Session, room: CardRoom, card: MemberCard, fen: int) -> None:
    """Reserve room for a recharge under way, or give it back (negative). Both rows are locked."""
    if fen > 0 and fen > (left := room_on(card)):
        raise BalanceCap(max(0, left))
    rooms.change(room, 0, fen)
    card.held_fen += fen
    session.flush()


def room_on(card: MemberCard) -> int:
    """What may still be put on the card by its own cap, in fen."""
    return card.cap_fen - card.paid_fen - card.bonus_fen - card.held_fen


def part(movement: Movement, account: LedgerAccount) -> int:
    return sum(fen for name, fen in movement.legs if name is account)


def _refusal(card: MemberCard, movement: Movement) -> CardRefused | None:
    paid = card.paid_fen + part(movement, LedgerAccount.CARD_PAID)
    bonus = card.bonus_fen + part(movement, LedgerAccount.CARD_BONUS)
    if paid < 0 or bonus < 0:
        return BalanceLow(card.paid_fen + card.bonus_fen)
    grows = movement.card_fen + movement.hold_fen
    if grows > 0 and grows > (left := room_on(card)):
        return BalanceCap(max(0, left))
    return None


def _is_known(session: Session, card: MemberCard, movement: Movement) -> bool:
    """Read after the card's lock, so that no other can be about to write the same."""
    found = session.execute(
        select(LedgerEntry.account, LedgerEntry.delta_fen, LedgerEntry.card_id).where(
            LedgerEntry.provider_id == card.provider_id, LedgerEntry.key == movement.key
        )
    ).all()
    if not found:
        return False
    same = {(row.account, row.delta_fen) for row in found} == set(movement.legs)
    if not same or any(row.card_id != card.id for row in found):
        raise MovementReused(movement.key)
    return True


# As the driver takes it: with its parameters bound by SQLAlchemy it takes half as long again.
_WRITE = """
WITH moved AS (
    UPDATE member_card SET paid_fen = paid_fen + %(paid)s, bonus_fen = bonus_fen + %(bonus)s,
        held_fen = held_fen + %(held)s, version = version + 1,
        moved_at = greatest(moved_at, CAST(%(at)s AS timestamptz))
    WHERE provider_id = %(p)s AND id = %(card)s AND NOT EXISTS (
        SELECT 1 FROM ledger_entry WHERE provider_id = %(p)s AND key = %(key)s)
    RETURNING paid_fen, bonus_fen, held_fen, version, moved_at
), tail AS (
    INSERT INTO ledger_tail (provider_id, merchant_id, key)
    SELECT %(p)s, %(m)s, %(key)s FROM moved
), freed AS (
    INSERT INTO card_release (provider_id, merchant_id, freed_fen)
    SELECT %(p)s, %(m)s, CAST(%(freed)s AS bigint) FROM moved WHERE CAST(%(freed)s AS bigint) > 0
), written AS (
    INSERT INTO ledger_entry (provider_id, merchant_id, card_id, kind, account, delta_fen,
        balance_after_fen, key, order_id, refund_id, actor, reason, recorded_at, day_on)
    SELECT %(p)s, %(m)s, %(card)s, %(kind)s, leg.account, leg.delta,
        CASE leg.account WHEN 'card_paid' THEN moved.paid_fen
            WHEN 'card_bonus' THEN moved.bonus_fen END,
        %(key)s, CAST(%(order_id)s AS bigint), CAST(%(refund_id)s AS bigint), %(actor)s,
        %(reason)s, moved.moved_at, CAST(moved.moved_at AT TIME ZONE 'Asia/Shanghai' AS date)
    FROM moved,
        unnest(CAST(%(accounts)s AS text[]), CAST(%(deltas)s AS bigint[])) AS leg(account, delta)
)
SELECT * FROM moved
"""


def _write(session: Session, card: MemberCard, movement: Movement, *, freed_fen: int) -> bool:
    """False, and nothing is written, when there is an entry of this key."""
    row = (
        session.connection()
        .exec_driver_sql(_WRITE, _values(card, movement, freed_fen=freed_fen))
        .one_or_none()
    )
    if row is None:
        return False
    for name, value in row._asdict().items():
        set_committed_value(card, name, value)
    set_committed_value(card, "balance_fen", row.paid_fen + row.bonus_fen)
    return True


def _values(card: MemberCard, movement: Movement, *, freed_fen: int) -> dict[str, Any]:
    return {
        "p": card.provider_id,
        "m": card.merchant_id,
        "card": card.id,
        "paid": part(movement, LedgerAccount.CARD_PAID),
        "bonus": part(movement, LedgerAccount.CARD_BONUS),
        "held": movement.hold_fen,
        "at": movement.at,
        "key": movement.key,
        "freed": freed_fen,
        "kind": movement.kind.value,
        "order_id": movement.order_id,
        "refund_id": movement.refund_id,
        "actor": movement.actor,
        "reason": movement.reason[:80],
        "accounts": [account.value for account, _ in movement.legs],
        "deltas": [fen for _, fen in movement.legs],
    }
