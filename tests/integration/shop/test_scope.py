"""Everybody sees the orders of the own scope, on every page, and nobody a fen more."""

from __future__ import annotations

import html
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.harness.product import Product
from tests.integration.shop.helping import DONGPO, HUBIN, Till, says
from tests.integration.totals.helping import Paid, Shop, make, pay, shops

pytestmark = pytest.mark.books_differ  # the wallets' words are said by the test itself


def shop_of(product: Product, out_shop_id: str, code: str = "") -> Shop:
    row = product.one(
        "SELECT s.id, min(c.id) AS code_id FROM store s JOIN pay_code c ON c.provider_id ="
        " s.provider_id AND c.store_id = s.id WHERE s.out_shop_id = :s"
        " AND (:c = '' OR c.code = :c) GROUP BY s.id",
        s=out_shop_id, c=code,
    )  # fmt: skip
    some = next(one for one in shops(product.deps) if one.store_id == row.id)
    return Shop(some.provider_id, some.merchant_id, row.id, row.code_id, some.person_id)


def sell(product: Product, where: Shop, fen: int, channel: str = "wechat") -> Paid:
    now = product.deps.now()
    order = make(product.deps, where, now, fen, channel)
    assert pay(product.deps, order, now)
    return order


@pytest.fixture
def sold(product: Product) -> dict[str, Paid]:
    """One order at each of two stores, and one more on another code of the first."""
    return {
        "hubin": sell(product, shop_of(product, HUBIN, "8K3FQ2"), 1_111),
        "own": sell(product, shop_of(product, HUBIN, "8K3FQ3"), 2_222, "alipay"),
        "dongpo": sell(product, shop_of(product, DONGPO), 4_444),
    }


def own_code(product: Product, till: Till) -> None:
    product.do("UPDATE pay_code SET staff_id = :i, kind = 'staff' WHERE code = '8K3FQ3'", i=till.id)


def sees(till: Till, sold: dict[str, Paid]) -> set[str]:
    """Whose orders the list, the search, the detail and home agree to show."""
    listed = set(till.numbers())
    last = set(till.numbers("/m/"))
    found = set()
    for name, order in sold.items():
        is_seen = till.answer(f"/m/orders/{order.number}").status_code == 200
        assert (order.number in listed) is is_seen, name
        assert bool(till.numbers(q=order.number)) is is_seen, name
        assert (order.number in last) is is_seen, name
        found |= {name} if is_seen else set()
    return found


def test_an_owner_sees_all_stores_a_manager_the_own(
    product: Product, sold: dict[str, Paid]
) -> None:
    assert sees(Till(product), sold) == {"hubin", "own", "dongpo"}
    assert sees(Till(product, "manager"), sold) == {"hubin", "own"}
    assert sees(Till(product, "manager", shop=DONGPO), sold) == {"dongpo"}


def test_a_clerk_sees_the_own_codes_and_on_duty_the_store(
    product: Product, sold: dict[str, Paid]
) -> None:
    till = Till(product, "clerk")
    assert sees(till, sold) == set()
    own_code(product, till)
    assert sees(till, sold) == set(), "what came before the code was theirs is somebody else's"
    where = replace(shop_of(product, HUBIN, "8K3FQ3"), staff_id=till.id)
    sold = sold | {"mine": sell(product, where, 3_333)}
    assert sees(till, sold) == {"mine"}
    assert "¥33.33" in says(till.get("/m/")).replace("¥ ", "¥")
    till.clock_in()
    assert sees(till, sold) == {"hubin", "own", "mine"}
    product.do("UPDATE shift SET state = 'summing', ended_at = now(), due_at = now()")
    assert sees(till, sold) == {"mine"}, "this right ends with the duty"
    product.do("UPDATE pay_code SET staff_id = NULL, kind = 'store' WHERE code = '8K3FQ3'")
    assert sees(till, sold) == {"mine"}, "codes change hands, what they took does not"


def test_who_has_no_store_sees_nothing(product: Product, sold: dict[str, Paid]) -> None:
    till = Till(product, "manager")
    product.do("UPDATE staff SET store_id = NULL WHERE id = :i", i=till.id)
    assert sees(till, sold) == set()
    assert "没有收款" in till.get("/m/statistics")


