"""query_order_list: rows of every origin, every filter, pages."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.cloudpay.call import Call
from services.cloudpay.callers import by_route
from services.cloudpay.lists.patience import within
from services.cloudpay.statuses import Internal, Refused
from tests.harness.cloudpay import Till
from tests.harness.product import Product
from tests.integration.cards.spend.helping import give_card
from tests.integration.cards.spend.helping import order as card_order
from tests.integration.cards.spend.helping import pay as pay_by_card
from tests.integration.cloudpay.helping import EXT, paid, query, refusal
from tests.integration.cloudpay.histories import (
    NOON,
    History,
    listed,
    names,
    note_call,
    own_shops,
    question,
    seconds,
)
from tests.integration.totals.helping import Shop, ask_back, give_back, make, pay

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def till(product: Product) -> Till:
    return Till.of(product)


@pytest.fixture
def shop(product: Product, till: Till) -> Shop:
    return own_shops(product, till)[0]


def today(product: Product, till: Till, **more: Any) -> dict[str, Any]:
    now = product.deps.now()
    return question(till, now - HOUR, now + HOUR, **more)


def of_number(rows: list[dict[str, Any]], number: str) -> dict[str, Any]:
    (found,) = [row for row in rows if number in names([row])]
    return found


def test_a_row_says_what_the_query_of_its_order_says_whoever_made_it(
    product: Product, till: Till, phone: Callable[..., Any]
) -> None:
    asked = today(product, till, status=1)
    before = set(names(listed(till, asked)))
    by_till = paid(product, till, "alipay", 800, attach="桌3", body="两杯咖啡", detail="{}")
    phone().pay(amount="12.34")  # a shop's printed code
    phone("alipay").pay(code=_staff_code(product), amount="5.00")
    phone("wechat", "zhou").start(amount="3.00")  # and nobody pays it
    product.run_jobs()
    rows = [row for row in listed(till, asked) if names([row])[0] not in before]
    assert len(rows) == 4
    for row in rows:
        said = query(till, row["out_trade_no"])
        content = said["order_content"]
        ext = content[EXT[said["pay_mch_key"]["pay_platform"]]]
        for name in ("transaction_id", "trade_type", "total_fee", "create_time", "time_end"):
            assert row.get(name) == content.get(name), name
        assert (row["source_type"], row.get("body")) == (content["source_type"], content["body"])
        assert row["out_shop_id"] == said["pay_mch_key"]["out_shop_id"]
        assert row["sub_pay_platform"] == said["pay_mch_key"]["sub_pay_platform"]
        states = (row.get("wxpay_current_trade_state"), row.get("alipay_current_trade_state"))
        assert ext["current_trade_state"] in states
        assert None in states
    own = of_number(rows, by_till)
    assert (own["source_type"], own["trade_type"], own["attach"]) == (0, 1, "桌3")
    assert (own["device_id"], own["staff_id"], own["detail"]) == ("1", "1003", "{}")
    assert {row["source_type"] for row in rows} == {0, 1, 2}
    of_staff = next(row for row in rows if row["source_type"] == 2)
    code = product.one(
        "SELECT c.code, w.name, COALESCE(w.number, w.public_id) AS number FROM pay_code c"
        " JOIN staff w ON w.id = c.staff_id WHERE c.code = :c",
        c=of_staff["qrcode_id"],
    )
    assert (of_staff["staff_id"], of_staff["staff_name"]) == (code.number, code.name)


def _staff_code(product: Product) -> str:
    """A printed code of the first merchant that is a person's from now on."""
    code = product.sql("SELECT id, code, store_id FROM pay_code WHERE code = '8K3FQ4'")[0]
    product.do(
        "UPDATE pay_code SET kind = 'staff', staff_id = (SELECT id FROM staff"
        " WHERE merchant_id = pay_code.merchant_id ORDER BY id LIMIT 1) WHERE id = :i",
        i=code.id,
    )
    return str(code.code)


def test_what_a_card_pays_is_a_row_of_its_wallet(product: Product, till: Till) -> None:
    card = give_card(product.deps, paid_fen=5000)
    number = product.one("SELECT number FROM member_card WHERE id = :i", i=card.card_id).number
    order = card_order(product, pay_by_card(product.deps, card, 700)).out_trade_no
    rows = listed(till, today(product, till, sub_pay_platforms=[300]))
    row = of_number(rows, order)
    assert (row["sub_pay_platform"], row["card_current_trade_state"]) == (300, 2)
    assert row["membership_number"] == number
    assert order not in names(listed(till, today(product, till, sub_pay_platforms=[100, 200])))


