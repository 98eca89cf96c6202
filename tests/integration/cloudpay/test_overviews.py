"""Overviews: what lists add up to, what the shop's office shows; the older and shorter shapes."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services import totals
from services.bills.days import china_date, starts
from services.cloudpay.statuses import Internal
from services.order_list import Scope
from services.provider_figures import cells
from services.shop_figures import parts
from tests.harness.cloudpay import Till
from tests.harness.product import Product
from tests.integration.cards.recharge.helping import open_shop
from tests.integration.cloudpay.helping import refusal
from tests.integration.cloudpay.histories import (
    NOON,
    History,
    listed,
    names,
    note_call,
    own_shops,
    question,
    seconds,
    summed,
)
from tests.integration.totals.helping import ask_back, give_back, make, pay

pytestmark = pytest.mark.books_differ  # the wallets' words are said by the tests themselves
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
WALLETS = {100: "wechat", 200: "alipay", 300: "balance"}


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


def added(rows: list[dict[str, Any]]) -> dict[int, Counter[str]]:
    """What an overview's rows must say, from the rows of the list alone."""
    found: dict[int, Counter[str]] = {}
    for row in rows:
        sums = found.setdefault(row["sub_pay_platform"], Counter())
        if row["what"] == "order":
            if "time_end" not in row:
                continue
            sums["success_count"] += 1
            sums["success_amount"] += row["total_fee"]
            sums["pay_settle_amount"] += row["settlement_total_fee"]
            sums["settle_amount"] += row["settlement_total_fee"]
            sums["order_refunded_amount"] += row["refunded_fee"]
        else:
            sums["refund_create_count"] += 1
            sums["refund_create_amount"] += row["refund_fee"]
            sums["refund_settle_amount"] += row.get("settlement_refund_fee", 0)
            sums["settle_amount"] -= row.get("settlement_refund_fee", 0)
    for sums in found.values():
        sums["income_amount"] = sums["settle_amount"]
    return found


def figures(overview: dict[str, Any]) -> dict[int, dict[str, int]]:
    return {
        row["sub_pay_platform"]: not_nought(
            {name: n for name, n in row.items() if name.endswith(("_count", "_amount"))}
        )
        for row in overview["overviews"]
    }


def not_nought(sums: Mapping[str, int]) -> dict[str, int]:
    return {name: n for name, n in sums.items() if n}


_EXAMPLE = itertools.count()


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 10**9),
    steps=st.integers(1, 25),
    since=st.integers(-40 * 3600, 60 * 3600),
    length=st.integers(0, 90 * 3600),
    order_type=st.sampled_from([1, 2, 3, 3]),
    status=st.sampled_from([0, 0, 1]),
    platforms=st.sampled_from([[], [], [100], [100, 200]]),
    in_shop=st.booleans(),
    size=st.integers(1, 9),
)
def test_an_overview_is_the_sum_of_its_list_and_pages_hold_each_row_once(
    product: Product,
    seed: int,
    steps: int,
    since: int,
    length: int,
    order_type: int,
    status: int,
    platforms: list[int],
    in_shop: bool,
    size: int,
) -> None:
    till = Till.of(product)
    noon = datetime(2025, 1, 3, 4, tzinfo=UTC) + next(_EXAMPLE) * timedelta(days=9)
    dice = random.Random(seed)
    history = History(product, own_shops(product, till)[:3], noon, dice)
    for _ in range(steps):
        history.step(2)
    start = noon + timedelta(seconds=since)
    if dice.random() < 0.4:  # whole days, as tills ask
        start = datetime(start.year, start.month, start.day, 16, tzinfo=UTC)
        length = 86400 * dice.randrange(1, 4) - 1
    asked = question(
        till,
        start,
        start + timedelta(seconds=length),
        order_type=order_type,
        status=status,
        sub_pay_platforms=platforms,
        **({"out_shop_id": till.out_shop_id} if in_shop else {}),
    )
    rows = listed(till, asked, size)
    assert len(rows) == len(set(names(rows)))
    assert names(rows) == names(listed(till, asked))
    overview = summed(till, asked)
    assert overview["total_count"] == len(rows)
    assert figures(overview) == {one: not_nought(sums) for one, sums in added(rows).items()}
    for row in overview["overviews"]:
        assert row["discount_amount"] == row["poundage"] == row["freeze_count"] == 0


