"""A store that traded within a month is not deleted; to the second, and whatever races (STO-5)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import ProgrammingError

from services.payers import hashed
from services.people.acting import Acting, load_acting
from services.stores import deleting
from services.stores.deleting import StoreRecentTrade, month_after
from services.stores.reading import SHANGHAI
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.integration.refunds.helping import pay, refund
from tests.integration.stores.helping import SHOP, Worker, audited, code, said, store, work

MakePhone = Callable[..., Phone]
BOUNDARIES = [
    ("2026-10-26T14:25:07", "2026-11-26T14:25:07"),
    ("2026-12-31T23:59:59", "2027-01-31T23:59:59"),
    ("2026-02-28T10:00:00", "2026-03-28T10:00:00"),
    # no such day in the next month: the beginning of the one after
    ("2027-01-31T12:00:00", "2027-03-01T00:00:00"),
    ("2028-01-30T12:00:00", "2028-03-01T00:00:00"),
    ("2028-01-29T12:00:00", "2028-02-29T12:00:00"),
    ("2026-10-31T00:00:00", "2026-12-01T00:00:00"),
]


def china(said: str) -> datetime:
    return datetime.fromisoformat(said).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(("last", "free"), BOUNDARIES)
def test_a_month_is_a_whole_one_by_the_calendar_of_china(last: str, free: str) -> None:
    assert month_after(china(last)) == china(free)
    assert month_after(china(last).astimezone(UTC)) == china(free)


def alone(product: Product, shop: str = SHOP) -> None:
    """The store as if it had never traded, but for what a test pays."""
    product.do(
        "UPDATE pay_order SET store_id = (SELECT id FROM store WHERE out_shop_id = 'nanchuang'),"
        " merchant_id = (SELECT merchant_id FROM store WHERE out_shop_id = 'nanchuang')"
        " WHERE store_id = (SELECT id FROM store WHERE out_shop_id = :s)",
        s=shop,
    )


def traded(product: Product, at: datetime, shop: str = SHOP) -> None:
    """One payment of the fortnight's becomes this store's only one."""
    alone(product, shop)
    product.do(
        "UPDATE pay_order SET store_id = (SELECT id FROM store WHERE out_shop_id = :s), merchant_id"
        " = (SELECT merchant_id FROM store WHERE out_shop_id = :s), created_at = :at, paid_at = :at"
        " WHERE id = (SELECT min(id) FROM pay_order WHERE status = 'paid')",
        s=shop, at=at,
    )  # fmt: skip


def acting(product: Product, worker: Worker) -> Acting:
    found = product.deps.transact(
        lambda s: load_acting(s, hashed(f"worker-{worker.id}"), product.deps.now())
    )
    assert found is not None
    return found


@pytest.mark.books_differ
@pytest.mark.parametrize(("last", "free"), BOUNDARIES[:5])
def test_the_boundary_is_exact_to_the_second(product: Product, last: str, free: str) -> None:
    who = acting(product, work(product, "owner"))
    traded(product, china(last))
    early = replace(product.deps, now=lambda: china(free) - timedelta(microseconds=1))
    with pytest.raises(StoreRecentTrade) as refused:
        deleting.delete(early, who, SHOP)
    assert f"最近：{china(last):%Y-%m-%d %H:%M}" in str(refused.value)
    assert f"可删除：{china(free):%Y-%m-%d %H:%M}" in str(refused.value)
    assert store(product).deleted_at is None
    deleting.delete(replace(product.deps, now=lambda: china(free)), who, SHOP)
    assert store(product).deleted_at == china(free)


def test_a_store_that_traded_today_is_refused_with_the_dates_and_a_way_out(
    product: Product, phone: MakePhone
) -> None:
    pay(product, phone, "wechat", "1.23")
    owner = work(product, "owner")
    page = owner.words(f"/m/stores/{SHOP}/delete")
    assert "现在还不能删除湖滨店" in page
    assert "最近一笔在今天" in page
    assert "STORE_RECENT_TRADE" in page
    free = month_after(product.deps.now())
    assert f"最早可删除 {free:%Y-%m-%d}" in page
    answer = owner.post(f"/m/stores/{SHOP}/delete")
    assert answer.status_code == 409
    assert "现在还不能删除湖滨店" in said(answer)
    assert store(product).deleted_at is None
    assert "store_deleted" not in [action for _, action in audited(product, f"store:{SHOP}")]
    assert owner.post(f"/m/stores/{SHOP}/pause").status_code == 200
    assert "门店休息中" in said(phone("wechat", "zhou").scan())


@pytest.mark.books_differ
def test_an_order_that_may_still_be_paid_stands_against_it(
    product: Product, phone: MakePhone
) -> None:
    owner = work(product, "owner")
    alone(product)
    phone().start(amount="5")
    answer = owner.post(f"/m/stores/{SHOP}/delete")
    assert answer.status_code == 409
    assert "还有订单或退款在处理中" in said(answer)


@pytest.mark.books_differ
def test_a_refund_counts_from_the_day_it_succeeded(product: Product, phone: MakePhone) -> None:
    order = pay(product, phone, "wechat", "9")
    refund(product, order, 300)
    product.do("UPDATE refund SET status = 'success', succeeded_at = :at, due_at = NULL",
               at=product.deps.now() - timedelta(days=3))  # fmt: skip
    alone(product)
    old = product.deps.now() - timedelta(days=80)
    product.do(
        "UPDATE pay_order SET store_id = (SELECT id FROM store WHERE out_shop_id = :s), merchant_id"
        " = (SELECT merchant_id FROM store WHERE out_shop_id = :s), paid_at = :old WHERE id = :i",
        s=SHOP, old=old, i=order.id,
    )  # fmt: skip
    product.do("UPDATE pay_attempt SET paid_at = :old", old=old)
    owner = work(product, "owner")
    assert owner.post(f"/m/stores/{SHOP}/delete").status_code == 409
    product.do("UPDATE refund SET succeeded_at = :old", old=old)
    assert owner.post(f"/m/stores/{SHOP}/delete").status_code == 200
    assert store(product).deleted_at is not None


@pytest.mark.books_differ
def test_a_deleted_store_is_gone_for_good_and_its_money_stays(
    product: Product, phone: MakePhone
) -> None:
    traded(product, product.deps.now() - timedelta(days=62))
    order = product.one(
        "SELECT o.* FROM pay_order o JOIN store s ON s.id = o.store_id WHERE s.out_shop_id = :s",
        s=SHOP,
    )
    clerk, owner = work(product, "clerk"), work(product, "owner")
    product.do("UPDATE pay_code SET bound_at = :t WHERE code = '8K3FQ3'", t=product.deps.now())
    assert "删除湖滨店？" in owner.words(f"/m/stores/{SHOP}/delete")
    answer = owner.post(f"/m/stores/{SHOP}/delete")
    assert "门店已删除" in said(answer)
    assert "湖滨店" not in said(answer)
    assert (f"staff:{owner.id}", "store_deleted") in audited(product, f"store:{SHOP}")
    for below in ("", "/edit", "/delete", "/codes"):
        assert owner.get(f"/m/stores/{SHOP}{below}").status_code == 404
    assert owner.post(f"/m/stores/{SHOP}/delete").status_code == 404
    assert owner.post(f"/m/stores/{SHOP}/resume").status_code == 404
    assert "STORE_DISABLED" in phone().scan().text
    assert owner.get(f"/m/orders/{order.out_trade_no}").status_code == 200
    assert clerk.get("/m/orders").status_code == 401 or "停" in clerk.words("/m/orders")
    assert code(product, "8K3FQ3").kind == "blank"
    assert code(product, "8K3FQ3").merchant_id is not None


def test_while_a_store_is_looked_at_no_order_of_it_is_written(
    product: Product, phone: MakePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes first wins: an order that is there stops the deletion."""
    who = acting(product, work(product, "owner"))
    buyer = phone()
    form = buyer.form()
    looked, ordered = threading.Event(), threading.Event()
    real = deleting.standing

    def slowly(*given: Any) -> Any:
        looked.set()
        assert not ordered.wait(0.7), "an order was written under the lock"
        return real(*given)

    monkeypatch.setattr(deleting, "standing", slowly)
    alone(product)

    def press() -> None:
        looked.wait(5)
        buyer.press(form, "3")
        ordered.set()

    thread = threading.Thread(target=press)
    thread.start()
    deleting.delete(product.deps, who, SHOP)
    thread.join(10)
    assert store(product).deleted_at is not None


def test_no_address_and_no_right_of_the_database_removes_a_transaction(product: Product) -> None:
    """STO-6: no page, no method, and the serving role may not DELETE what is money."""
    for rule in product.app.url_map.iter_rules():
        if rule.endpoint != "cpay.call":  # which answers any verb with the protocol's own refusal
            assert "DELETE" not in (rule.methods or set()), rule.rule
        is_of_orders = "orders" in rule.rule or "out_trade_no" in rule.rule
        assert not (is_of_orders and "delete" in rule.rule), rule.rule
    money = ("pay_order", "pay_attempt", "refund", "audit_entry", "ledger_entry", "store", "staff")
    for table in money:
        may = product.one("SELECT has_table_privilege(current_user, :t, 'DELETE') AS may", t=table)
        assert may.may is False, table
        with pytest.raises(ProgrammingError, match="permission denied"):
            product.do(f"DELETE FROM {table}")
    owner = work(product, "owner")
    number = product.sql("SELECT out_trade_no FROM pay_order LIMIT 1")[0].out_trade_no
    for method in ("DELETE", "PUT", "PATCH"):
        answer = owner.http.request(method, f"{product.url}/m/orders/{number}", timeout=10)
        assert answer.status_code == 405