@pytest.mark.books_differ
def test_a_refund_stands_beside_its_payment_and_both_say_so(
    product: Product, till: Till, shop: Shop
) -> None:
    order = make(product.deps, shop, NOON, 1000, "alipay")
    pay(product.deps, order, NOON + HOUR)
    done, failed = (ask_back(product.deps, order, fen, NOON + 2 * HOUR) for fen in (300, 200))
    give_back(product.deps, order, done, NOON + 3 * HOUR)
    note_call(product, shop, "pay", order.number, device_id="77", staff_id="1003", trade_type=1)
    number = product.one("SELECT out_refund_no FROM refund WHERE id = :i", i=done).out_refund_no
    note_call(product, shop, "refund", number, staff_id="1004")
    back, own = listed(till, question(till, NOON, NOON + DAY))
    assert (back["what"], own["what"]) == ("refund_order", "order")
    assert (back["out_refund_no"], back["refund_fee"], back["total_fee"]) == (number, 300, 1000)
    assert (back["alipay_refund_state"], back["settlement_refund_fee"]) == (2, 300)
    assert (back["staff_id"], back["device_id"]) == ("1004", "77"), "who gave it back; where"
    assert back["last_update_time"] == seconds(NOON + 3 * HOUR)
    assert own["refunded_fee"] == own["refunded_settlement_fee"] == 300
    assert own["remaining_settlement_fee"] == 700
    assert own["refund_time"] == seconds(NOON + 3 * HOUR)
    all_states = listed(till, question(till, NOON, NOON + DAY, order_type=2, status=1))
    assert [row["alipay_refund_state"] for row in all_states] == [1, 2]
    assert "settlement_refund_fee" not in all_states[0]
    assert failed


@pytest.mark.books_differ
def test_a_second_payment_of_an_order_and_its_way_back_are_not_listed(
    product: Product, till: Till, shop: Shop
) -> None:
    order = make(product.deps, shop, NOON, 1000)
    product.do("UPDATE pay_attempt SET status = 'closed', due_at = NULL WHERE id = :i",
               i=order.attempt_id)  # fmt: skip
    product.do(
        "INSERT INTO pay_attempt (provider_id, order_id, out_trade_no, channel, app, payee,"
        " amount_fen, status, is_unknown, request, polls, created_at, expires_at, due_at)"
        " SELECT provider_id, order_id, out_trade_no || '_2', channel, app, payee, amount_fen,"
        " 'payable', false, request, 0, created_at, expires_at, created_at FROM pay_attempt"
        " WHERE id = :i",
        i=order.attempt_id,
    )
    pay(product.deps, order, NOON)
    pay(product.deps, replace(order, number=order.number + "_2"), NOON + HOUR)
    refund = product.one("SELECT id, is_second FROM refund WHERE order_id = :o", o=order.order_id)
    assert refund.is_second
    give_back(product.deps, order, refund.id, NOON + 2 * HOUR)
    for status in (0, 1):
        found = listed(till, question(till, NOON - HOUR, NOON + DAY, status=status))
        assert names(found) == [order.number]


# What each filter compares, as a row shows it.
FILTERS: dict[str, tuple[list[Any], Callable[[dict[str, Any], Any], bool]]] = {
    "sub_pay_platforms": ([[100], [200], [100, 200], [300], [401, 402], []],
                          lambda row, wanted: not wanted or row["sub_pay_platform"] in wanted),
    "out_shop_id": ([], lambda row, wanted: row["out_shop_id"] == wanted),
    "staff_id": (["1003", "1004", "nobody"], lambda row, wanted: row.get("staff_id") == wanted),
    "device_id": (["1", "2", "nobody"], lambda row, wanted: row.get("device_id") == wanted),
    "qrcode_id": ([], lambda row, wanted: row.get("qrcode_id") == wanted),
    "source_type": ([1, 2, 3, 4, 5, 6, 7], lambda row, wanted: row["source_type"] == wanted),
    "trade_type": ([1, 2, 3, 8, 9], lambda row, wanted: row["trade_type"] == wanted),
    "order_type": ([1, 2, 3],
                   lambda row, wanted: wanted in (3, 1 if row["what"] == "order" else 2)),
}  # fmt: skip


