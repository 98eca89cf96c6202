"""The console's figures: every total equals its list, and both equal the orders themselves."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from openpyxl import load_workbook

from services import totals, totals_check
from services.provider_figures import ranking, today
from services.totals import china_day
from tests.harness.console import Console
from tests.harness.product import Product
from tests.integration.console.helping_figures import added, counted, fen, plain, table
from tests.integration.totals.helping import Shop, ask_back, give_back, make, pay, shops

pytestmark = pytest.mark.books_differ  # the wallets' words are said by the test itself

NOON = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
DAY = NOON.date()


def by_code(product: Product, order_id: int) -> None:
    """As the till's road writes it down: before it is paid."""
    product.do("UPDATE pay_order SET intent_key = 'code:' || id WHERE id = :i", i=order_id)


def trade(product: Product, places: list[Shop], at: datetime) -> None:
    """A mixed day of the main provider's shops: two wallets, a payment code, refunds, midnight."""
    for n, shop in enumerate(places):
        for wallet in ("wechat", "alipay"):
            order = make(product.deps, shop, at, 1000 + 100 * n, wallet)
            if n % 2:
                by_code(product, order.order_id)
            pay(product.deps, order, at)
            back = ask_back(product.deps, order, 300, at)
            give_back(product.deps, order, back, at + timedelta(hours=13 * (n % 2)))


def test_every_total_equals_its_list_and_the_orders(product: Product) -> None:
    """While the rows still wait and when they are added up; by each way of adding up."""
    places = [shop for shop in shops(product.deps) if shop.provider_id == 1]
    others = [shop for shop in shops(product.deps) if shop.provider_id != 1]
    trade(product, places, NOON)
    trade(product, others, NOON)
    desk = Console(product)
    whole = counted(product, DAY, DAY + timedelta(days=1))
    assert whole[0] == 2 * len(places)
    assert whole[3] == 600 * len(places)
    _tables_agree(product, desk, places[0])
    assert totals.fold(product.deps, 7) == 7
    _tables_agree(product, desk, places[0])
    while totals.fold(product.deps):
        pass
    _tables_agree(product, desk, places[0])
    assert product.deps.transact(totals_check.differences) == []
    assert product.deps.transact(totals_check.hour_differences) == []


def _tables_agree(product: Product, desk: Console, shop: Shop) -> None:
    first, last = DAY, DAY + timedelta(days=1)
    span, whole = f"from={first}&to={last}", counted(product, first, last)
    for by in ("day", "merchant", "store", "wallet", "way"):
        rows, total = table(desk.get(f"/figures?{span}&by={by}").text)
        assert (by, added(rows), total) == (by, whole, whole)
    rows, _ = table(desk.get(f"/figures?{span}&by=way").text)
    assert rows["付款码收款"] == counted(product, first, last, "o.intent_key LIKE 'code:%'")
    rows, _ = table(desk.get(f"/figures?{span}&by=wallet").text)
    assert rows["支付宝"] == counted(product, first, last, "o.channel = 'alipay'")
    merchant = product.one(
        "SELECT id, out_sub_mch_id AS n FROM merchant WHERE id = :i", i=shop.merchant_id
    )
    own = counted(product, first, last, "o.merchant_id = :m", m=merchant.id)
    for by in ("day", "store", "wallet", "way"):
        rows, total = table(desk.get(f"/figures?{span}&by={by}&m={merchant.n}").text)
        assert (by, added(rows), total) == (by, own, own)
    assert "没有这个商户号" in desk.get(f"/figures?{span}&m=nobody").text


def test_files_hold_the_same_and_no_formula(product: Product) -> None:
    places = [shop for shop in shops(product.deps) if shop.provider_id == 1]
    product.do("UPDATE merchant SET name = '=1+1' WHERE id = :i", i=places[0].merchant_id)
    trade(product, places, NOON)
    desk = Console(product, "demo-operator")
    whole = counted(product, DAY, DAY)
    said = desk.get(f"/figures.csv?from={DAY}&to={DAY}&by=merchant")
    assert said.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(said.content.decode("utf-8-sig"))))
    assert rows[-1]["商户"] == "合计"
    assert [sum(fen(r["收款金额"]) for r in rows[:-1]), fen(rows[-1]["收款金额"])] == [whole[1]] * 2
    assert fen(rows[-1]["净收"]) == whole[4]
    assert "'=1+1" in {row["商户"] for row in rows}
    book = load_workbook(io.BytesIO(desk.get(f"/figures.xlsx?from={DAY}&to={DAY}").content))
    lines = list(book.active.iter_rows(values_only=True))
    assert fen(str(lines[-1][5])) == whole[1]
    one_by_one = desk.get(f"/figures/day.csv?to={DAY}").content.decode("utf-8-sig")
    moves = list(csv.DictReader(io.StringIO(one_by_one)))
    assert sum(fen(row["金额"]) for row in moves) == whole[4]
    assert len(moves) == whole[0] + whole[2]
    viewer = Console(product, "demo-viewer")
    assert viewer.get(f"/figures.csv?from={DAY}&to={DAY}").status_code == 403
    taken = product.sql("SELECT facts FROM audit_entry WHERE action = 'figures_exported'")
    assert len(taken) == 3


