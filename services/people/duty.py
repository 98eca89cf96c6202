"""Duty (上下班): a shift runs from one person's clocking in to his clocking out (SHF-1 to SHF-4).

The slip stands there from the first moment, as 生成中, so that nobody takes the one before it for
this one; the worker fills it in. What a wallet tells afterwards of a payment made in the shift does
not change the slip: it is shown beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from errors import Forbidden
from models.merchant import Staff, Store
from models.paycode import PayCode
from models.people import Shift, ShiftState
from services import audit
from services.claims import claim_statement
from services.deps import Deps
from services.people.acting import Acting
from services.people.problems import ShiftCodeTaken, ShiftOff, ShiftOn, ShiftUnknown
from services.people.rights import Right, may

SETTLE: Final = timedelta(seconds=5)  # notifications of the last payments are on their way
CLAIM: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class SlipRow:
    """What came and went one way; `channel` as in the totals (`services/totals.py`)."""

    channel: str
    paid_count: int
    paid_fen: int
    refund_count: int
    refund_fen: int


@dataclass(frozen=True, slots=True)
class Claim:
    provider_id: int
    shift_id: int


def clock_in(deps: Deps, who: Acting, code: str | None) -> int:
    """Begin a shift at the whole store, or at one of its codes. Raises ShiftOn, ShiftCodeTaken."""

    def unit(session: Session) -> int:
        staff = _me(session, who)
        assert staff.store_id is not None
        _lock_store(session, staff)
        if current(session, who) is not None:
            raise ShiftOn()
        code_id = None if code is None else _code(session, staff, code)
        if code_id is not None and _is_taken(session, who.provider_id, code_id):
            raise ShiftCodeTaken()
        made = Shift(
            provider_id=who.provider_id,
            merchant_id=staff.merchant_id,
            store_id=staff.store_id,
            staff_id=staff.id,
            pay_code_id=code_id,
            started_at=_start(session, staff, code_id, deps.now()),
        )
        session.add(made)
        session.flush()
        _note(session, who.actor, made, "shift_started", deps.now())
        return made.id

    return deps.transact(unit)


def clock_out(deps: Deps, who: Acting) -> int:
    """End the own shift; its id. The slip is being made. Raises ShiftOff."""

    def unit(session: Session) -> int:
        staff = _me(session, who)
        ended = end_of(session, staff, who.actor, deps.now())
        if ended is None:
            raise ShiftOff()
        return ended

    return deps.transact(unit)


def end_of(session: Session, staff: Staff, actor: str, now: datetime) -> int | None:
    """End this person's shift, if there is one: his own doing, or that of who removed him."""
    shift = session.scalar(
        select(Shift)
        .where(
            Shift.provider_id == staff.provider_id,
            Shift.staff_id == staff.id,
            Shift.ended_at.is_(None),
        )
        .with_for_update()
    )
    if shift is None:
        return None
    shift.state, shift.ended_at, shift.ended_by = ShiftState.SUMMING, now, actor
    shift.due_at = now + SETTLE
    session.flush()
    _note(session, actor, shift, "shift_ended", now)
    return shift.id


def current(session: Session, who: Acting) -> Shift | None:
    """The shift that this person is in."""
    if who.role.is_providers:
        return None
    return session.scalar(
        select(Shift).where(
            Shift.provider_id == who.provider_id,
            Shift.staff_id == who.id,
            Shift.ended_at.is_(None),
        )
    )


def codes_of(session: Session, who: Acting) -> Sequence[PayCode]:
    """The own store's codes that can be clocked in on."""
    return session.scalars(
        select(PayCode)
        .where(
            PayCode.provider_id == who.provider_id,
            PayCode.store_id == who.store_id,
            PayCode.is_active,
        )
        .order_by(PayCode.id)
    ).all()


def visible(who: Acting) -> list[ColumnElement[bool]]:
    """The shifts that this person may see: his own, his store's, or all of the merchant."""
    found = [Shift.provider_id == who.provider_id, Shift.merchant_id == who.merchant_id]
    if not may(who, Right.ALL_STORES):
        found.append(Shift.store_id == who.store_id)
    if not may(who, Right.STAFF):
        found.append(Shift.staff_id == who.id)
    return found


def listed(session: Session, who: Acting, *, before: int | None, most: int) -> list[Shift]:
    """The newest first, by keyset."""
    wanted = select(Shift).where(*visible(who)).order_by(Shift.id.desc()).limit(most)
    if before is not None:
        wanted = wanted.where(Shift.id < before)
    return list(session.scalars(wanted))


def find(session: Session, who: Acting, shift_id: int) -> Shift:
    """One of them. Raises ShiftUnknown, the same for another merchant's as for none."""
    row = session.scalar(select(Shift).where(*visible(who), Shift.id == shift_id))
    if row is None:
        raise ShiftUnknown()
    return row


# --- the slip -------------------------------------------------------------------------------------

