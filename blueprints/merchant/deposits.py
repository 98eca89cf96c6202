"""`/m/deposits`: the money of payers that wallets hold for the merchant, and one hold's story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self
from urllib.parse import urlencode

from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.merchant import answers, deposit_detail, deposit_release, filters
from blueprints.merchant.deposit_detail import HOME
from services.deposits import listing, telling
from services.deposits.listing import HoldRow, Kind, Standing, Whose
from services.order_list import PAGE
from services.people.acting import Acting
from services.shop_figures import scope
from services.totals import china_day
from web.formats import local_clock, local_day, money, tail4
from web.runtime import deps

KINDS: Final = {Kind.OPEN: "冻结中", Kind.SOON: "快到期", Kind.ENDED: "已结束"}
NOTHING: Final = {
    None: ("还没有押金", "收银系统冻结顾客的押金后，会立刻出现在这里。"),
    Kind.OPEN: ("没有冻结中的押金", "冻结的钱都已消费或退还。"),
    Kind.SOON: ("没有快到期的押金", "七天内会自动退回的押金出现在这里。"),
    Kind.ENDED: ("没有已结束的押金", "消费完、退还或到期的押金出现在这里。"),
}
NOTHING_FOUND: Final = (
    "没有找到这个单号",
    "押金单号、钱包单号、消费的订单号或退还单号要完整；押金单号也可只输末 4 到 8 位。",
)
OFF_DUTY: Final = ("现在看不到押金", "上班后能看到本店的押金。")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; whatever is broken in it counts as not asked."""

    number: str = ""
    before: int | None = None
    store_id: int | None = None
    kind: Kind | None = None

    @classmethod
    def from_query(cls, args: Mapping[str, str]) -> Self:
        return cls(
            number="".join(c for c in args.get("q", "") if c.isprintable()).strip()[:80],
            before=_number(args.get("before", "")),
            store_id=_number(args.get("store", "")),
            kind=next((kind for kind in Kind if kind == args.get("kind")), None),
        )

    def url(self) -> str:
        named = {
            "before": self.before, "store": self.store_id, "kind": self.kind and self.kind.value,
        }  # fmt: skip
        query = urlencode({name: value for name, value in named.items() if value is not None})
        return f"{HOME}?{query}" if query else HOME


def _number(typed: str) -> int | None:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else None


def show() -> ResponseReturnValue:
    asked = Asked.from_query(request.args)
    shown = deps().transact(lambda s: _list(s, g.staff, asked))
    return answers.page(
        "merchant/deposits.html", **{"back_url": "/m/orders", "asked": asked, **shown}
    )


def _list(session: Session, who: Acting, asked: Asked) -> dict[str, Any]:
    seen, now = deposit_detail.seen(who), deps().now()
    if asked.number:
        return _found(session, Whose.of(seen), asked.number, now)
    here = scope.narrowed(session, seen, asked.store_id)
    asked = replace(asked, store_id=None if seen.store_id else here.store_id)
    whose = Whose.of(here)
    rows = listing.list_holds(session, whose, now, kind=asked.kind, before=asked.before)
    older = replace(asked, before=rows[-1].id) if len(rows) == PAGE else None
    stores = scope.stores(session, seen) if seen.store_id is None else []
    title, reason = OFF_DUTY if whose.is_nobody else NOTHING[asked.kind]
    if asked.before is not None:
        title, reason = "没有更早的押金", "已经到最早的一笔了。"
    return {
        "title": "押金",
        "standing": listing.standing(session, whose, now),
        "filters": filters.links(asked, KINDS, stores),
        "days": _days(rows, now),
        "older_url": older and older.url(),
        "empty_title": title,
        "empty_reason": reason,
    }


def _found(session: Session, whose: Whose, typed: str, now: datetime) -> dict[str, Any]:
    rows = listing.find_holds(session, whose, typed)
    title, reason = OFF_DUTY if whose.is_nobody else NOTHING_FOUND
    return {
        "title": "查找押金",
        "back_url": HOME,
        "found": len(rows),
        "days": _days(rows, now),
        "empty_title": title,
        "empty_reason": reason,
    }


def _days(rows: Sequence[HoldRow], now: datetime) -> list[dict[str, Any]]:
    groups: dict[Any, list[HoldRow]] = {}
    for one in rows:
        groups.setdefault(china_day(one.created_at), []).append(one)
    return [
        {"label": local_day(members[0].created_at), "rows": [_row(one, now) for one in members]}
        for members in groups.values()
    ]


def _row(one: HoldRow, now: datetime) -> dict[str, Any]:
    kind, said = telling.state(one, now)
    return {
        "channel": one.channel,
        "place": one.shop.split(" · ")[-1],
        "time": local_clock(one.created_at),
        "tail": tail4(one.out_freeze_no),
        "amount_fen": one.freeze_fen,
        "follow": f"还剩 {money(one.left_fen)}" if 0 < one.left_fen < one.freeze_fen else "",
        "chip_kind": kind,
        "chip_text": said,
        "href": deposit_detail.url_of(one.out_freeze_no),
    }


def standing(session: Session, who: Acting, store_id: int | None = None) -> Standing | None:
    """What is held, for the line on other pages; None where there never was a deposit."""
    here = scope.narrowed(session, deposit_detail.seen(who), store_id)
    found = listing.standing(session, Whose.of(here), deps().now())
    return found if found.has_any else None


def one(out_freeze_no: str) -> ResponseReturnValue:
    who: Acting = g.staff
    found = deposit_detail.find(who, out_freeze_no)
    said = deposit_release.said(found, request.args.get("release", ""))
    may = deposit_release.may_give_back(who)
    return answers.page(
        "merchant/deposit.html", **{**deposit_detail.shown(found, may_release=may), **said}
    )
