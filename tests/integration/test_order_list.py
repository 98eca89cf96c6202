"""The merchant's list: narrowed, begun at a day, and searched by any number that a person holds."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import event
from sqlalchemy.orm import Session

from services import order_list
from services.order_list import AMONG_NEWEST, Kind, Scope, clean
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import orders
from tests.integration.refunds.helping import WALLETS, MakePhone, pay, refund, refunds
from web.formats import figure

OWN, OTHER = "sub01QINGHE8H2K4M6P9", "sub02NANCHUANG5T7W2Y"


class Desk:
    """A merchant's owner, signed in."""

    def __init__(self, product: Product, merchant: str) -> None:
        row = product.one(
            "SELECT s.public_id FROM staff s JOIN merchant m ON m.provider_id = s.provider_id"
            " AND m.id = s.merchant_id WHERE m.out_sub_mch_id = :m",
            m=merchant,
        )
        self._url, self._session = product.url, requests.Session()
        self._session.trust_env = False
        self.get(f"/m/demo-login/{row.public_id}")

    def get(self, path: str, **query: str) -> str:
        answer = self._session.get(self._url + path, params=query, timeout=10)
        assert answer.status_code == 200
        return answer.text

    def numbers(self, **query: str) -> list[str]:
        """The orders on that page, from top to bottom."""
        return re.findall(r'href="/m/orders/([^"]+)"', self.get("/m/orders", **query))


@pytest.fixture
def own(product: Product) -> Desk:
    return Desk(product, OWN)


@WALLETS
def test_an_order_is_found_by_each_of_its_numbers(
    product: Product, simulator: Simulator, phone: MakePhone, own: Desk, wallet: str
) -> None:
    order = pay(product, phone, wallet)
    refund(product, order, 100)
    simulator.advance(15)
    product.sweep()
    back = refunds(product)[0]
    numbers = [order.out_trade_no, order.transaction_id, back.out_refund_no]
    numbers += [back.refund_id] if wallet == "wechat" else []  # Alipay's refunds have none
    numbers += [order.out_trade_no[-n:] for n in (4, 6, 8)]
    for number in numbers:
        assert own.numbers(q=number)[0] == order.out_trade_no, number
    assert "找到 1 笔" in own.get(
        "/m/orders", q=f"  {order.transaction_id[:9]} {order.transaction_id[9:]}"
    )
    wide = "".join(chr(ord(c) + 0xFEE0) for c in order.transaction_id)
    assert own.numbers(q=wide) == [order.out_trade_no], "as a Chinese keyboard may write it"


def test_a_further_attempt_s_number_finds_its_order(
    product: Product, phone: MakePhone, own: Desk
) -> None:
    order = pay(product, phone, "wechat")
    product.do("UPDATE pay_attempt SET out_trade_no = 'other_2' WHERE order_id = :o", o=order.id)
    assert own.numbers(q="other_2") == [order.out_trade_no]
    product.do(
        "UPDATE pay_attempt SET out_trade_no = :n WHERE order_id = :o",
        n=order.out_trade_no,
        o=order.id,
    )


def _ends_one_of(product: Product, merchant: str, tail: str) -> bool:
    found = product.sql(
        "SELECT 1 FROM pay_order o JOIN merchant m ON m.provider_id = o.provider_id"
        " AND m.id = o.merchant_id WHERE m.out_sub_mch_id = :m AND right(o.out_trade_no, 4) = :t",
        m=merchant, t=tail,
    )  # fmt: skip
    return bool(found)