# A payment counts by the wallet's time of it, a refund by that of its success, as in the totals; an
# order's second payment, which goes back by itself, in neither.
_LOW: Final = text("""
SELECT id FROM pay_order WHERE provider_id = :p AND store_id = :s AND created_at < :since
ORDER BY id DESC LIMIT 1
""")
_SUMS: Final = """
SELECT channel, sum(paid_count), sum(paid_fen), sum(refund_count), sum(refund_fen) FROM (
    SELECT {channel} AS channel, 1 AS paid_count, o.amount_fen AS paid_fen, 0 AS refund_count,
        0 AS refund_fen
    FROM pay_order o
    WHERE o.provider_id = :p AND o.store_id = :s AND o.id > :low AND o.status = 'paid'
        AND o.paid_at >= :since AND o.paid_at < :until{code}
    UNION ALL
    SELECT {channel}, 0, 0, 1, r.amount_fen
    FROM refund r
    JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id
    JOIN pay_order o ON o.provider_id = r.provider_id AND o.id = r.order_id
    WHERE r.provider_id = :p AND o.store_id = :s AND r.status = 'success'
        AND r.succeeded_at >= :since AND r.succeeded_at < :until
        AND a.transaction_id IS NOT DISTINCT FROM o.transaction_id{code}
) both_kinds GROUP BY channel ORDER BY channel
"""
_CHANNEL: Final = "CASE o.purpose WHEN 'recharge' THEN 'recharge:' ELSE '' END || o.channel"


def counted(session: Session, shift: Shift, until: datetime) -> list[SlipRow]:
    """What the orders and refunds say of this shift, from its beginning to `until`."""
    where = {
        "p": shift.provider_id, "s": shift.store_id, "c": shift.pay_code_id,
        "since": shift.started_at, "until": until,
    }  # fmt: skip
    long_ago = {**where, "since": shift.started_at - timedelta(days=1)}
    low = session.scalar(_LOW, long_ago) or 0
    code = "" if shift.pay_code_id is None else " AND o.pay_code_id = :c"
    rows = session.execute(text(_SUMS.format(channel=_CHANNEL, code=code)), {**where, "low": low})
    return [SlipRow(row[0], *(int(one) for one in row[1:])) for row in rows]


def slip_of(shift: Shift) -> list[SlipRow] | None:
    """The slip as it was made; None while it is being made."""
    return None if shift.slip is None else [SlipRow(**row) for row in shift.slip["rows"]]


def late_of(session: Session, shift: Shift) -> list[SlipRow]:
    """What was heard of since the slip was made: rows of the difference, [] mostly."""
    made = slip_of(shift)
    if made is None or shift.ended_at is None:
        return []
    old = {row.channel: row for row in made}
    found = []
    for row in counted(session, shift, shift.ended_at):
        was = old.get(row.channel, SlipRow(row.channel, 0, 0, 0, 0))
        if row != was:
            found.append(
                SlipRow(
                    row.channel,
                    row.paid_count - was.paid_count,
                    row.paid_fen - was.paid_fen,
                    row.refund_count - was.refund_count,
                    row.refund_fen - was.refund_fen,
                )
            )
    return found


_CLAIM = claim_statement("shift")


def claim_due(deps: Deps, most: int) -> list[Claim]:
    """Take up to `most` shifts whose slip is to be made."""

    def unit(session: Session) -> list[Claim]:
        now = deps.now()
        rows = session.execute(_CLAIM, {"now": now, "until": now + CLAIM, "most": most})
        return [Claim(row.provider_id, row.id) for row in rows]

    return deps.transact(unit)


def make_slip(deps: Deps, claim: Claim) -> None:
    """Write the slip, once; a second call leaves it as it is."""

    def unit(session: Session) -> None:
        shift = session.get_one(Shift, (claim.provider_id, claim.shift_id), with_for_update=True)
        if shift.state is not ShiftState.SUMMING or shift.ended_at is None:
            return
        rows = counted(session, shift, shift.ended_at)
        slip: dict[str, Any] = {"rows": [asdict(row) for row in rows]}
        shift.slip, shift.state, shift.due_at = slip, ShiftState.DONE, None

    deps.transact(unit)


# --- who and where --------------------------------------------------------------------------------


def _me(session: Session, who: Acting) -> Staff:
    staff = None if who.role.is_providers else session.get(Staff, (who.provider_id, who.id))
    if staff is None or not staff.is_active or staff.store_id is None:
        raise Forbidden("只有门店的店长和店员能上下班")
    return staff


def _lock_store(session: Session, staff: Staff) -> None:
    session.execute(
        select(Store.id)
        .where(Store.provider_id == staff.provider_id, Store.id == staff.store_id)
        .with_for_update()
    )


def _code(session: Session, staff: Staff, code: str) -> int:
    found = session.scalar(
        select(PayCode.id).where(
            PayCode.provider_id == staff.provider_id,
            PayCode.store_id == staff.store_id,
            PayCode.code == code,
            PayCode.is_active,
        )
    )
    if found is None:
        raise ShiftUnknown("这个收款码不在你的门店")
    return found


def _start(session: Session, staff: Staff, code_id: int | None, now: datetime) -> datetime:
    """The beginning of this second: wallets tell times in whole ones, and a payment of just now
    would be before its shift. But never before the last shift at this place has ended."""
    last = session.scalar(
        select(func.max(Shift.ended_at)).where(
            Shift.provider_id == staff.provider_id,
            Shift.store_id == staff.store_id,
            Shift.pay_code_id.is_not_distinct_from(code_id),
        )
    )
    second = now.replace(microsecond=0)
    return second if last is None else max(second, min(last, now))


def _is_taken(session: Session, provider_id: int, code_id: int) -> bool:
    wanted = select(Shift.id).where(
        Shift.provider_id == provider_id,
        Shift.pay_code_id == code_id,
        Shift.ended_at.is_(None),
    )
    return session.scalar(wanted) is not None


def _note(session: Session, actor: str, shift: Shift, action: str, now: datetime) -> None:
    audit.record(
        session,
        provider_id=shift.provider_id,
        actor=actor,
        action=action,
        subject=f"shift:{shift.id}",
        at=now,
        staff=shift.staff_id,
        store=shift.store_id,
        code=shift.pay_code_id,
    )
