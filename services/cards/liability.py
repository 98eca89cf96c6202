"""What a merchant owes its members, as of the end of any day in China, from ledger entries.

Each card's balance is that of its last entries until then, found by index. What is on its way back
is owed, too: it has left the cards and has not reached the members.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from errors import BadInput
from gateways.money import yuan_from_fen
from models.card import CardProgram, Member, ProgramStatus
from models.merchant import Merchant
from services.bills.days import china_date, ends
from services.bills.report import safe
from services.cards import ledger_days, people
from services.deps import Deps

HEADER = ("on", "card", "phone", "name", "state", "paid_yuan", "bonus_yuan", "balance_yuan")
BATCH = 2000


@dataclass(frozen=True, slots=True)
class Liability:
    """Sums of one merchant at the end of a day, in fen. `paid_fen` is the prepaid balance that the
    custody shares are of; `returning_fen` has left the cards and is on its way to members."""

    on: date
    merchant: str
    name: str
    standing: str
    cards: int  # of those that held something
    paid_fen: int
    bonus_fen: int
    returning_fen: int
    shares: tuple[tuple[int, int], ...]  # (percent, fen), rounded up

    @property
    def balance_fen(self) -> int:
        return self.paid_fen + self.bonus_fen


@dataclass(frozen=True, slots=True)
class Owed:
    """One member's card that held something; `phone` and `name` are masked, "" if not known."""

    number: str
    phone: str
    name: str
    state: str  # of the card, now
    paid_fen: int
    bonus_fen: int


_PART = """
    LEFT JOIN LATERAL (
        SELECT balance_after_fen AS fen FROM ledger_entry e
        WHERE e.provider_id = c.provider_id AND e.card_id = c.id AND e.account = '{account}'
            AND e.id < :last AND e.day_on <= :on
        ORDER BY e.id DESC LIMIT 1
    ) {name} ON true
"""
_PARTS = _PART.format(account="card_paid", name="paid") + _PART.format(
    account="card_bonus", name="bonus"
)
_SUMS = text(f"""
SELECT count(*) FILTER (WHERE COALESCE(paid.fen, 0) + COALESCE(bonus.fen, 0) > 0) AS cards,
    COALESCE(sum(paid.fen), 0) AS paid_fen, COALESCE(sum(bonus.fen), 0) AS bonus_fen
FROM member_card c {_PARTS}
WHERE c.provider_id = :p AND c.merchant_id = :m
""")
_EACH = text(f"""
SELECT c.id, c.number, c.status, c.member_id, m.phone_sealed, m.name_sealed,
    COALESCE(paid.fen, 0) AS paid_fen, COALESCE(bonus.fen, 0) AS bonus_fen
FROM (SELECT * FROM member_card
    WHERE provider_id = :p AND merchant_id = :m AND id > :after ORDER BY id LIMIT :most) c
JOIN member m ON m.provider_id = c.provider_id AND m.id = c.member_id {_PARTS}
ORDER BY c.id
""")
_RETURNING = text("""
SELECT COALESCE(sum(fen), 0) FROM (
    SELECT t.paid_fen AS fen FROM card_taking t
    JOIN recharge r ON r.provider_id = t.provider_id AND r.id = t.recharge_id
    JOIN refund f ON f.provider_id = t.provider_id AND f.id = t.refund_id
    WHERE r.provider_id = :p AND r.merchant_id = :m AND f.created_at < :ends
        AND (t.ended_at IS NULL OR t.ended_at >= :ends)
    UNION ALL
    SELECT amount_fen FROM card_payout_part
    WHERE provider_id = :p AND merchant_id = :m AND way = 'hand' AND created_at < :ends
        AND (ended_at IS NULL OR ended_at >= :ends)
    UNION ALL
    SELECT r.paid_fen - COALESCE((SELECT sum(f.amount_fen) FROM refund f
        WHERE f.provider_id = r.provider_id AND f.order_id = r.order_id AND f.status = 'success'
            AND f.succeeded_at < :ends), 0)
    FROM recharge r WHERE r.provider_id = :p AND r.merchant_id = :m AND r.status = 'no_room'
        AND r.settled_at < :ends
) parts
""")