def test_a_days_overview_is_what_the_shops_office_and_the_console_show(
    product: Product, till: Till
) -> None:
    history = History(product, own_shops(product, till), NOON, random.Random(11))
    for _ in range(80):
        history.step(3)
    totals.fold(product.deps, 10)  # some of it is added up already, some is not
    shop = history.shops[0]
    for n in range(5):
        day = date(2026, 3, 10) + n * timedelta(days=1)
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - 8 * HOUR
        asked = question(till, midnight, midnight + DAY - SECOND)
        for store in (None, shop.store_id):
            scope = Scope(shop.provider_id, shop.merchant_id, store)
            office = _office(product, scope, day)
            where = {} if store is None else {"out_shop_id": till.out_shop_id}
            for row in summed(till, asked | where)["overviews"]:
                sums = office.pop(WALLETS[row["sub_pay_platform"]])
                assert row["settle_amount"] == sums.net_fen
                assert row["success_count"] == sums.paid_count
                assert row["success_amount"] == sums.paid_fen
                assert row["refund_create_count"] == sums.refund_count
                assert row["order_refunded_amount"] == sums.returned_fen
            assert not office
        rows = summed(till, asked)["overviews"]
        assert sum(row["settle_amount"] for row in rows) == _console(product, scope, day).net_fen


def _office(product: Product, scope: Scope, day: date) -> dict[str, parts.Sums]:
    found = product.deps.transact(lambda s: parts.read(s, scope, day, day))
    return parts.grouped(found, lambda part: part.wallet)


def _console(product: Product, scope: Scope, day: date) -> cells.Sums:
    p, m = scope.provider_id, scope.merchant_id
    return cells.total(product.deps.transact(lambda s: cells.read(s, p, m, day, day)))


def test_a_till_of_the_java_lineage_adds_up_what_it_is_told(product: Product, till: Till) -> None:
    """It always sends order_type 3, a shop and a person, and groups by sub_pay_platform."""
    shop = next(s for s in own_shops(product, till) if _out_shop(product, s) == till.out_shop_id)
    for n, (wallet, staff) in enumerate([("wechat", "1003"), ("alipay", "1003"), ("wechat", "x")]):
        order = make(product.deps, shop, NOON, 1000 + n, wallet)
        pay(product.deps, order, NOON)
        note_call(product, shop, "pay", order.number, staff_id=staff)
        if n == 0:
            give_back(product.deps, order, ask_back(product.deps, order, 100, NOON), NOON)
    asked = question(
        till, NOON - HOUR, NOON + HOUR, out_shop_id=till.out_shop_id, staff_id="1003",
        sub_pay_platforms=[100.0, 200.0],
    )  # fmt: skip
    del asked["nonce_str"]
    rows = {row["sub_pay_platform"]: row for row in summed(till, asked)["overviews"]}
    assert set(rows) == {100, 200}
    assert (rows[100]["success_count"], rows[100]["success_amount"]) == (1, 1000)
    assert (rows[100]["refund_create_count"], rows[100]["refund_create_amount"]) == (1, 100)
    assert rows[100]["settle_amount"] == 900
    assert (rows[200]["success_count"], rows[200]["success_amount"]) == (1, 1001)
    assert all(row["staff_id"] == "1003" for row in rows.values())
    assert all(type(value) is int for name, value in rows[100].items() if "amount" in name)


def _out_shop(product: Product, shop: Any) -> str:
    return str(product.one("SELECT out_shop_id FROM store WHERE id = :s", s=shop.store_id)[0])


def test_more_can_be_given_back_in_a_span_than_was_paid(product: Product, till: Till) -> None:
    (shop, *_) = own_shops(product, till)
    order = make(product.deps, shop, NOON, 1000)
    pay(product.deps, order, NOON)
    give_back(product.deps, order, ask_back(product.deps, order, 400, NOON), NOON + 2 * DAY)
    (row,) = summed(till, question(till, NOON + DAY, NOON + 3 * DAY))["overviews"]
    assert (row["settle_amount"], row["income_amount"], row["success_count"]) == (-400, -400, 0)


