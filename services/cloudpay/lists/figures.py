"""How many rows a question finds and what they add up to, by day, wallet or way of paying.

Whole China days come from the day totals, the same that the shop's office and the console show, as
long as they know the filters; the broken days around them, and whatever the totals do not know, are
counted from the rows. One statement tells it all: it sees one moment.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from datetime import date
from typing import Any, Final, NamedTuple, Self

from sqlalchemy.orm import Session

from services.cloudpay.lists.clauses import (
    CONSUMED,
    TABLES,
    found_in,
    listed_at,
    span_values,
    statement,
)
from services.cloudpay.lists.wanted import Kind, Wanted
from services.cloudpay.lists.window import Window
from services.totals import RECHARGE


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts, and fen. A payment counts with what went back of it, whenever that was."""

    listed: int = 0  # rows, whatever came of them
    paid_count: int = 0
    paid_fen: int = 0
    returned_fen: int = 0  # of these payments
    refund_count: int = 0  # rows of refunds, whatever came of them
    refund_fen: int = 0
    back_fen: int = 0  # of these, what succeeded
    freeze_count: int = 0
    freeze_fen: int = 0
    lapsed_fen: int = 0  # of these holds, what the wallet let go by itself
    unfreeze_count: int = 0
    unfreeze_fen: int = 0
    rest_fen: int = 0  # went back to the payer together with a consumption

    @property
    def net_fen(self) -> int:
        """What was settled less the refunds that were settled."""
        return self.paid_fen - self.back_fen

    def __add__(self, other: Self) -> Figures:
        return Figures(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


class By(NamedTuple):
    """What is told apart."""

    day: bool = False
    channel: bool = False
    trade: bool = False


class Group(NamedTuple):
    """None where it is not told apart."""

    day_on: date | None
    channel: str | None
    trade: int | None


NAMES: Final = tuple(one.name for one in fields(Figures))
# By an interval: looking a zone up by its name takes as long as all the rest of counting a row.
_DAY: Final = "CAST({at} AT TIME ZONE INTERVAL '8 hours' AS date)"


def _sum(what: str, condition: str) -> str:
    return f"COALESCE(sum({what}) FILTER (WHERE {condition}), 0)"


def _counted(kind: Kind) -> dict[str, str]:
    """The figures of one kind of rows, as aggregates."""
    done = TABLES[kind].is_done
    match kind:
        case Kind.PAYMENT:
            return {
                "paid_count": f"count(*) FILTER (WHERE {done})",
                "paid_fen": _sum("o.amount_fen", done),
                "returned_fen": _sum("o.refunded_fen", done),
            }
        case Kind.REFUND:
            return {
                "refund_count": "count(*)",
                "refund_fen": "sum(r.amount_fen)",
                "back_fen": _sum("r.amount_fen", done),
            }
        case Kind.FREEZE:
            return {
                "freeze_count": f"count(*) FILTER (WHERE {done})",
                "freeze_fen": _sum("f.freeze_fen", done),
                "lapsed_fen": _sum("f.lapsed_fen", done),
            }
        case Kind.UNFREEZE:
            return {
                "unfreeze_count": f"count(*) FILTER (WHERE {done})",
                "unfreeze_fen": _sum("u.amount_fen", done),
            }


def _select(groups: tuple[str, str, str], figures: dict[str, str], found: str) -> str:
    columns = ", ".join(figures.get(name, "0") for name in NAMES)
    return f"SELECT {', '.join(groups)}, {columns} {found} GROUP BY 1, 2, 3"


def _groups(by: By, day: str, channel: str, trade: str) -> tuple[str, str, str]:
    return (
        day if by.day else "CAST(NULL AS date)",
        channel if by.channel else "CAST(NULL AS text)",
        trade if by.trade else "CAST(NULL AS integer)",
    )


def _of_rows(
    wanted: Wanted, by: By, kind: Kind, part: Window, span: str, only_listed: bool
) -> list[str]:
    table = TABLES[kind]
    day = f"CAST(:{span}_day AS date)" if part.only_day else _DAY.format(at=listed_at(wanted, kind))
    groups = _groups(by, day, table.channel, table.trade)
    figures = {"listed": "count(*)"} | ({} if only_listed else _counted(kind))
    made = [_select(groups, figures, found_in(wanted, kind, span))]
    if kind is Kind.UNFREEZE and not only_listed:
        rest = {"rest_fen": _sum("u.rest_fen", table.is_done)}
        made.append(_select(groups, rest, found_in(wanted, kind, span, CONSUMED)))
    return made


_HALF: Final = (
    "SELECT * FROM {table} WHERE provider_id = :p AND merchant_id = :m"
    " AND day_on BETWEEN :first AND :last{narrow}"
)
_HALF_COLUMNS: Final = (
    *("day_on", "channel", "paid_count", "paid_fen", "refund_count", "refund_fen"),
    "returned_fen",
)


def _of_days(wanted: Wanted, by: By) -> str:
    """From the totals. The channel of a recharge is its wallet's with a word before it."""
    narrow = "" if wanted.store_id is None else " AND store_id = :store"
    if wanted.channels is not None:
        narrow += " AND channel = ANY(:both)"
    halves = " UNION ALL ".join(
        _HALF.replace("*", ", ".join(_HALF_COLUMNS)).format(table=table, narrow=narrow)
        for table in ("day_total", "day_delta")
    )
    figures: dict[str, str] = {}
    listed: list[str] = []
    if Kind.PAYMENT in wanted.kinds:
        listed.append("paid_count")
        figures |= {name: f"sum({name})" for name in ("paid_count", "paid_fen", "returned_fen")}
    if Kind.REFUND in wanted.kinds:
        listed.append("refund_count")
        figures |= {"refund_count": "sum(refund_count)", "refund_fen": "sum(refund_fen)"}
        figures["back_fen"] = "sum(refund_fen)"
    figures["listed"] = f"sum({' + '.join(listed)})"
    wallet = f"replace(channel, '{RECHARGE}', '')"
    return _select(_groups(by, "day_on", wallet, ""), figures, f"FROM ({halves}) both_parts")


def read(
    session: Session, wanted: Wanted, by: By, *, only_listed: bool = False
) -> dict[Group, Figures]:
    """Of everything that is found, without groups of nothing; with `only_listed` how many alone."""
    is_added_up = wanted.is_added_up and not by.trade
    days = wanted.window.whole_days if is_added_up else None
    parts = wanted.window.broken if is_added_up else (wanted.window,)
    values = dict(wanted.values)
    selects = []
    if days is not None:
        selects.append(_of_days(wanted, by))
        both = [*(wanted.channels or ()), *(RECHARGE + one for one in wanted.channels or ())]
        values |= {"first": days[0], "last": days[1], "both": both}
    for n, part in enumerate(parts):
        values |= span_values(f"span{n}", part) | {f"span{n}_day": part.only_day}
        for kind in wanted.kinds:
            selects += _of_rows(wanted, by, kind, part, f"span{n}", only_listed)
    rows = session.execute(statement(" UNION ALL ".join(selects)), values)
    return _added(rows)


def _added(rows: Any) -> dict[Group, Figures]:
    found: dict[Group, Figures] = {}
    for row in rows:
        group, figures = Group(*row[:3]), Figures(*(int(one) for one in row[3:]))
        found[group] = found.get(group, Figures()) + figures
    nothing = Figures()
    return {group: one for group, one in found.items() if one != nothing}