def test_another_store_in_the_address_changes_nothing(
    product: Product, sold: dict[str, Paid]
) -> None:
    """Asked for by a manager, or another merchant's by an owner."""
    manager = Till(product, "manager")
    other = sold["dongpo"].shop.store_id
    for path in ("/m/orders", "/m/"):
        assert sold["dongpo"].number not in manager.numbers(path, store=str(other))
    foreign = product.one("SELECT id FROM store WHERE out_shop_id = 'nanchuang'").id
    owner = Till(product)
    assert owner.numbers(store=str(foreign)) == owner.numbers()
    assert owner.get("/m/statistics", store=str(foreign)) == owner.get("/m/statistics")


def test_home_says_today_and_nothing_of_yesterday(product: Product, sold: dict[str, Paid]) -> None:
    deps = product.deps
    where = sold["hubin"].shop
    before = deps.now() - timedelta(days=1)
    assert pay(deps, make(deps, where, before, 99_999), before)
    page = says(Till(product, "manager").get("/m/")).replace("¥ ", "¥")
    today = product.one(
        "SELECT sum(amount_fen) AS fen, count(*) AS n FROM pay_order WHERE store_id = :s AND status"
        " = 'paid' AND CAST(paid_at AT TIME ZONE 'Asia/Shanghai' AS date) ="
        " CAST(CAST(:now AS timestamptz) AT TIME ZONE 'Asia/Shanghai' AS date)",
        s=where.store_id, now=deps.now(),
    )  # fmt: skip
    assert f"{int(today.fen) / 100:,.2f}" in page
    assert f"{today.n} 笔" in page


def test_what_is_stuck_is_said_without_being_asked(product: Product) -> None:
    order = make(product.deps, shop_of(product, HUBIN), product.deps.now(), 7_777)
    till = Till(product, "manager")
    assert "要留意" not in till.get("/m/")
    product.do("UPDATE pay_order SET is_unknown = true WHERE id = :i", i=order.order_id)
    page = says(till.get("/m/"))
    assert "这些钱要留意" in page
    assert "77.77" in page
    assert "钱包还没说付没付成" in page
    assert "要留意" not in Till(product, "manager", shop=DONGPO).get("/m/")
    product.do(
        "INSERT INTO money_case (provider_id, kind, dedupe_key, out_trade_no, order_id, facts,"
        " created_at) SELECT provider_id, 'refund_waiting', 'x', 'xR1', id,"
        " '{\"amount_fen\": 123}', now() FROM pay_order WHERE id = :i",
        i=order.order_id,
    )
    product.do(
        "UPDATE pay_order SET is_unknown = false, status = 'closed', close_reason = 'expired'"
        " WHERE id = :i",
        i=order.order_id,
    )
    page = says(till.get("/m/"))
    assert "1.23" in page
    assert "余额不足" in page


@pytest.mark.parametrize("typed", ["11.11", "¥11.11", "￥１１．１１", "11.11 元", " 11.11 "])
def test_a_payment_is_found_by_its_sum(product: Product, sold: dict[str, Paid], typed: str) -> None:
    """Did that payment arrive: the customer says what he paid."""
    till = Till(product, "manager")
    page = till.get("/m/orders", q=typed)
    assert till.numbers(q=typed) == [sold["hubin"].number]
    assert "已支付" in says(page)
    assert "没有找到" in till.get("/m/orders", q="44.44"), "of another store"
    assert html.escape("没有找到") in till.get("/m/orders", q="1111")


def test_a_clerk_without_the_right_is_offered_nothing(
    product: Product, sold: dict[str, Paid]
) -> None:
    till = Till(product, "clerk")
    till.clock_in()
    page = till.get("/m/")
    assert "日报" not in page
    assert till.answer("/m/statistics").status_code == 403
    assert till.answer("/m/orders.csv").status_code == 403
    assert "/refund" not in till.get(f"/m/orders/{sold['hubin'].number}")
