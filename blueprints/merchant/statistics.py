"""`/m/statistics`: takings by day, store, person and pay code, as a chart, a table and a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, Self
from urllib.parse import urlencode

from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.merchant import answers, charts, listing
from gateways.money import yuan_from_fen
from models.merchant import Staff, Store
from models.paycode import PayCode
from services import audit
from services.order_list import Scope
from services.people.acting import Acting
from services.people.rights import Right, may
from services.shop_figures import parts, scope
from services.shop_figures.parts import Part, Sums
from services.totals import china_day
from web.files import as_csv
from web.formats import local_time, money
from web.runtime import deps

HOME: Final = "/m/statistics"
SPANS: Final = {"day": ("一天", 1), "week": ("7 天", 7), "month": ("30 天", 30)}
WAYS: Final = {"day": "按日", "store": "按门店", "staff": "按店员", "code": "按收款码"}
ORDERS: Final = {"fen": "按金额", "count": "按笔数", "name": "按名称"}
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; whatever is broken in it counts as not asked."""

    day: date  # the last one
    span: str = "day"
    by: str = "day"
    order: str = "fen"
    store_id: int | None = None

    @classmethod
    def from_query(cls, args: Mapping[str, str], today: date) -> Self:
        asked = listing.Asked.from_query(args)
        day = min(asked.day or today, today)
        return cls(
            day=max(day, date(2020, 1, 1)),
            span=args.get("span", "") if args.get("span") in SPANS else "day",
            by=args.get("by", "") if args.get("by") in WAYS else "day",
            order=args.get("order", "") if args.get("order") in ORDERS else "fen",
            store_id=asked.store_id,
        )

    @property
    def first(self) -> date:
        return self.day - timedelta(days=SPANS[self.span][1] - 1)

    def url(self, path: str = HOME) -> str:
        named = {
            "day": self.day.isoformat(), "span": self.span, "by": self.by, "order": self.order,
            "store": self.store_id,
        }  # fmt: skip
        return f"{path}?{urlencode({k: v for k, v in named.items() if v is not None})}"


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    sums: Sums
    by_wallet: dict[str, int]


NO_CODE: Final = "没有收款码"
NOBODY: Final = ("没有分到人", 0)


def show() -> ResponseReturnValue:
    who: Acting = g.staff
    today = china_day(deps().now())
    asked = Asked.from_query(request.args, today)
    found = deps().transact(lambda s: _read(s, who, asked, today))
    return answers.page("merchant/statistics.html", title="统计", back_url="/m/", **found)


def _read(session: Session, who: Acting, asked: Asked, today: date) -> dict[str, Any]:
    seen = listing.seen_by(session, who)
    here = scope.narrowed(session, seen, asked.store_id)
    asked = replace(asked, store_id=None if seen.store_id else here.store_id)
    found = _parts(session, here, asked)
    taken = [part for part in found if part.is_taken]
    rows = _rows(session, here, asked, taken)
    stores = scope.stores(session, seen)
    return {
        "asked": asked,
        "first": asked.first,
        "spans": _links(asked, "span", {k: v[0] for k, v in SPANS.items()}),
        "ways": _links(asked, "by", WAYS),
        "orders": _links(asked, "order", ORDERS) if len(rows) > 1 and asked.by != "day" else [],
        "stores": _stores(stores, asked) if seen.store_id is None and len(stores) > 1 else [],
        "way": WAYS[asked.by].removeprefix("按"),
        "total": parts.total(taken),
        "card": parts.total(part for part in found if not part.is_taken),
        "recharge_fen": parts.total(p for p in taken if p.channel != p.wallet).paid_fen,
        "wallets": charts.split(charts.wallets(taken)),
        "rows": rows if asked.by != "day" else [r for r in rows[::-1] if not r.sums.is_nothing],
        "chart": _chart(asked, rows),
        "csv_url": asked.url(f"{HOME}.csv") if may(who, Right.EXPORT) else None,
        "list_url": (
            f"/m/orders.csv?day={asked.day}"
            if may(who, Right.EXPORT) and asked.span == "day"
            else None
        ),
        "max_day": today,
    }


def _parts(session: Session, here: Scope, asked: Asked) -> list[Part]:
    read = parts.read_by_code if asked.by in ("staff", "code") else parts.read
    return read(session, here, asked.first, asked.day)


def _rows(session: Session, here: Scope, asked: Asked, taken: list[Part]) -> list[Row]:
    """One for each day, store, person or code that took something; sorted as asked."""
    key = _keys(session, here, asked, taken)
    sums = parts.grouped(taken, key)
    by_wallet: dict[Key, dict[str, int]] = {}
    for part in taken:
        mine = by_wallet.setdefault(key(part), {})
        mine[part.wallet] = mine.get(part.wallet, 0) + part.sums.paid_fen
    if asked.by == "day":
        days = [asked.first + timedelta(days=n) for n in range(SPANS[asked.span][1])]
        keys = [(_day(day), day.toordinal()) for day in days]
        return [Row(one[0], sums.get(one, Sums()), by_wallet.get(one, {})) for one in keys]
    rows = [Row(one[0], sums[one], by_wallet[one]) for one in sorted(sums)]
    if asked.order != "name":
        rows.sort(
            key=lambda row: row.sums.paid_count if asked.order == "count" else row.sums.paid_fen,
            reverse=True,
        )
    return rows


