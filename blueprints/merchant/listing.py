"""The order list as its page shows it: days with their takings, filters, one number's orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from blueprints.merchant import filters
from blueprints.merchant.detail import CHIPS
from services import totals
from services.order_list import (
    AMONG_NEWEST,
    PAGE,
    Kind,
    OrderRow,
    Scope,
    find_by_amount,
    find_by_number,
    list_orders,
)
from services.people.acting import Acting
from services.shop_figures import parts, scope
from services.totals import Takings, china_day
from services.ways import COUNTED, NAMES, Way
from web.formats import local_clock, local_day, money, tail4
from web.runtime import deps

HOME = "/m/orders"
NOT_BY_PAGE = COUNTED | {Way.CODE}
KINDS = {Kind.PAID: "已支付", Kind.REFUNDED: "有退款", Kind.OPEN: "待确认"}
NOTHING_FOUND = (
    "没有找到这个单号",
    "请核对单号：订单号、钱包单号或退款单号要完整；"
    f"订单号也可只输末 4 到 8 位，金额要带小数点，都在最近 {AMONG_NEWEST} 笔里找。",
)
NOTHING = {
    Kind.PAID: ("还没有付成的订单", "顾客付成后，订单会立刻出现在这里。"),
    Kind.REFUNDED: ("没有退款的订单", "有退款成功的订单会出现在这里。"),
    Kind.OPEN: ("没有待确认的订单", "顾客正在付款、结果还没确认的订单会出现在这里。"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; whatever is broken in it counts as not asked."""

    number: str = ""
    before: int | None = None
    store_id: int | None = None
    kind: Kind | None = None
    day: date | None = None  # the list begins with this China day and goes back

    @classmethod
    def from_query(cls, args: Mapping[str, str]) -> Self:
        return cls(
            number="".join(c for c in args.get("q", "") if c.isprintable()).strip()[:80],
            before=_number(args.get("before", "")),
            store_id=_number(args.get("store", "")),
            kind=next((kind for kind in Kind if kind == args.get("kind")), None),
            day=_day(args.get("day", "")),
        )

    def url(self) -> str:
        named = {
            "before": self.before,
            "store": self.store_id,
            "kind": self.kind and self.kind.value,
            "day": self.day and self.day.isoformat(),
        }
        query = urlencode({name: value for name, value in named.items() if value is not None})
        return f"?{query}" if query else HOME


def _number(typed: str) -> int | None:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else None


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def seen_by(session: Session, who: Acting) -> Scope:
    """The orders that this person may see."""
    return scope.scope_of(who, whole_store_on_duty=deps().settings.clerk_sees_store)


def shown(session: Session, who: Acting, asked: Asked) -> dict[str, Any]:
    """What the template takes."""
    seen = seen_by(session, who)
    if asked.number:
        return _found(session, seen, asked)
    here = scope.narrowed(session, seen, asked.store_id)
    asked = replace(asked, store_id=None if seen.store_id else here.store_id)
    before = _start(session, here, asked)
    rows = list_orders(session, here, kind=asked.kind, before=before)
    takings = None if asked.kind else _takings(session, here, rows)
    title, reason = _empty(asked)
    older = replace(asked, before=rows[-1].id, day=None) if len(rows) == PAGE else None
    stores = scope.stores(session, seen)
    return {
        "title": "我的订单" if here.staff_id is not None else "订单",
        "filters": filters.links(asked, KINDS, stores if seen.store_id is None else []),
        "asked": asked,
        "days": _days(rows, takings),
        "older_url": older and older.url(),
        "empty_title": title,
        "empty_reason": reason,
    }


def _found(session: Session, seen: Scope, asked: Asked) -> dict[str, Any]:
    """Says of each one whether it is paid: somebody asks whether a payment has arrived."""
    rows = find_by_number(session, seen, asked.number)
    rows += [] if rows else find_by_amount(session, seen, asked.number)
    title, reason = NOTHING_FOUND
    return {
        "title": "查找订单",
        "back_url": HOME,
        "asked": asked,
        "found": len(rows),
        "days": _days(rows, None, says_paid=True),
        "empty_title": title,
        "empty_reason": reason,
        "empty_url": HOME,
        "empty_label": "看全部订单",
    }


def _start(session: Session, here: Scope, asked: Asked) -> int | None:
    if asked.day is None:
        return asked.before
    newest = totals.newest_order(
        session, here.provider_id, here.merchant_id, here.store_id, asked.day
    )
    return newest + 1 if asked.before is None else min(asked.before, newest + 1)


def _empty(asked: Asked) -> tuple[str, str]:
    if asked.before is not None:
        return "没有更早的订单", "已经到最早的一笔了。"
    if asked.day is not None:
        return "这一天和以前都没有收款", "换一个日期，或看全部订单。"
    if asked.kind is not None:
        return NOTHING[asked.kind]
    return "还没有订单", "顾客扫收款码付款后，订单会立刻出现在这里。"


def _takings(session: Session, here: Scope, rows: Sequence[OrderRow]) -> dict[date, Takings]:
    days = sorted({china_day(row.at) for row in rows})
    if here.staff_id is None:
        return totals.per_day(session, here.provider_id, here.merchant_id, here.store_id, days)
    if not days:
        return {}
    found = parts.read(session, here, days[0], days[-1])
    taken = parts.grouped((part for part in found if part.is_taken), lambda part: part.day_on)
    return {
        day: Takings(
            sums.paid_count, sums.paid_fen, sums.refund_count, sums.refund_fen, sums.returned_fen
        )
        for day, sums in taken.items()
    }


def _days(
    rows: Sequence[OrderRow], takings: Mapping[date, Takings] | None, *, says_paid: bool = False
) -> list[dict[str, Any]]:
    """Each day once, where its newest order is: around midnight orders and payments interleave."""
    groups: dict[date, list[OrderRow]] = {}
    for one in rows:
        groups.setdefault(china_day(one.at), []).append(one)
    shown = []
    for day, members in groups.items():
        section: dict[str, Any] = {
            "label": local_day(members[0].at),
            "rows": [row(one, says_paid=says_paid) for one in members],
        }
        if takings is not None:
            took = takings.get(day, Takings())
            section |= {"count": took.paid_count, "net_fen": took.kept_fen}
            section |= {"card_fen": took.card_fen, "recharge_fen": took.recharge_fen}
            section |= {"card_count": took.card_count}
        shown.append(section)
    return shown


def row(one: OrderRow, *, says_paid: bool = False) -> dict[str, Any]:
    """A line of a list; that an order is paid goes without saying there."""
    kind, said = CHIPS.get(one.state, ("ok", "已支付") if says_paid else ("", ""))
    if one.state == "part_refunded":
        said = f"{said} {money(one.refunded_fen)}"
    came = one.place or (NAMES[one.way] if one.way in NOT_BY_PAGE else "")
    return {
        "channel": one.channel,
        "place": " · ".join(part for part in (one.shop.split(" · ")[-1], came) if part),
        "time": local_clock(one.at),
        "tail": tail4(one.out_trade_no),
        "amount_fen": one.amount_fen,
        "chip_kind": kind,
        "chip_text": said,
        "href": f"/m/orders/{one.out_trade_no}",
    }