@pytest.mark.books_differ
def test_every_filter_finds_the_rows_that_show_what_it_asks_for(
    product: Product, till: Till
) -> None:
    dice = random.Random(7)
    places = own_shops(product, till)
    history = History(product, places, NOON, dice)
    for _ in range(60):
        history.step(2)
    for order in history.orders:
        if dice.random() < 0.6:
            note_call(product, order.shop, "pay", order.number, device_id=dice.choice("12"),
                      staff_id=dice.choice(["1003", "1004", ""]),
                      trade_type=dice.choice([1, 2, 3]))  # fmt: skip
    for row in product.sql("SELECT out_refund_no FROM refund ORDER BY id")[::2]:
        note_call(product, places[0], "refund", row.out_refund_no, device_id=dice.choice("12"),
                  staff_id=dice.choice(["1003", "1004"]))  # fmt: skip
    shops = [row.out_shop_id for row in product.sql("SELECT out_shop_id FROM store WHERE"
             " merchant_id = :m", m=places[0].merchant_id)]  # fmt: skip
    codes = product.sql("SELECT c.code, s.out_shop_id FROM pay_code c JOIN store s"
                        " ON s.id = c.store_id WHERE c.merchant_id = :m"
                        " AND c.kind = 'store'", m=places[0].merchant_id)  # fmt: skip
    checked = 0
    for status in (0, 1):
        all_rows = listed(till, question(till, NOON - DAY, NOON + 4 * DAY, status=status))
        for name, (values, shows) in FILTERS.items():
            questions: list[dict[str, Any]] = [{name: value} for value in values]
            if name == "out_shop_id":
                questions = [{name: one} for one in shops]
            elif name in ("staff_id", "device_id"):
                questions = [one | {"out_shop_id": s} for one in questions for s in shops]
            elif name == "qrcode_id":
                questions = [{name: c.code, "out_shop_id": c.out_shop_id} for c in codes]
            for more in questions:
                asked = question(till, NOON - DAY, NOON + 4 * DAY, status=status) | more
                expected = [
                    row for row in all_rows
                    if shows(row, more[name])
                    and row["out_shop_id"] == more.get("out_shop_id", row["out_shop_id"])
                ]  # fmt: skip
                assert names(listed(till, asked)) == names(expected), more
                checked += bool(expected) and len(expected) < len(all_rows)
    assert checked > 30, "filters that told rows apart"


@pytest.mark.books_differ
def test_which_time_places_a_row(product: Product, till: Till, shop: Shop) -> None:
    order = make(product.deps, shop, NOON, 1000)
    pay(product.deps, order, NOON + DAY)
    refund = ask_back(product.deps, order, 300, NOON + 2 * DAY)
    give_back(product.deps, order, refund, NOON + 3 * DAY)
    left = make(product.deps, shop, NOON + HOUR, 500)
    product.do("UPDATE pay_attempt SET status = 'closed', due_at = NULL WHERE id = :i",
               i=left.attempt_id)  # fmt: skip

    def found(day: int, **more: Any) -> list[str]:
        since = NOON + day * DAY - HOUR
        rows = listed(till, question(till, since, since + DAY - timedelta(seconds=1), **more))
        return [row["what"] + ":" + row["out_trade_no"] for row in rows]

    own, back, open_ = (
        f"order:{order.number}",
        f"refund_order:{order.number}",
        f"order:{left.number}",
    )
    assert [found(day) for day in range(4)] == [[], [own], [], [back]]
    assert [found(day, status=1) for day in range(4)] == [[open_, own], [], [back], []]
    assert [found(day, status=1, pay_time_type=2) for day in range(2)] == [[], [own]]
    assert [found(day, pay_time_type=1) for day in range(4)] == [[own], [], [], [back]]
    assert [found(day, refund_time_type=1) for day in range(4)] == [[], [own], [back], []]
    assert [found(day, time_filter=1) for day in range(4)] == [[own], [], [back], []]
    assert [found(day, status=1, time_filter=2) for day in range(4)] == [[], [own], [], [back]]