def report(deps: Deps, provider_id: int, merchant_id: int, on: date | None = None) -> Liability:
    """The sums as of the end of a day; of today, as of now. Raises BadInput for a later day."""
    on = _day(deps, on)

    def unit(session: Session) -> Liability:
        values = _values(session, provider_id, merchant_id, on)
        sums = session.execute(_SUMS, values).one()
        back = int(session.scalar(_RETURNING, values) or 0)
        merchant = session.get_one(Merchant, (provider_id, merchant_id))
        paid = int(sums.paid_fen)
        return Liability(
            on,
            merchant.out_sub_mch_id,
            merchant.short_name,
            _standing(session, merchant),
            sums.cards,
            paid,
            int(sums.bonus_fen),
            back,
            tuple((share, -(-paid * share // 100)) for share in deps.settings.custody_shares),
        )

    return deps.transact(unit)


def members(
    deps: Deps, provider_id: int, merchant_id: int, on: date | None = None
) -> Iterator[Owed]:
    """Every member's card that held something at the end of the day, oldest card first."""
    on, after, more = _day(deps, on), 0, True
    while more:
        rows = deps.transact(
            lambda s, a=after: _batch(s, deps, provider_id, merchant_id, on, a)  # type: ignore[misc]
        )
        for card_id, owed in rows:
            after = card_id
            if owed.paid_fen or owed.bonus_fen:
                yield owed
        more = len(rows) == BATCH


def as_csv(deps: Deps, provider_id: int, merchant_id: int, on: date | None = None) -> Iterator[str]:
    """A line per member for a spreadsheet, the header first."""
    day = _day(deps, on).isoformat()
    yield _csv_line(HEADER)
    for one in members(deps, provider_id, merchant_id, on):
        money = (one.paid_fen, one.bonus_fen, one.paid_fen + one.bonus_fen)
        yield _csv_line(
            (day, one.number, one.phone, one.name, one.state, *map(yuan_from_fen, money))
        )


def _csv_line(cells: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(map(safe, cells))
    return out.getvalue()


def _batch(
    session: Session, deps: Deps, provider_id: int, merchant_id: int, on: date, after: int
) -> list[tuple[int, Owed]]:
    values = _values(session, provider_id, merchant_id, on)
    rows = session.execute(_EACH, {**values, "after": after, "most": BATCH})
    return [(row.id, _owed(deps, provider_id, row)) for row in rows]


def _owed(deps: Deps, provider_id: int, row: Row[Any]) -> Owed:
    phone = name = None
    if row.phone_sealed or row.name_sealed:
        known = {"phone_sealed": row.phone_sealed, "name_sealed": row.name_sealed}
        member = Member(provider_id=provider_id, id=row.member_id, **known)
        phone, name = people.phone_of(deps, member), people.name_of(deps, member)
    return Owed(
        row.number,
        people.mask_phone(phone) if phone else "",
        people.mask_name(name) if name else "",
        row.status,
        int(row.paid_fen),
        int(row.bonus_fen),
    )


def _values(session: Session, provider_id: int, merchant_id: int, on: date) -> dict[str, object]:
    last = ledger_days.last_id(session, provider_id, on)
    return {"p": provider_id, "m": merchant_id, "on": on, "ends": ends(on), "last": last}


def _standing(session: Session, merchant: Merchant) -> str:
    """Whether recharges go on: a merchant that is suspended or closing still owes all of it."""
    program = session.scalar(
        select(CardProgram).where(
            CardProgram.provider_id == merchant.provider_id,
            CardProgram.merchant_id == merchant.id,
            CardProgram.status != ProgramStatus.DELETED,
        )
    )
    if not merchant.is_active:
        return "merchant suspended"
    return "no card" if program is None else f"card {program.status.value}"


def _day(deps: Deps, on: date | None) -> date:
    today = china_date(deps.now())
    if on is not None and on > today:
        raise BadInput(f"{on} has not been")
    return on or today
