"""query_order_list: payments, refunds, holds and releases of a merchant, a page at a time."""

from __future__ import annotations

from sqlalchemy.orm import Session

from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.lists import paging, rows
from services.cloudpay.lists.asked import ListAsked, page_size, wanted
from services.cloudpay.lists.patience import within
from services.cloudpay.lists.told import Detail, OrderList
from services.cloudpay.lists.wanted import Wanted


def read(call: Call, what: Wanted, number: int, size: int) -> tuple[int, tuple[Detail, ...]]:
    """How many there are, and the lines of this page."""

    def unit(session: Session) -> tuple[int, tuple[Detail, ...]]:
        page = paging.page(session, what, number, size)
        return page.total, rows.read(session, call.caller, page.keys)

    return within(call, unit, is_quick=what.is_added_up)


def run(call: Call, asked: ListAsked) -> Answer:
    size = page_size(call, asked.page_size)
    total, lines = read(call, wanted(call, asked, asked.order_type), asked.page_num, size)
    return Answer(OrderList(nonce_str=fresh_nonce(), total_count=total, order_details=lines))