@pytest.mark.books_differ
@pytest.mark.parametrize("more", [{}, {"status": 1}, {"order_type": 2}, {"trade_type": 8}])
def test_pages_hold_every_row_once_while_new_orders_come(
    product: Product, till: Till, more: dict[str, Any]
) -> None:
    history = History(product, own_shops(product, till), NOON, random.Random(1))
    for _ in range(50):
        history.step(3)
    end = NOON + 5 * DAY
    asked = question(till, NOON + 2 * HOUR, end, **more)
    expected = names(listed(till, asked))
    assert len(expected) == len(set(expected)) > 6
    for size in (2, 7, 100):
        seen: list[str] = []
        for number in range(1, len(expected) // size + 3):
            answer = till.call("query_order_list", {**asked, "page_num": number, "page_size": size})
            found = answer["query_order_list"]
            assert found["total_count"] == len(expected)
            for line in found["order_details"]:
                seen += names(list(line.values()))
            later = history.order(end + timedelta(seconds=number))
            pay(product.deps, later, end + timedelta(seconds=number))
        assert seen == expected, size


@pytest.mark.books_differ
def test_an_open_end_repeats_a_row_at_most_and_loses_none(product: Product, till: Till) -> None:
    history = History(product, own_shops(product, till), NOON, random.Random(3))
    for _ in range(30):
        history.step(1)
    asked = question(till, NOON - DAY, NOON + 9 * DAY, status=1)
    expected = names(listed(till, asked))
    seen: list[str] = []
    for number in range(1, 40):
        page = till.call("query_order_list", {**asked, "page_num": number, "page_size": 3})
        for line in page["query_order_list"]["order_details"]:
            seen += names(list(line.values()))
        if number < 8:
            order = history.order(NOON + 2 * DAY + timedelta(seconds=number))
            pay(product.deps, order, NOON + 2 * DAY + timedelta(minutes=number))
    assert set(expected) <= set(seen)


@pytest.mark.books_differ
def test_behind_the_last_page_there_is_an_empty_one(product: Product, till: Till) -> None:
    asked = question(till, NOON, NOON + DAY)
    nothing = till.call("query_order_list", {**asked, "page_num": 1, "page_size": 50})
    assert nothing["query_order_list"]["order_details"] == []
    assert nothing["query_order_list"]["total_count"] == 0
    assert nothing["Internal_status"] == nothing["internal_status"] == 0
    far = till.call("query_order_list", {**asked, "page_num": 2**31 - 1, "page_size": 100})
    assert far["query_order_list"]["order_details"] == []


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "page nought": ({"page_num": 0}, "参数page_num不能小于1"),
    "no rows": ({"page_size": 0}, "参数page_size不能小于1"),
    "too many rows": ({"page_size": 101}, "参数page_size不能大于100"),
    "a kind that is none": ({"order_type": 6}, "参数order_type不能大于5"),
    "ended before it began": ({"end_time": 1}, "参数end_time不能早于start_time"),
    "too long": ({"start_time": seconds(NOON) - 90 * 86400},
                 "参数start_time到end_time最多90天，请分段查询"),
    "milliseconds": ({"end_time": seconds(NOON) * 1000}, "参数end_time不能大于4102444800"),
    "half a second": ({"start_time": 1.5}, "参数start_time应为整数"),
    "a wallet that is none": ({"sub_pay_platforms": [100, 7]},
                              "参数sub_pay_platforms[1]的值不在允许的范围"),
    "one wallet": ({"sub_pay_platforms": 100}, "参数sub_pay_platforms应为数组"),
    "a person of no shop": ({"staff_id": "1"}, "参数out_shop_id缺失：按staff_id查询时必填"),
    "a till of no shop": ({"device_id": 1}, "参数out_shop_id缺失：按device_id查询时必填"),
    "a code of no shop": ({"qrcode_id": "x"}, "参数out_shop_id缺失：按qrcode_id查询时必填"),
    "a state that is none": ({"status": 2}, "参数status不能大于1"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_can_not_be_answered_is_refused_with_the_member(till: Till, case: str) -> None:
    more, words = BAD[case]
    asked = question(till, NOON - HOUR, NOON) | {"page_num": 1, "page_size": 50} | more
    answer = till.call("query_order_list", asked)
    assert refusal(answer) == (104, Internal.MEMBER)
    assert answer["description"] == words
    assert answer["Internal_status"] == Internal.MEMBER
    assert answer["query_order_list"] == {"nonce_str": "7" * 32}


def test_ninety_whole_days_are_not_too_long(till: Till) -> None:
    end = NOON - timedelta(seconds=1)
    asked = question(till, NOON - 90 * DAY, end) | {"page_num": 1, "page_size": 1}
    assert till.call("query_order_list", asked)["status"] == 0


def test_another_merchants_shop_and_code_are_as_nobodys(product: Product, till: Till) -> None:
    other = Till.of(product, 1)
    code = product.one(
        "SELECT c.code FROM pay_code c JOIN store s ON s.id = c.store_id AND"
        " s.provider_id = c.provider_id WHERE s.out_shop_id = :s LIMIT 1",
        s=other.out_shop_id,
    ).code

    def heard(who: Till, **more: Any) -> dict[str, Any]:
        asked = question(who, NOON, NOON + DAY, page_num=1, page_size=5, **more)
        return {k: v for k, v in who.call("query_order_list", asked).items() if k != "log_id"}

    assert heard(other, out_shop_id=other.out_shop_id, qrcode_id=code)["status"] == 0
    shops = [heard(till, out_shop_id=one) for one in (other.out_shop_id, "nobodys")]
    assert shops[0] == shops[1]
    assert refusal(shops[0]) == (104, Internal.PARTY)
    codes = [heard(till, out_shop_id=till.out_shop_id, qrcode_id=one) for one in (code, "ZZZZZZ")]
    assert codes[0] == codes[1]
    assert codes[0]["description"] == "参数qrcode_id不属于该商户"


@pytest.mark.books_differ
def test_nothing_of_another_merchant_is_listed(product: Product) -> None:
    tills = [Till.of(product, n) for n in (0, 1)]
    orders = []
    for till in tills:
        (shop, *_) = own_shops(product, till)
        order = make(product.deps, shop, NOON, 1000)
        pay(product.deps, order, NOON)
        give_back(product.deps, order, ask_back(product.deps, order, 1, NOON), NOON)
        orders.append(order.number)
    for till, number in zip(tills, orders, strict=True):
        for more in ({}, {"status": 1}, {"trade_type": 8}):
            rows = listed(till, question(till, NOON - HOUR, NOON + HOUR, **more))
            assert [row["out_trade_no"] for row in rows] == [number, number]


@pytest.mark.books_differ
def test_holds_and_releases_are_rows_of_their_own(product: Product, till: Till, shop: Shop) -> None:
    _deposit(product, shop, NOON)
    note_call(product, shop, "freeze", "hold1", device_id="9", staff_id="1003",
              asked={"freeze_content": {"body": "房间押金"}})  # fmt: skip
    (hold,) = listed(till, question(till, NOON - HOUR, NOON + DAY, order_type=4))
    assert (hold["what"], hold["out_freeze_no"], hold["freeze_fee"]) == (
        "freeze_order",
        "hold1",
        900,
    )
    assert (hold["wxpay_current_trade_state"], hold["body"]) == (2, "房间押金")
    assert (hold["total_manual_unfreeze_fee"], hold["staff_id"]) == (300, "1003")
    (release,) = listed(till, question(till, NOON - HOUR, NOON + DAY, order_type=5))
    assert (release["what"], release["out_unfreeze_no"]) == ("unfreeze_order", "free1")
    assert (release["unfreeze_fee"], release["wxpay_current_trade_state"]) == (300, 2)
    assert release["device_id"] == "9"
    for more in ({"device_id": "9"}, {"staff_id": "1003"}):
        asked = question(till, NOON - HOUR, NOON + DAY, order_type=4, **more)
        assert names_of_holds(listed(till, {**asked, "out_shop_id": _shop_id(product, shop)})) == [
            "hold1"
        ]
    assert listed(till, question(till, NOON - HOUR, NOON + DAY, order_type=3)) == []


def names_of_holds(rows: list[dict[str, Any]]) -> list[str]:
    return [row["out_freeze_no"] for row in rows]


def _shop_id(product: Product, shop: Shop) -> str:
    return str(product.one("SELECT out_shop_id FROM store WHERE id = :s", s=shop.store_id)[0])


def _deposit(product: Product, shop: Shop, at: datetime) -> None:
    product.do(
        "INSERT INTO deposit_freeze (provider_id, id, merchant_id, store_id, out_freeze_no,"
        " channel, method, app, payee, freeze_fen, status, request, asked_by, released_fen,"
        " due_at, created_at, expires_at, changed_at, frozen_at) VALUES (:p, 1, :m, :s, 'hold1',"
        " 'wechat', 'code', 'wx', '1', 900, 'frozen', '{}', 'test', 300, :at, :at, :at, :at, :at)",
        p=shop.provider_id, m=shop.merchant_id, s=shop.store_id, at=at,
    )  # fmt: skip
    product.do(
        "INSERT INTO deposit_move (provider_id, freeze_id, kind, number, amount_fen, status,"
        " asked_by, allowed_by, created_at, changed_at, done_at)"
        " VALUES (:p, 1, 'release', 'free1', 300, 'done', 'test', 'test', :at, :at, :at)",
        p=shop.provider_id, at=at,
    )  # fmt: skip


def test_a_question_that_takes_too_long_is_refused(product: Product, till: Till) -> None:
    caller = by_route(product.deps, "sub_mch", till.out_sub_mch_id)
    assert caller
    deps = replace(
        product.deps, settings=product.deps.settings.model_copy(update={"cpay_answer_s": 0.1})
    )
    call = Call(deps, caller, 1, "", {})
    with pytest.raises(Refused, match="查询范围太大"):
        within(call, lambda s: s.execute(text("SELECT pg_sleep(5)")), is_quick=False)
    within(call, lambda s: s.execute(text("SELECT pg_sleep(0.2)")), is_quick=True)
