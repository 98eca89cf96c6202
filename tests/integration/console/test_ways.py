"""How payments came: the API's own roads and deposits have their own words, to the fen."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

import pytest

from config.settings import ROOT
from services import totals, totals_check, way_totals_check
from services.totals import china_day
from services.ways import NAMES, Way
from tests.harness.cloudpay import Till
from tests.harness.console import Console
from tests.harness.product import Product
from tests.integration.cloudpay.helping import paid
from tests.integration.cloudpay.ordering import (
    APP,
    H5,
    MINI,
    PAGE_ALIPAY,
    PAGE_WECHAT,
    SCAN_ALIPAY,
    SCAN_WECHAT,
    number_of,
    order,
    ordered,
    pay,
)
from tests.integration.codepay.helping import pay as charge
from tests.integration.console.helping_figures import added, counted, table
from tests.integration.deposits.helping import Desk
from tests.integration.people.desk import Desk as Staff
from tests.integration.people.desk import peopled
from tests.integration.refunds.helping import refund

ROADS = (
    (SCAN_WECHAT, Way.API_NATIVE), (SCAN_ALIPAY, Way.API_NATIVE), (PAGE_WECHAT, Way.API_JSAPI),
    (PAGE_ALIPAY, Way.API_JSAPI), (MINI, Way.API_MINI), (H5, Way.API_H5), (APP, Way.API_APP),
)  # fmt: skip
BACK = "SELECT status FROM refund WHERE id = ANY(:ids)"
Made = dict[Way, list[str]]


@pytest.fixture
def made(product: Product, phone: Any) -> Made:
    """One payment or more by each way, of sums that are all different, and some of it back."""
    till = Till.of(product)
    found: Made = {way: [] for way in Way if way is not Way.RECHARGE}
    phone().pay(amount="9.01")
    found[Way.PAGE] += [
        product.one("SELECT out_trade_no AS n FROM pay_order ORDER BY id DESC LIMIT 1").n
    ]
    product.wait_paid(found[Way.PAGE][0])
    found[Way.CODE].append(charge(product, "wechat", 902).out_trade_no)
    found[Way.API_CODE].append(paid(product, till, "alipay", 903))
    for fen, (road, way) in enumerate(ROADS, 904):
        content = order(till, road, fen)
        pay(product, road, ordered(till, road, content))
        product.wait_paid(number_of(content))
        found[way].append(number_of(content))
    desk = Desk(product)
    held = desk.freeze("alipay", 5000)
    found[Way.DEPOSIT].append(desk.consume(held, 911, ends=False).out_trade_no)
    desk.after(held, 5)
    asked: list[int] = []
    for way in (Way.API_NATIVE, Way.API_CODE, Way.DEPOSIT, Way.PAGE):
        row = product.one("SELECT * FROM pay_order WHERE out_trade_no = :n", n=found[way][0])
        asked.append(refund(product, row, 100).id)
    product.sweep()
    until_back(product, asked)
    return found


def until_back(product: Product, refunds: list[int]) -> None:
    """The wallet tells of them by itself: what is counted meanwhile changes between two looks."""
    ends = time.monotonic() + 20
    while {one.status for one in product.sql(BACK, ids=refunds)} != {"success"}:
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_each_way_has_its_own_line_and_all_add_up(product: Product, made: Made) -> None:
    """While the rows wait, half added up and whole; of all merchants and of one."""
    console, deps = Console(product), product.deps
    day = china_day(deps.now())
    number = Till.of(product).out_sub_mch_id
    merchant = product.one("SELECT id FROM merchant WHERE out_sub_mch_id = :n", n=number).id
    for most in (0, 5, 10_000):
        if most:
            totals.fold(deps, most)
        for own in ("", f"&m={number}"):
            narrowed = "o.merchant_id = :m" if own else "true"
            rows, total = table(console.get(f"/figures?span=day&by=way{own}").text)
            assert added(rows) == total == counted(product, day, day, narrowed, m=merchant)
            for way, numbers in made.items():
                if way is not Way.PAGE:  # the demo has taken by pages, too
                    mine = counted(
                        product, day, day, f"{narrowed} AND o.out_trade_no = ANY(:n)", n=numbers,
                        m=merchant,
                    )  # fmt: skip
                    assert (way, rows[NAMES[way]]) == (way, mine)
    assert deps.transact(totals_check.differences) == []
    assert deps.transact(way_totals_check.differences) == []
    assert "占收款" in console.get("/figures?span=day&by=way").text


def test_files_pages_and_lists_say_the_way(product: Product, made: Made) -> None:
    console = Console(product)
    day = china_day(product.deps.now())
    text = console.get(f"/figures/day.csv?to={day}").content.decode("utf-8-sig")
    said = {row["订单号"]: row["方式"] for row in csv.DictReader(io.StringIO(text))}
    by_way = console.get("/figures.csv?span=day&by=way").content.decode("utf-8-sig")
    for way, numbers in made.items():
        assert NAMES[way] in by_way
        for number in numbers:
            assert (number, said[number]) == (number, NAMES[way])
            page = console.get(f"/orders/{number}").text
            assert f"<dt>方式</dt><dd>{NAMES[way]}</dd>" in page
    peopled(product)
    owner = Staff(product, "p20")
    text = owner.get(f"/m/orders.csv?day={day}").content.decode("utf-8-sig")
    own = {row["订单号"]: row["方式"] for row in csv.DictReader(io.StringIO(text))}
    assert own[made[Way.API_MINI][0]] == NAMES[Way.API_MINI]
    assert NAMES[Way.API_H5] in owner.get("/m/orders").text
    owner.get(f"/m/orders/{made[Way.API_APP][0]}")
    assert "方式 接口 · App" in owner.said


def test_a_way_s_total_that_is_wrong_is_named_and_repaired(product: Product, made: Made) -> None:
    while totals.fold(product.deps):
        pass
    product.do("UPDATE way_total SET paid_fen = paid_fen + 7 WHERE way = 'api_app'")
    product.do("UPDATE way_total SET refund_count = 9 WHERE way = 'deposit' AND merchant_id = 0")
    runner = product.app.test_cli_runner()
    named = runner.invoke(args=["totals", "verify"])
    assert named.exit_code == 1
    assert "api_app misses -7 fen paid" in named.output
    assert "all  alipay  deposit misses 0 fen paid" in named.output
    assert runner.invoke(args=["totals", "verify", "--repair"]).exit_code == 0
    assert product.deps.transact(way_totals_check.differences) == []


def test_what_was_taken_before_the_migration_is_counted_by_it(product: Product, made: Made) -> None:
    while totals.fold(product.deps):
        pass
    sql = (ROOT / "migrations/sql/0034_ways_and_open_deposits.sql").read_text("utf-8")
    counting = sql[sql.index("WITH ours AS") : sql.index(";", sql.index("WITH ours AS"))]
    kept = "SELECT provider_id, merchant_id, day_on, channel, way, paid_count, paid_fen,"
    kept += " refund_count, refund_fen FROM way_total"
    counted_anew = sorted(tuple(row) for row in product.sql(counting))
    assert counted_anew == sorted(tuple(row) for row in product.sql(kept))
    assert len({row[4] for row in counted_anew}) == 7
