"""`/console/figures`: takings by day, merchant, store, wallet and way; chart, table and file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, Literal, Self
from urllib.parse import urlencode

from flask import request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from sqlalchemy import text
from sqlalchemy.orm import Session

from blueprints.console import answers, charts, cursors, overview
from errors import BadInput
from gateways.money import yuan_from_fen
from services import audit
from services.console.rights import Right
from services.provider_figures import cells, movements, ranking, ways
from services.provider_figures.cells import Cell, Sums
from services.provider_figures.ranking import Ranked
from services.totals import china_day
from services.ways import NAMES, Way
from web.files import as_csv, as_xlsx
from web.formats import local_time
from web.runtime import deps

HOME: Final = "/console/figures"
SPANS: Final = {"day": ("今天", 1), "week": ("近 7 天", 7), "month": ("近 30 天", 30)}
BYS: Final = {
    "day": "按日", "merchant": "按商户", "store": "按门店", "wallet": "按钱包", "way": "按方式",
}  # fmt: skip
ALWAYS: Final = (Way.PAGE, Way.CODE, Way.RECHARGE)  # the others where there is something of them
MOST_DAYS: Final = 90  # product STA-2
RANKED: Final = ("merchant", "store")
LEAST: Final = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; whatever is broken in it counts as not asked."""

    first: date
    last: date
    by: str = "day"
    merchant: str = ""  # its number
    after: str = ""
    before: str = ""
    too_long: bool = False

    @classmethod
    def from_query(cls, args: Mapping[str, str], today: date) -> Self:
        last = min(max(_day(args.get("to")) or today, LEAST), today)
        first = _day(args.get("from"))
        if first is None:
            first = last - timedelta(days=SPANS.get(args.get("span", ""), SPANS["week"])[1] - 1)
        first = min(max(first, LEAST), last)
        too_long = (last - first).days >= MOST_DAYS
        return cls(
            first=last - timedelta(days=MOST_DAYS - 1) if too_long else first,
            last=last,
            by=args.get("by", "") if args.get("by") in BYS else "day",
            merchant="".join(c for c in args.get("m", "") if c.isprintable()).strip()[:32],
            after=args.get("after", ""),
            before=args.get("before", ""),
            too_long=too_long,
        )

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    def url(self, path: str = HOME, **more: str) -> str:
        named = {
            "from": self.first.isoformat(), "to": self.last.isoformat(), "by": self.by,
            "m": self.merchant, **more,
        }  # fmt: skip
        return f"{path}?{urlencode({k: v for k, v in named.items() if v})}"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; `link` leads to what it is made of."""

    name: str
    note: str
    sums: Sums
    link: str = ""
    share: int | None = None  # percent of all that was paid


def _day(said: str | None) -> date | None:
    try:
        return date.fromisoformat(said or "")
    except ValueError:
        return None


def show() -> ResponseReturnValue:
    who, today = answers.operator(), china_day(deps().now())
    asked = Asked.from_query(request.args, today)
    shown = deps().transact(lambda s: _read(s, who.provider, asked, today))
    return answers.page("console/figures.html", may_export=who.may(Right.EXPORT), **shown)


def _read(session: Session, provider_id: int, asked: Asked, today: date) -> dict[str, Any]:
    merchant = _merchant(session, provider_id, asked.merchant)
    key = None if merchant is None else merchant[0]
    is_lost = bool(asked.merchant) and merchant is None
    found = [] if is_lost else cells.read(session, provider_id, key, asked.first, asked.last)
    taken = [cell for cell in found if cell.is_taken]
    total, rows, pages = cells.total(taken), _rows(taken, asked), dict[str, str]()
    if asked.by in RANKED and not is_lost:
        total, rows, pages = _ranked(session, provider_id, key, asked)
    elif asked.by == "way" and not is_lost:
        rows = _by_way(session, provider_id, key, asked)
        total = sum((row.sums for row in rows), Sums())
    by_day = overview.by_day(taken)
    return {
        "asked": asked,
        "merchant": merchant,
        "is_lost": is_lost,
        "total": total,
        "card": cells.total(cell for cell in found if not cell.is_taken),
        "recharge_fen": cells.recharged(taken).paid_fen,
        "rows": _shared(rows, total) if asked.by in ("way", "wallet") else rows,
        "way": BYS[asked.by].removeprefix("按"),
        "chart": charts.stacked(asked.days, by_day, today) if len(asked.days) > 1 else None,
        "series": charts.series(asked.days, by_day) if len(asked.days) > 2 else None,
        "legend": [charts.wallet(one) for one in charts.WALLETS],
        "spans": _spans(asked, today),
        "bys": [
            {"href": replace(asked, by=by).url(), "label": label, "current": by == asked.by}
            for by, label in BYS.items()
        ],
        "pages": pages,
        "max_day": today,
    }


def _merchant(session: Session, provider_id: int, number: str) -> tuple[int, str] | None:
    row = session.execute(
        text("SELECT id, name FROM merchant WHERE provider_id = :p AND out_sub_mch_id = :n"),
        {"p": provider_id, "n": number},
    ).one_or_none()
    return None if row is None else (row.id, row.name)


def _spans(asked: Asked, today: date) -> list[dict[str, Any]]:
    links = []
    for label, days in SPANS.values():
        one = replace(asked, first=today - timedelta(days=days - 1), last=today)
        is_it = (one.first, one.last) == (asked.first, asked.last)
        links.append({"href": one.url(), "label": label, "current": is_it})
    return links


def _rows(taken: list[Cell], asked: Asked) -> list[Row]:
    """By day or wallet: few enough to be one list."""
    if asked.by == "wallet":
        sums = cells.grouped(taken, lambda cell: cell.wallet)
        return [Row(charts.wallet(one)[1], "", sums[one]) for one in sorted(sums, reverse=True)]
    by_day = cells.grouped(taken, lambda cell: cell.day_on)
    return [
        Row(
            day.isoformat(), f"周{'一二三四五六日'[day.weekday()]}", by_day.get(day, Sums()),
            replace(asked, first=day, last=day, by="merchant").url(),
        )
        for day in reversed(asked.days)
    ]  # fmt: skip


def _by_way(session: Session, provider_id: int, merchant_id: int | None, asked: Asked) -> list[Row]:
    found = ways.read(session, provider_id, merchant_id, asked.first, asked.last)
    return [
        Row(NAMES[way], "", sums)
        for way, sums in found.items()
        if way in ALWAYS or not sums.is_nothing
    ]


def _shared(rows: list[Row], total: Sums) -> list[Row]:
    """With the share of each in what was paid, for the bars."""
    whole = total.paid_fen
    return [
        replace(row, share=round(100 * row.sums.paid_fen / whole) if whole else 0) for row in rows
    ]


def _ranked(
    session: Session, provider_id: int, merchant_id: int | None, asked: Asked
) -> tuple[Sums, list[Row], dict[str, str]]:
    """A page of merchants or stores, with the sum of all of them: the list adds up to it."""
    by: Literal["merchant", "store"] = "merchant" if asked.by == "merchant" else "store"
    after, before = (cursors.opened(one, int, int) for one in (asked.after, asked.before))
    page = ranking.page(
        session, provider_id, by, asked.first, asked.last,
        merchant_id=merchant_id, after=after, before=before,
    )  # fmt: skip
    rows = [_ranked_row(one, asked) for one in page.rows]
    pages = {"said": f"共 {page.count} 家" if by == "merchant" else f"共 {page.count} 家门店"}
    if page.rows and (before or page.has_more):
        pages["next"] = asked.url(after=cursors.sealed(*page.rows[-1].place))
    if page.rows and (after or (before and page.has_more)):
        pages["previous"] = asked.url(before=cursors.sealed(*page.rows[0].place))
    return page.total, rows, pages


def _ranked_row(one: Ranked, asked: Asked) -> Row:
    if asked.by == "store":
        return Row(one.name, f"{one.merchant} {one.number}", one.sums)
    link = replace(asked, by="store", merchant=one.number).url()
    return Row(one.name, one.number, one.sums, link)


def csv() -> ResponseReturnValue:
    return _file("csv")


def xlsx() -> ResponseReturnValue:
    return _file("xlsx")


def _file(kind: str) -> Response:
    """The whole table as a file, its sum below it, with who took it and when."""
    who, now = answers.operator(), deps().now()
    asked = Asked.from_query(request.args, china_day(now))
    rows, total = deps().transact(lambda s: _whole(s, who.provider, asked))
    by = (who.name, local_time(now))
    head = (
        "开始日", "结束日", BYS[asked.by].removeprefix("按"), "编号", "收款笔数", "收款金额",
        "退款笔数", "退款金额", "净收", "导出人", "导出时间",
    )  # fmt: skip
    _note(f"figures.{kind}", asked)
    lines = (
        (asked.first, asked.last, *_cells(row), *by) for row in [*rows, Row("合计", "", total)]
    )
    name = f"figures-{asked.by}-{asked.first}-{asked.last}.{kind}"
    return as_csv(name, head, lines) if kind == "csv" else as_xlsx(name, head, lines)


def _whole(session: Session, provider_id: int, asked: Asked) -> tuple[list[Row], Sums]:
    merchant = _merchant(session, provider_id, asked.merchant)
    if asked.merchant and merchant is None:
        raise BadInput("没有这个商户号")
    key = None if merchant is None else merchant[0]
    if asked.by in RANKED:
        by: Literal["merchant", "store"] = "merchant" if asked.by == "merchant" else "store"
        found = ranking.every(session, provider_id, by, asked.first, asked.last, merchant_id=key)
        rows = [Row(one.name, one.number, one.sums) for one in found]
    elif asked.by == "way":
        rows = _by_way(session, provider_id, key, asked)
    else:
        taken = cells.read(session, provider_id, key, asked.first, asked.last)
        rows = _rows([cell for cell in taken if cell.is_taken], asked)
    return rows, sum((row.sums for row in rows), Sums())


def _cells(row: Row) -> Iterable[object]:
    sums = row.sums
    return (
        row.name, row.note, sums.paid_count, yuan_from_fen(sums.paid_fen), sums.refund_count,
        yuan_from_fen(sums.refund_fen), yuan_from_fen(sums.net_fen),
    )  # fmt: skip


def _note(what: str, asked: Asked) -> None:
    """Whoever took a file with figures stands in the audit."""
    who = answers.operator()
    deps().transact(
        lambda s: audit.record(
            s, provider_id=who.provider, actor=who.actor, action="figures_exported",
            subject=f"provider:{who.provider}", at=deps().now(), file=what, by=asked.by,
            first=asked.first.isoformat(), last=asked.last.isoformat(), merchant=asked.merchant,
        )
    )  # fmt: skip


KINDS: Final = {"payment": "收款", "refund": "退款"}


def day_list() -> ResponseReturnValue:
    """Every payment and refund of one day: what its sums are made of."""
    who, today = answers.operator(), china_day(deps().now())
    asked = Asked.from_query({**request.args, "from": request.args.get("to", "")}, today)
    head = (
        "时间", "类别", "商户号", "商户", "门店", "钱包", "方式", "订单号", "单号", "金额",
        "导出人", "导出时间",
    )  # fmt: skip
    by = (who.name, local_time(deps().now()))
    _note("day.csv", asked)

    def unit(session: Session) -> Response:
        merchant = _merchant(session, who.provider, asked.merchant)
        if asked.merchant and merchant is None:
            raise BadInput("没有这个商户号")
        key = None if merchant is None else merchant[0]
        found = movements.of_day(session, who.provider, key, asked.last)
        return as_csv(f"day-{asked.last}.csv", head, ((*line, *by) for line in _lines(found)))

    return deps().transact(unit)


def _lines(found: Iterator[movements.MoneyMoved]) -> Iterator[tuple[object, ...]]:
    for one in found:
        yield (
            one.at, KINDS[one.kind], one.merchant_number, one.merchant, one.store,
            {"balance": "会员卡"}.get(one.channel) or charts.wallet(one.channel)[1],
            NAMES[Way(one.way)], one.out_trade_no, one.number, yuan_from_fen(one.fen),
        )  # fmt: skip
