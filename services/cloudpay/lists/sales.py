"""client_sub_mch_sales_overview: what shops and people sold by day, week, month or year."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from enum import IntEnum
from typing import Annotated

from pydantic import Field

from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.lists import older, overview
from services.cloudpay.lists.asked import FilterAsked, Moment, Names, PageNumber, page_size, wanted
from services.cloudpay.lists.figures import By, Figures
from services.cloudpay.lists.older import OlderOverview, sub_platforms
from services.cloudpay.shapes import Asked, Name32, Text32, Text64, Told, Whole
from services.cloudpay.statuses import bad_member
from services.cloudpay.structures import Platform


class Span(IntEnum):
    """StatType."""

    DAY = 1
    MONTH = 2
    WEEK = 3
    YEAR = 4

    def begins(self, day: date) -> date:
        """The first day of this day's span; a week begins on Monday."""
        match self:
            case Span.DAY:
                return day
            case Span.WEEK:
                return day - timedelta(days=day.weekday())
            case Span.MONTH:
                return day.replace(day=1)
            case Span.YEAR:
                return day.replace(month=1, day=1)


class ShopAsked(Asked):
    out_shop_id: Name32
    staff_ids: tuple[Text64, ...] = Field(default=(), max_length=100)


class SalesAsked(Asked):
    out_mch_id: Text32 = ""
    out_sub_mch_id: Text32 = ""
    shops: tuple[ShopAsked, ...] = Field(
        default=(), max_length=100, description="空为全部门店合计 / empty: all shops together"
    )
    pay_platform: Platform = 0
    trade_type: Annotated[int, Whole(0, 9)] = 0
    stat_type: Annotated[int, Whole(0, 4)] = Field(
        default=1, description="1 日 2 月 3 周 4 年 / 1 day, 2 month, 3 week, 4 year"
    )
    start_time: Moment
    end_time: Moment
    page_num: PageNumber = 1
    page_size: PageNumber = 50
    nonce_str: Text32 = ""


class SalesRow(OlderOverview):
    """`date`: the first China day of the span, as the number 20190829."""

    date: int
    out_mch_id: str
    out_sub_mch_id: str
    pay_platform: int | None = None
    out_shop_id: str | None = None
    staff_id: str | None = None


class Sales(Told):
    nonce_str: str
    total_count: int
    overview: OlderOverview
    stat_infos: tuple[SalesRow, ...]


def run(call: Call, asked: SalesAsked) -> Answer:
    size = page_size(call, asked.page_size)
    places = list(_places(asked))
    if len(places) > call.deps.settings.cpay_page_most:
        raise bad_member("shops", f"最多{call.deps.settings.cpay_page_most}个门店和店员")
    whole, rows = Figures(), []
    for place in places:
        for day, one in _spans(call, asked, *place):
            whole += one
            rows.append(_row(call, asked, place, day, one))
    rows.sort(key=lambda row: -row.date)  # the newest first; places as they were asked for
    first = (asked.page_num - 1) * size
    return Answer(
        Sales(
            nonce_str=fresh_nonce(),
            total_count=len(rows),
            overview=older.sums(whole),
            stat_infos=tuple(rows[first : first + size]),
        )
    )


def _places(asked: SalesAsked) -> Iterator[tuple[int, str, str]]:
    """Each shop, or each of the people named there: its place in the question, and both ids."""
    if not asked.shops:
        yield 0, "", ""
    for n, shop in enumerate(asked.shops):
        for staff_id in shop.staff_ids or ("",):
            yield n, shop.out_shop_id, staff_id


def _spans(
    call: Call, asked: SalesAsked, n: int, shop: str, staff: str
) -> list[tuple[date, Figures]]:
    same = FilterAsked(
        sub_pay_platforms=sub_platforms(asked.pay_platform),
        out_shop_id=shop,
        staff_id=staff,
        start_time=asked.start_time,
        end_time=asked.end_time,
        trade_type=asked.trade_type,
    )
    what = wanted(call, same, 3, Names(shop=f"shops[{n}].out_shop_id"))
    span = Span(asked.stat_type or Span.DAY)
    found: dict[date, Figures] = {}
    for group, one in overview.read(call, what, By(day=True)):
        assert group.day_on is not None
        begins = span.begins(group.day_on)
        found[begins] = found.get(begins, Figures()) + one
    return sorted(found.items())


def _row(
    call: Call, asked: SalesAsked, place: tuple[int, str, str], day: date, one: Figures
) -> SalesRow:
    return SalesRow(
        **older.sums(one).model_dump(),
        date=day.year * 10000 + day.month * 100 + day.day,
        out_mch_id=call.caller.out_mch_id,
        out_sub_mch_id=call.caller.out_sub_mch_id,
        pay_platform=asked.pay_platform or None,
        out_shop_id=place[1] or None,
        staff_id=place[2] or None,
    )