def test_a_recharge_counts_under_its_wallet_and_says_that_it_is_one(
    product: Product, till: Till, phone: Callable[..., Any]
) -> None:
    shop = open_shop(product, phone)
    order = shop.pay(10_000)
    begins = starts(china_date(product.deps.now()))
    asked = question(till, begins, begins + DAY - SECOND, sub_pay_platforms=[100])
    rows = {row["out_trade_no"]: row for row in listed(till, asked)}
    row = rows[order.out_trade_no]
    assert (row["source_type"], row["is_card_recharge"]) == (5, True)
    assert (row["recharge_bonus_fee"], row["membership_number"]) == (1000, shop.card.number)
    (sums,) = summed(till, asked)["overviews"]
    assert sums["success_count"] == len(rows)
    (own,) = summed(till, asked | {"source_type": 5})["overviews"]
    assert (own["success_count"], own["success_amount"]) == (1, 10_000)


def test_one_number_is_summed_alone_and_anothers_is_as_nobodys(
    product: Product, till: Till
) -> None:
    (shop, *_) = own_shops(product, till)
    orders = [make(product.deps, shop, NOON, 1000 + n) for n in range(2)]
    for order in orders:
        pay(product.deps, order, NOON)
    refund = ask_back(product.deps, orders[0], 300, NOON)
    give_back(product.deps, orders[0], refund, NOON)
    number = product.one("SELECT out_refund_no FROM refund WHERE id = :i", i=refund).out_refund_no
    asked = question(till, NOON - HOUR, NOON + HOUR)
    (row,) = summed(till, asked | {"out_trade_no": orders[0].number})["overviews"]
    assert (row["success_amount"], row["refund_create_amount"]) == (1000, 300)
    (row,) = summed(till, asked | {"out_refund_no": number})["overviews"]
    assert (row["success_count"], row["refund_create_amount"]) == (0, 300)
    other = Till.of(product, 1)
    for name, own, internal in (
        ("out_trade_no", orders[0].number, Internal.NO_ORDER),
        ("out_refund_no", number, Internal.NO_REFUND),
    ):
        heard = []
        for value in (own, "nobodys"):
            asked = question(other, NOON - HOUR, NOON + HOUR, **{name: value})
            answer = other.call("query_order_list_overview", asked)
            assert refusal(answer) == (104, internal)
            heard.append({k: v for k, v in answer.items() if k != "log_id"})
        assert heard[0] == heard[1]


def test_holds_are_summed_beside_the_takings(product: Product, till: Till) -> None:
    (shop, *_) = own_shops(product, till)
    keys = {"p": shop.provider_id, "m": shop.merchant_id, "s": shop.store_id, "at": NOON}
    product.do(
        "INSERT INTO deposit_freeze (provider_id, id, merchant_id, store_id, out_freeze_no,"
        " channel, method, app, payee, freeze_fen, status, request, asked_by, consumed_fen,"
        " released_fen, lapsed_fen, created_at, expires_at, changed_at, frozen_at) VALUES"
        " (:p, 1, :m, :s, 'hold1', 'alipay', 'code', 'a', '1', 900, 'closed', '{}', 'test', 100,"
        " 500, 300, :at, :at, :at, :at)",
        **keys,
    )
    order = make(product.deps, shop, NOON, 100, "alipay")
    pay(product.deps, order, NOON)
    product.do(
        "INSERT INTO deposit_move (provider_id, freeze_id, kind, number, order_id, amount_fen,"
        " rest_fen, status, asked_by, allowed_by, created_at, changed_at, done_at) VALUES"
        " (:p, 1, 'release', 'free1', NULL, 200, 0, 'done', 't', 't', :at, :at, :at),"
        " (:p, 1, 'consume', :n, :o, 100, 300, 'done', 't', 't', :at, :at, :at)",
        p=shop.provider_id, at=NOON, o=order.order_id, n=order.number,
    )  # fmt: skip
    asked = question(till, NOON - HOUR, NOON + HOUR)
    (row,) = summed(till, asked | {"order_type": 4})["overviews"]
    assert (row["freeze_count"], row["freeze_amount"], row["auto_unfreeze_amount"]) == (1, 900, 300)
    (row,) = summed(till, asked | {"order_type": 5})["overviews"]
    assert (row["direct_unfreeze_count"], row["direct_unfreeze_amount"]) == (1, 200)
    assert row["consumed_unfreeze_amount"] == 300
    (row,) = listed(till, asked | {"order_type": 1})
    assert (row["is_deposit_mode"], row["out_freeze_no"]) == (True, "hold1")
    assert (row["freeze_fee"], row["manual_unfreeze_fee"]) == (900, 300)