def test_pages_of_a_ranking_go_forth_and_back_and_leave_nobody_out(product: Product) -> None:
    places = [shop for shop in shops(product.deps) if shop.provider_id == 1]
    for shop in places:  # all of the same sum: the order is theirs by id
        pay(product.deps, make(product.deps, shop, NOON, 500), NOON)

    def page(**more: object) -> ranking.Page:
        return product.deps.transact(
            lambda s: ranking.page(s, 1, "store", DAY, DAY, most=2, **more)  # type: ignore[arg-type]
        )

    seen, at = [], page()
    pages = [at]
    while at.has_more:
        at = page(after=at.rows[-1].place)
        pages.append(at)
    for one in pages:
        seen += [row.id for row in one.rows]
    stores = sorted({shop.store_id for shop in places})
    assert sorted(seen) == stores
    assert len(seen) == len(set(seen)) == pages[0].count
    assert pages[0].total.paid_fen == 500 * len(places)
    back = page(before=pages[-1].rows[0].place)
    assert [row.id for row in back.rows] == [row.id for row in pages[-2].rows]


def test_the_overview_tells_how_today_goes(product: Product) -> None:
    """Takings, those of a week ago by this minute, what succeeds, what waits, who is at it."""
    deps, places = product.deps, [shop for shop in shops(product.deps) if shop.provider_id == 1]
    product.simulator.advance(
        (NOON + timedelta(minutes=30) - deps.now() + timedelta(days=365)).total_seconds()
    )
    now, week = deps.now(), deps.now() - timedelta(days=7)
    for at, amount in (
        (now - timedelta(minutes=5), 2500), (now - timedelta(hours=2), 500),
        (week - timedelta(hours=3), 1000), (week - timedelta(minutes=1), 1000),
        (week + timedelta(minutes=1), 7000), (week + timedelta(hours=2), 7000),
    ):  # fmt: skip
        pay(deps, make(deps, places[0], at, amount), at)
    refused = make(deps, places[1], now - timedelta(minutes=2), 900)
    product.do(
        "UPDATE pay_attempt SET status = 'rejected', due_at = NULL WHERE id = :i",
        i=refused.attempt_id,
    )
    product.do(
        "UPDATE pay_order SET status = 'closed', close_reason = 'rejected',"
        " reject_code = 'APPID_MCHID_NOT_MATCH', reject_message = :m WHERE id = :i",
        i=refused.order_id, m="商户号与应用不匹配",
    )  # fmt: skip
    silent = make(deps, places[0], now - timedelta(seconds=42), 100)
    product.do("UPDATE pay_order SET is_unknown = true WHERE id = :i", i=silent.order_id)
    for _ in range(2):
        day = deps.transact(lambda s: today.read(s, 1, now))
        assert (day.sums.paid_fen, day.sums.paid_count, day.week_ago_fen) == (3000, 2, 2000)
        assert day.change == 50.0
        assert (day.recent.decided, day.recent.succeeded, day.recent.share) == (2, 1, 50.0)
        assert (day.unknown, day.active) == (1, 1)
        while totals.fold(deps):
            pass
    page = Console(product, "demo-viewer").get("/").text
    assert china_day(now) == day.day
    shown = plain(page.split("今日收款</h2>")[1].split("<p")[0])
    assert shown == "¥30.00"
    assert "+50.0%" in page
    assert "50.0%</span>" in page
    assert "商户号与应用不匹配" in page
    assert "APPID_MCHID_NOT_MATCH" in page
    assert re.search("最久 4[2-9] 秒|最久 5. 秒", page)
    assert "导出日报" not in page  # a viewer takes no files


def test_hours_that_miss_something_are_named_and_repaired(product: Product) -> None:
    shop = shops(product.deps)[0]
    pay(product.deps, make(product.deps, shop, NOON, 100), NOON)
    while totals.fold(product.deps):
        pass
    product.do("UPDATE provider_hour SET paid_fen = paid_fen + 5 WHERE day_on = :d", d=DAY)
    runner = product.app.test_cli_runner()
    named = runner.invoke(args=["totals", "verify"])
    assert (named.exit_code, "the hours miss -5 fen paid" in named.output) == (1, True)
    assert runner.invoke(args=["totals", "verify", "--repair"]).exit_code == 0
    row = product.one("SELECT sum(paid_fen) AS fen FROM provider_hour WHERE day_on = :d", d=DAY)
    assert row.fen == 100