def _day(day: date) -> str:
    return f"{day.month} 月 {day.day} 日"


def _keys(session: Session, here: Scope, asked: Asked, taken: list[Part]) -> Callable[[Part], Key]:
    """What a part counts under: what it is called, and what tells two of one name apart."""
    if asked.by == "day":
        return lambda part: (_day(part.day_on), part.day_on.toordinal())
    stores = {store.id: _store_name(store) for store in scope.stores(session, here)}
    if asked.by == "store":
        return lambda part: (stores.get(part.store_id, ""), part.store_id)
    if asked.by == "staff":
        people = _people(session, here, {part.staff_id or 0 for part in taken})
        return lambda part: people.get(part.staff_id or 0, NOBODY)
    codes = _codes(session, here, {part.code_id or 0 for part in taken})
    return lambda part: (
        f"{stores.get(part.store_id, '')} · {codes.get(part.code_id or 0, NO_CODE)}",
        part.code_id or -part.store_id,
    )


def _store_name(store: Store) -> str:
    return store.branch_name or store.name


def _people(session: Session, here: Scope, ids: set[int]) -> dict[int, Key]:
    rows = session.execute(
        select(Staff.id, Staff.name).where(Staff.provider_id == here.provider_id, Staff.id.in_(ids))
    )
    return {row.id: (row.name, row.id) for row in rows}


def _codes(session: Session, here: Scope, ids: set[int]) -> dict[int, str]:
    rows = session.execute(
        select(PayCode.id, PayCode.name, PayCode.code).where(
            PayCode.provider_id == here.provider_id, PayCode.id.in_(ids)
        )
    )
    return {row.id: row.name or f"收款码 {row.code}" for row in rows}


def _links(asked: Asked, field: str, named: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "href": replace(asked, **{field: key}).url(),  # type: ignore[arg-type]
            "label": label,
            "current": getattr(asked, field) == key,
        }
        for key, label in named.items()
    ]


def _stores(stores: list[Store], asked: Asked) -> list[dict[str, Any]]:
    every = replace(asked, store_id=None)
    links = [{"href": every.url(), "label": "全部门店", "current": asked.store_id is None}]
    return links + [
        {
            "href": replace(asked, store_id=store.id).url(),
            "label": _store_name(store),
            "current": asked.store_id == store.id,
        }
        for store in stores
    ]


def _chart(asked: Asked, rows: list[Row]) -> dict[str, Any] | None:
    if len(rows) < 2:
        return None
    shown = charts.stacked([(row.name, row.by_wallet) for row in rows[:31]])
    best = max(rows, key=lambda row: row.sums.paid_fen)
    total = sum(row.sums.paid_fen for row in rows)
    said = f"{WAYS[asked.by]}的收款，合计 {money(total)}，最多的是{best.name} "
    axis = shown["axis"] if asked.by == "day" else []
    return {**shown, "axis": axis, "said": said + money(best.sums.paid_fen)}


def export() -> ResponseReturnValue:
    """The table as a file, with who took it and when."""
    who: Acting = g.staff
    asked = Asked.from_query(request.args, china_day(deps().now()))

    def unit(session: Session) -> list[Row]:
        here = scope.narrowed(session, listing.seen_by(session, who), asked.store_id)
        audit.record(
            session,
            provider_id=who.provider_id,
            actor=who.actor,
            action="figures_exported",
            subject=f"merchant:{who.merchant_id}",
            at=deps().now(),
            first=asked.first.isoformat(),
            last=asked.day.isoformat(),
        )
        taken = [part for part in _parts(session, here, asked) if part.is_taken]
        return _rows(session, here, asked, taken)

    rows = deps().transact(unit)
    head = (
        "开始日", "结束日", WAYS[asked.by].removeprefix("按"), "收款笔数", "收款金额", "退款笔数",
        "退款金额", "净收", "导出人", "导出时间",
    )  # fmt: skip
    by = (who.name, local_time(deps().now()))
    return as_csv(
        f"figures-{asked.first}-{asked.day}.csv",
        head,
        [
            (
                asked.first, asked.day, row.name, row.sums.paid_count,
                yuan_from_fen(row.sums.paid_fen), row.sums.refund_count,
                yuan_from_fen(row.sums.refund_fen), yuan_from_fen(row.sums.net_fen), *by,
            )
            for row in rows
        ],
    )  # fmt: skip