# --- the brief envelope ---------------------------------------------------------------------------


def brief(till: Till, since: datetime, until: datetime, **more: Any) -> dict[str, Any]:
    return {
        "spps": [], "osmi": till.out_sub_mch_id, "osi": till.out_shop_id, "ot": 3,
        "st": seconds(since), "et": seconds(until), "ns": "faeofeifazfeijfi", **more,
    }  # fmt: skip


def test_a_device_reads_the_same_rows_and_sums_in_its_short_names(
    product: Product, till: Till
) -> None:
    shops = [s for s in own_shops(product, till) if _out_shop(product, s) == till.out_shop_id]
    history = History(product, shops, NOON, random.Random(5))
    for _ in range(40):
        history.step(2)
    for order in history.orders[::2]:
        note_call(product, shops[0], "pay", order.number, device_id="D1", trade_type=1)
    for more, same in (
        ({}, {}),
        ({"di": "D1"}, {"device_id": "D1"}),
        ({"spps": [200], "ot": 1, "tt": 1},
         {"sub_pay_platforms": [200], "order_type": 1, "trade_type": 1}),
    ):  # fmt: skip
        asked = brief(till, NOON, NOON + 3 * DAY, **more)
        rows = listed(till, question(till, NOON, NOON + 3 * DAY, out_shop_id=till.out_shop_id)
                      | same)  # fmt: skip
        found = till.brief("brief_query_order_list", {**asked, "pn": 1, "ps": 100})
        assert (found["s"], found["is"]) == (0, 0)
        own = found["brief_query_order_list"]
        assert {name: found[name] for name in ("tc", "ods", "ns")} == own
        assert own["tc"] == len(rows) == len(own["ods"]) > 1
        for line, row in zip(own["ods"], rows, strict=True):
            ((what, said),) = line.items()
            assert what == {"order": "bo", "refund_order": "bro"}[row["what"]]
            assert (said["otn"], said["tf"]) == (row["out_trade_no"], row["total_fee"])
            assert (said["spp"], said["tt"]) == (row["sub_pay_platform"], row["trade_type"])
            assert said.get("wx_cts") == row.get("wxpay_current_trade_state")
            assert said.get("ali_cts") == row.get("alipay_current_trade_state")
            assert said.get("wx_rs") == row.get("wxpay_refund_state")
            assert (said.get("orn"), said.get("rf")) == (
                row.get("out_refund_no"), row.get("refund_fee"),
            )  # fmt: skip
        sums = till.brief("brief_query_order_list_overview", asked)
        ovs = sums["brief_query_order_list_overview"]["ovs"]
        assert ovs == sums["ovs"] == sums["brief_query_order_list"]["ovs"]
        expected = added(rows)
        for platform, counter in expected.items():
            mine = [one for one in ovs if one["spp"] == platform]
            assert sum(one["sta"] for one in mine) == counter["settle_amount"]
            assert sum(one["sc"] for one in mine) == counter["success_count"]
            assert sum(one["rcc"] for one in mine) == counter["refund_create_count"]
        assert len({(one["spp"], one["tt"]) for one in ovs}) == len(ovs)


def test_a_devices_mistakes_are_named_as_it_wrote_them(till: Till) -> None:
    for more, words in (
        ({"pn": 1, "ps": 0}, "参数ps不能小于1"),
        ({"pn": 1, "ps": 500}, "参数ps不能大于100"),
        ({"pn": 1, "ps": 5, "osi": "", "di": "1"}, "参数osi缺失：按di查询时必填"),
        ({"pn": 1, "ps": 5, "et": 3}, "参数et不能早于st"),
        ({"pn": 1, "ps": 5, "spps": [1]}, "参数spps[0]的值不在允许的范围"),
        ({"pn": 1, "ps": 5, "osi": "nobodys"}, "参数osi不属于该商户"),
    ):
        asked = brief(till, NOON, NOON + DAY) | more
        answer = till.brief("brief_query_order_list", asked)
        assert (answer["s"], answer["d"]) == (104, words)


# --- the older two --------------------------------------------------------------------------------


