"""All that moved on one member's card, as a file for a spreadsheet."""

from __future__ import annotations

from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.merchant import answers
from blueprints.merchant.members import KINDS, find, staff
from gateways.money import yuan_from_fen
from models.card import MemberCard
from models.merchant import Staff
from services.cards import history
from services.cards.history import Line
from web.formats import local_time
from web.runtime import deps

MOST_ROWS = 100_000
CHUNK = 1_000
HEAD = (
    "时间", "类型", "金额", "其中充值", "其中赠送", "余额", "门店", "订单号", "经办", "原因",
)  # fmt: skip


def export(public_id: str) -> ResponseReturnValue:
    """Newest first, each with the balance after it; who took it and when stands in it and is kept.

    Raises NotFound for another merchant's.
    """
    card, names = deps().transact(lambda s: (find(s, staff(), public_id)[0], _names(s)))
    rows = [_row(line, names) for line in _lines(card)]
    return answers.as_personal_csv(f"member-{card.number}.csv", HEAD, rows)


def _names(session: Session) -> dict[str, str]:
    who = staff()
    people = session.execute(
        select(Staff.id, Staff.name).where(
            Staff.provider_id == who.provider_id, Staff.merchant_id == who.merchant_id
        )
    )
    return {f"staff:{row.id}": row.name for row in people}


def _lines(card: MemberCard) -> list[Line]:
    """Read in pieces, each by itself short: nothing waits for the whole."""
    lines: list[Line] = []
    before: int | None = None
    while len(lines) < MOST_ROWS:
        found = deps().transact(
            lambda s, last=before: history.page(  # type: ignore[misc]
                s, card.provider_id, card.id, before=last, most=CHUNK
            )
        )
        lines += found
        if len(found) < CHUNK:
            break
        before = found[-1].last_id
    return lines


def _row(line: Line, names: dict[str, str]) -> tuple[object, ...]:
    return (
        local_time(line.at), KINDS.get(line.kind, line.kind.value), yuan_from_fen(line.total_fen),
        yuan_from_fen(line.paid_fen), yuan_from_fen(line.bonus_fen),
        yuan_from_fen(line.balance_fen), line.store, line.order, names.get(line.actor, ""),
        line.reason,
    )  # fmt: skip