def test_another_merchant_s_number_is_a_number_that_does_not_exist(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    """The same bytes: nobody can try out which numbers exist."""
    order = pay(product, phone, "wechat")
    refund(product, order, 100)
    simulator.advance(15)
    product.sweep()
    back = refunds(product)[0]
    other = Desk(product, OTHER)
    for number in (
        *(order.out_trade_no, order.transaction_id, back.out_refund_no, back.refund_id),
        *(order.out_trade_no[-8:], order.out_trade_no[-4:]),
    ):
        if len(number) == 4 and _ends_one_of(product, OTHER, number):
            continue  # by chance an order of theirs ends so, too
        none = "Z" * len(number)
        foreign, nothing = (other.get("/m/orders", q=one) for one in (number, none))
        assert "没有找到这个单号" in nothing
        assert foreign.replace(number, "") == nothing.replace(none, ""), number


@pytest.mark.parametrize(
    "typed",
    [
        "x",
        "单号",
        "' OR 1=1 --",
        "%",
        "____",
        "a" * 65,
        "<b>1234</b>",
        "12\n34'",
    ],
)
def test_what_is_no_number_is_not_found(own: Desk, typed: str) -> None:
    page = own.get("/m/orders", q=typed)
    assert "没有找到这个单号" in page
    assert "<b>1234" not in page


@pytest.mark.parametrize("typed", ["   ", "\x07\x07", "\n"])
def test_a_blank_search_is_the_list(own: Desk, typed: str) -> None:
    assert own.numbers(q=typed) == own.numbers()


def test_last_digits_are_looked_for_among_the_newest_only(product: Product, own: Desk) -> None:
    rows = product.sql(
        "SELECT o.id, o.out_trade_no FROM pay_order o JOIN merchant m ON m.provider_id ="
        " o.provider_id AND m.id = o.merchant_id WHERE m.out_sub_mch_id = :m ORDER BY o.id DESC",
        m=OWN,
    )
    assert len(rows) < AMONG_NEWEST
    oldest = rows[-1]
    tail = oldest.out_trade_no[-8:]
    assert own.numbers(q=tail) == [oldest.out_trade_no]
    product.do(
        "INSERT INTO pay_order (provider_id, out_trade_no, public_id, intent_key, merchant_id,"
        " store_id, channel, status, close_reason, amount_fen, quantity, refunded_fen, remark,"
        " is_unknown, is_late, is_frozen, created_at, expires_at)"
        " SELECT provider_id, 'many' || n, 'many' || n, 'demo:many' || n, merchant_id, store_id,"
        " channel, 'closed', 'expired', 1, 1, 0, '', false, false, false, created_at, expires_at"
        " FROM pay_order, generate_series(1, :n) n WHERE id = :o",
        n=AMONG_NEWEST,
        o=oldest.id,
    )
    assert own.numbers(q=tail) == []
    assert own.numbers(q=oldest.out_trade_no) == [oldest.out_trade_no]


def test_the_list_is_narrowed_to_refunds_and_to_what_is_open(
    product: Product, simulator: Simulator, phone: MakePhone, own: Desk
) -> None:
    order = pay(product, phone, "wechat")
    store = str(order.store_id)
    assert own.numbers(kind="refunded") == []
    assert "没有退款的订单" in own.get("/m/orders", kind="refunded")
    refund(product, order, 100)
    simulator.advance(15)
    product.sweep()
    assert own.numbers(kind="refunded") == [order.out_trade_no]
    assert own.numbers(kind="refunded", store=store) == [order.out_trade_no]
    assert "没有待确认的订单" in own.get("/m/orders", kind="open")
    phone("wechat", "zhou").start(amount="5")
    waiting = orders(product)[-1].out_trade_no
    assert own.numbers(kind="open") == [waiting]
    assert own.numbers(kind="nonsense") == own.numbers()


def test_pages_of_one_store_go_by_key_without_gaps_or_repeats(product: Product, own: Desk) -> None:
    store = product.one(
        "SELECT o.store_id AS id FROM pay_order o JOIN merchant m ON m.provider_id = o.provider_id"
        " AND m.id = o.merchant_id WHERE m.out_sub_mch_id = :m"
        " GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
        m=OWN,
    )
    seen, path = list[str](), f"/m/orders?store={store.id}"
    while True:
        page = own.get(path)
        seen += re.findall(r'href="/m/orders/([^"]+)"', page)
        older = re.search(r'href="(\?before=[^"]+)"', page)
        if older is None:
            break
        assert f"store={store.id}" in older[1]
        path = "/m/orders" + older[1].replace("&amp;", "&")
    expected = product.sql(
        "SELECT out_trade_no FROM pay_order WHERE store_id = :s ORDER BY id DESC", s=store.id
    )
    assert len(expected) > 20
    assert seen == [row.out_trade_no for row in expected]


def test_the_list_begins_with_a_day_and_its_takings_are_that_day_s(
    product: Product, own: Desk
) -> None:
    day = (product.deps.now() - timedelta(days=5)).date()
    expected = product.one(
        "SELECT count(*) AS n, sum(o.amount_fen) AS fen, max(o.id) AS newest FROM pay_order o"
        " JOIN merchant m ON m.provider_id = o.provider_id AND m.id = o.merchant_id"
        " WHERE m.out_sub_mch_id = :m AND o.status = 'paid'"
        " AND CAST(o.paid_at AT TIME ZONE 'Asia/Shanghai' AS date) = :d",
        m=OWN,
        d=day,
    )
    page = own.get("/m/orders", day=day.isoformat())
    heading = re.search(r"<h2>(\d+) 月 (\d+) 日 周.</h2><span>(\d+) 笔", page)
    assert heading is not None
    assert [int(part) for part in heading.groups()] == [day.month, day.day, expected.n]
    assert figure(int(expected.fen)) in page
    top = product.one("SELECT out_trade_no AS n FROM pay_order WHERE id = :i", i=expected.newest)
    assert own.numbers(day=day.isoformat())[0] == top.n
    assert "这一天和以前都没有收款" in own.get("/m/orders", day="2020-01-01")
    assert own.numbers(day="2020-13-99") == own.numbers()


def test_the_list_takes_few_questions(product: Product, own: Desk) -> None:
    """Who is it (two), then rows, takings, stores and what is held: one question each."""
    asked: list[str] = []

    def note(*words: Any) -> None:
        asked.append(words[2])

    event.listen(product.deps.db.engine, "before_cursor_execute", note)
    own.get("/m/orders")
    listed = len(asked)
    asked.clear()
    own.get("/m/orders", q="nothing1234567890")
    assert (listed, len(asked)) == (6, 3)


@pytest.mark.parametrize(
    ("scope", "kind", "index"),
    [
        ({}, None, "ix_pay_order_merchant_newest"),
        ({"store_id": 7}, None, "ix_pay_order_store_newest"),
        ({}, Kind.REFUNDED, "ix_pay_order_merchant_refunded"),
        ({"store_id": 7}, Kind.REFUNDED, "ix_pay_order_store_refunded"),
        ({}, Kind.OPEN, "ix_pay_order_merchant_open"),
    ],
)
def test_every_filter_has_an_index_in_its_own_words(
    product: Product, scope: dict[str, int], kind: Kind | None, index: str
) -> None:
    """The planner can use it here; bench/order_lists.py shows that it does."""
    wanted = order_list.listed(Scope(1, 1, **scope), kind, 99, 20)

    def unit(session: Session) -> str:
        connection = session.connection()
        made = wanted.compile(connection, compile_kwargs={"literal_binds": True})
        for name in ("enable_seqscan", "enable_sort", "enable_bitmapscan", "enable_hashjoin"):
            connection.exec_driver_sql(f"SET LOCAL {name} = off")
        return "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {made}"))

    assert f"using {index}" in product.deps.transact(unit)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        (" 4200 0026 14 ", "4200002614"),
        ("１２３４", "1234"),
        ("ab_1|2*3@4-5", "ab_1|2*3@4-5"),
        ("123", None),
        ("", None),
        ("a" * 64, "a" * 64),
    ],
)
def test_numbers_as_people_type_them(typed: str, number: str | None) -> None:
    assert clean(typed) == number