def test_the_older_list_has_the_same_rows_in_its_own_shape(product: Product, till: Till) -> None:
    history = History(product, own_shops(product, till), NOON, random.Random(9))
    for _ in range(30):
        history.step(2)
    rows = listed(till, question(till, NOON - DAY, NOON + 3 * DAY))
    asked = {
        "out_sub_mch_id": till.out_sub_mch_id, "query_order_type": 3,
        "end_time": seconds(NOON + 3 * DAY), "page_num": 1, "page_size": 100,
        "enable_overview": True,
    }  # fmt: skip
    answer = till.call("client_order_detail", asked)
    found = answer["order_detail_query"]
    assert found["total_count"] == len(rows) == len(found["order_details"]) > 5
    for line, row in zip(found["order_details"], rows, strict=True):
        ((what, receipt),) = line["receipt"].items()
        assert what == row["what"]
        assert line["shop_info"]["out_shop_id"] == row["out_shop_id"]
        if what == "order":
            content = receipt["order_content"]
            assert content["refunded_fee"] == row["refunded_fee"]
            ext = content.get("wxpay_order_content_ext") or content["alipay_order_content_ext"]
            states = (row.get("wxpay_current_trade_state"), row.get("alipay_current_trade_state"))
            assert ext["current_trade_state"] in states
            assert receipt["order_mch"]["pay_platform"] == row["sub_pay_platform"] // 100
        else:
            content = receipt["refund_order_content"]
            assert content["out_refund_no"] == row["out_refund_no"]
            assert content["refund_success_time"] == row["last_update_time"]
        assert content["out_trade_no"] == row["out_trade_no"]
    whole = sum(added(rows).values(), Counter())
    sums = found["overview"]
    assert sums["success_amount"] == whole["success_amount"]
    assert sums["settle_amount"] == whole["settle_amount"]
    assert sums["refund_count"] == whole["refund_create_count"]
    only = till.call("client_order_detail", asked | {"pay_platform": 2, "query_order_type": 1})
    assert only["order_detail_query"]["total_count"] == sum(
        row["what"] == "order" and row["sub_pay_platform"] == 200 for row in rows
    )
    none = till.call("client_order_detail", asked | {"pay_platform": 4})
    assert none["order_detail_query"]["order_details"] == []


def test_sales_by_day_week_month_and_year_add_up_to_the_same(product: Product, till: Till) -> None:
    history = History(product, own_shops(product, till), NOON - 20 * DAY, random.Random(2))
    for _ in range(60):
        history.step(30)
    since, until = NOON - 25 * DAY, NOON + 15 * DAY
    whole = sum(added(listed(till, question(till, since, until))).values(), Counter())
    asked = {
        "out_mch_id": till.out_mch_id, "out_sub_mch_id": till.out_sub_mch_id,
        "start_time": seconds(since), "end_time": seconds(until),
    }  # fmt: skip
    lengths = []
    for kind in (1, 3, 2, 4):
        answer = till.call("client_sub_mch_sales_overview", asked | {"stat_type": kind})
        found = answer["client_sub_mch_sales_overview"]
        rows = found["stat_infos"]
        lengths.append(found["total_count"])
        assert [row["date"] for row in rows] == sorted((r["date"] for r in rows), reverse=True)
        assert sum(row["settle_amount"] for row in rows) == whole["settle_amount"]
        assert found["overview"]["settle_amount"] == whole["settle_amount"]
        assert sum(row["success_count"] for row in rows) == whole["success_count"]
    assert lengths == sorted(lengths, reverse=True)
    assert (lengths[-1], rows[0]["date"]) == (1, 20260101)
    shops = [{"out_shop_id": _out_shop(product, shop)} for shop in history.shops]
    unique = [dict(one) for one in {tuple(shop.items()) for shop in shops}]
    answer = till.call(
        "client_sub_mch_sales_overview", asked | {"stat_type": 4, "shops": unique, "page_size": 2}
    )
    found = answer["client_sub_mch_sales_overview"]
    assert len(found["stat_infos"]) == min(2, found["total_count"])
    assert found["overview"]["settle_amount"] == whole["settle_amount"]
    foreign = [{"out_shop_id": till.out_shop_id}, {"out_shop_id": Till.of(product, 1).out_shop_id}]
    answer = till.call("client_sub_mch_sales_overview", asked | {"shops": foreign})
    assert answer["description"] == "参数shops[1].out_shop_id不属于该商户"
