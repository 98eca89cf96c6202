"""Merchants with their switches, what stands out about each, and how many are open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from errors import NotFound
from models.gold_plan import GoldPlan, Switched
from models.merchant import Merchant
from services.gold_plan import drift, rows, state
from services.gold_plan.drift import Mark
from services.gold_plan.switching import cooldown_left

PAGE: Final = 20
SHOWS: Final = ("", "open", "closed", "unsure")


@dataclass(frozen=True, slots=True)
class Line:
    """One merchant. `row` is None where nothing was ever switched."""

    merchant_id: int
    out_sub_mch_id: str
    name: str
    sub_mchid: str
    row: GoldPlan | None
    is_open: bool
    has_receipt: bool
    has_ads: bool
    tags: tuple[str, ...]
    left: timedelta | None  # until it may be opened again
    marks: tuple[Mark, ...]

    def is_unsure(self, act: str) -> bool:
        return self.row is not None and act in self.row.unsure


@dataclass(frozen=True, slots=True)
class Asked:
    q: str = ""
    show: str = ""
    after: int | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    lines: list[Line]
    newer: int | None  # `before` of the page in front of this one
    older: int | None  # `after` of the page behind it


def page(session: Session, provider_id: int, asked: Asked, now: datetime) -> Found:
    """By the order of adding; a cursor names the merchant beside it."""
    managed = state.is_managed(session, provider_id)
    wanted = _wanted(provider_id, asked, managed=managed)
    backwards = asked.before is not None
    if backwards:
        wanted = wanted.where(Merchant.id < asked.before).order_by(Merchant.id.desc())
    else:
        wanted = wanted.where(Merchant.id > (asked.after or 0)).order_by(Merchant.id)
    found = session.execute(wanted.limit(PAGE + 1)).all()
    has_more = len(found) > PAGE
    kept = found[:PAGE][::-1] if backwards else found[:PAGE]
    lines = _lines(session, provider_id, [(m, g) for m, g in kept], now, managed=managed)
    if not lines:
        return Found([], None, None)
    first, last = lines[0].merchant_id, lines[-1].merchant_id
    has_newer = has_more if backwards else asked.after is not None
    has_older = True if backwards else has_more
    return Found(lines, first if has_newer else None, last if has_older else None)


def one(session: Session, provider_id: int, out_sub_mch_id: str, now: datetime) -> Line:
    """Raises NotFound, also for another provider's merchant."""
    merchant = merchant_of(session, provider_id, out_sub_mch_id)
    row = rows.find(session, provider_id, merchant.id)
    managed = state.is_managed(session, provider_id)
    return _lines(session, provider_id, [(merchant, row)], now, managed=managed)[0]


def merchant_of(session: Session, provider_id: int, out_sub_mch_id: str) -> Merchant:
    found = session.scalar(
        select(Merchant).where(
            Merchant.provider_id == provider_id, Merchant.out_sub_mch_id == out_sub_mch_id
        )
    )
    if found is None:
        raise NotFound(f"no merchant {out_sub_mch_id}")
    return found


@dataclass(frozen=True, slots=True)
class Counts:
    open: int
    all: int


def counts(session: Session, provider_id: int) -> Counts:
    total = session.scalar(
        select(func.count()).where(
            Merchant.provider_id == provider_id, Merchant.wechat_sub_mchid.is_not(None)
        )
    )
    if state.is_managed(session, provider_id):
        return Counts(total or 0, total or 0)
    opened = session.scalar(
        select(func.count()).where(
            GoldPlan.provider_id == provider_id, GoldPlan.plan == Switched.OPEN
        )
    )
    return Counts(opened or 0, total or 0)


def has_views(session: Session, provider_id: int) -> bool:
    """Whether any receipt was ever shown by WeChat with a code that holds: the link is right."""
    found = session.scalar(
        select(GoldPlan.id)
        .where(GoldPlan.provider_id == provider_id, GoldPlan.viewed_at.is_not(None))
        .limit(1)
    )
    return found is not None


def _wanted(provider_id: int, asked: Asked, *, managed: bool) -> Select[*tuple[Any, ...]]:
    wanted = (
        select(Merchant, GoldPlan)
        .outerjoin(
            GoldPlan,
            and_(GoldPlan.provider_id == Merchant.provider_id, GoldPlan.merchant_id == Merchant.id),
        )
        .where(Merchant.provider_id == provider_id)
    )
    if asked.q:
        wanted = wanted.where(matches(asked.q))
    if asked.show == "open" and not managed:
        wanted = wanted.where(GoldPlan.plan == Switched.OPEN)
    if asked.show == "closed":
        wanted = wanted.where(func.coalesce(GoldPlan.plan, Switched.UNSET) != Switched.OPEN)
    if asked.show == "unsure":
        wanted = wanted.where(GoldPlan.unsure != {})
    return wanted


def matches(q: str) -> Any:
    like = "%" + q.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
    return or_(
        Merchant.name.ilike(like),
        Merchant.short_name.ilike(like),
        Merchant.wechat_sub_mchid == q,
        Merchant.out_sub_mch_id == q,
    )


def _lines(
    session: Session,
    provider_id: int,
    found: Sequence[tuple[Merchant, GoldPlan | None]],
    now: datetime,
    *,
    managed: bool,
) -> list[Line]:
    marks = drift.marks_of(session, provider_id, [row for _, row in found], now, managed=managed)
    return [
        Line(
            merchant_id=merchant.id,
            out_sub_mch_id=merchant.out_sub_mch_id,
            name=merchant.name,
            sub_mchid=merchant.wechat_sub_mchid or "",
            row=row,
            is_open=managed or (row is not None and row.plan is Switched.OPEN),
            has_receipt=row is not None and row.receipt is Switched.OPEN,
            has_ads=row is not None and row.ads is Switched.OPEN,
            tags=tuple(row.tags) if row is not None else (),
            left=cooldown_left(row, now),
            marks=marks.get(merchant.id, ()),
        )
        for merchant, row in found
    ]
