"""What a day's takings are, and that no crossing of payments, refunds and folding changes them."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Event

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gateways.base import RefundState
from services import settle, totals, totals_check
from services.totals import Takings
from tasks.jobs import build_job_app
from tasks.worker import Sweeper
from tests.harness.product import Product
from tests.integration.totals.helping import (
    Paid,
    Shop,
    ask_back,
    differences,
    give_back,
    make,
    pay,
    shops,
    success,
)

pytestmark = pytest.mark.books_differ  # the wallets' words are said by the test itself

NOON = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
DAY = date(2026, 3, 10)


def takings(product: Product, shop: Shop, day: date = DAY) -> Takings:
    found = product.deps.transact(
        lambda s: totals.per_day(s, shop.provider_id, shop.merchant_id, shop.store_id, [day])
    )
    return found.get(day, Takings())


def waiting(product: Product) -> int:
    return int(product.one("SELECT count(*) AS n FROM day_delta").n)


def fold_all(product: Product) -> None:
    while totals.fold(product.deps, 7):
        pass


def test_a_payment_counts_once_before_and_after_it_is_added_up(product: Product) -> None:
    shop = shops(product.deps)[0]
    fold_all(product)
    order = make(product.deps, shop, NOON, 3850)
    assert takings(product, shop) == Takings()
    assert pay(product.deps, order, NOON)
    assert not pay(product.deps, order, NOON), "a repeated success"
    assert (waiting(product), takings(product, shop)) == (1, Takings(1, 3850))
    assert totals.fold(product.deps) == 1
    assert (waiting(product), takings(product, shop)) == (0, Takings(1, 3850))
    assert differences(product.deps) == []


def test_a_refund_counts_on_its_own_day_and_the_day_of_the_payment_keeps_less(
    product: Product,
) -> None:
    shop = shops(product.deps)[0]
    order = make(product.deps, shop, NOON, 3850)
    pay(product.deps, order, NOON)
    same, later = (ask_back(product.deps, order, fen, NOON) for fen in (50, 1000))
    give_back(product.deps, order, same, NOON + timedelta(minutes=1))
    assert give_back(product.deps, order, later, NOON + timedelta(days=2))
    assert not give_back(product.deps, order, later, NOON + timedelta(days=3)), "said again"
    fold_all(product)
    assert takings(product, shop) == Takings(1, 3850, 1, 50, 1050)
    assert takings(product, shop).kept_fen == 2800
    assert takings(product, shop, DAY + timedelta(days=2)) == Takings(0, 0, 1, 1000, 0)
    assert differences(product.deps) == []


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 3, 9, 15, 59, 59, tzinfo=UTC), date(2026, 3, 9)),
        (datetime(2026, 3, 9, 16, 0, 0, tzinfo=UTC), date(2026, 3, 10)),
        (datetime(2026, 3, 10, 15, 59, 59, tzinfo=UTC), date(2026, 3, 10)),
        (datetime(2026, 3, 10, 16, 0, 0, tzinfo=UTC), date(2026, 3, 11)),
    ],
)
def test_a_day_begins_at_midnight_in_china(product: Product, at: datetime, day: date) -> None:
    shop = shops(product.deps)[0]
    order = make(product.deps, shop, at, 3850)
    pay(product.deps, order, at)
    give_back(product.deps, order, ask_back(product.deps, order, 50, at), at)
    assert takings(product, shop, day) == Takings(1, 3850, 1, 50, 50)
    assert differences(product.deps) == []


def test_a_late_payment_counts_on_the_day_that_the_wallet_says(product: Product) -> None:
    shop = shops(product.deps)[0]
    order = make(product.deps, shop, NOON, 3850)
    product.do(
        "UPDATE pay_attempt SET status = 'closed', due_at = NULL WHERE id = :i", i=order.attempt_id
    )
    product.do(
        "UPDATE pay_order SET status = 'closed', close_reason = 'expired' WHERE id = :i",
        i=order.order_id,
    )
    pay(product.deps, order, NOON + timedelta(days=1))
    assert product.one("SELECT is_late FROM pay_order WHERE id = :i", i=order.order_id).is_late
    assert takings(product, shop) == Takings()
    assert takings(product, shop, DAY + timedelta(days=1)) == Takings(1, 3850)
    assert differences(product.deps) == []


def test_a_second_payment_and_its_way_back_count_for_nothing(product: Product) -> None:
    """It was never takings: the order is paid once."""
    deps, shop = product.deps, shops(product.deps)[0]
    first = make(deps, shop, NOON, 3850)
    pay(deps, first, NOON)
    product.do(
        "INSERT INTO pay_attempt (provider_id, order_id, out_trade_no, channel, app, payee,"
        " amount_fen, status, is_unknown, request, polls, created_at, expires_at)"
        " SELECT provider_id, order_id, out_trade_no || '_2', channel, app, payee, amount_fen,"
        " 'closed', false, request, 0, created_at, expires_at FROM pay_attempt WHERE id = :i",
        i=first.attempt_id,
    )
    again = product.one(
        "SELECT id, out_trade_no AS n FROM pay_attempt WHERE order_id = :o AND id <> :i",
        o=first.order_id,
        i=first.attempt_id,
    )
    second = Paid(shop, again.n, first.order_id, again.id, "wechat", 3850)
    assert not pay(deps, second, NOON, transaction_id="42twice")
    back = product.one("SELECT id FROM refund WHERE attempt_id = :a", a=again.id)
    assert give_back(deps, second, back.id, NOON)
    fold_all(product)
    assert takings(product, shop) == Takings(1, 3850)
    assert differences(product.deps) == []


@pytest.mark.parametrize("seed", range(4))
def test_any_crossing_of_payments_refunds_and_folding_equals_a_recount(
    product: Product, seed: int
) -> None:
    dice, deps = random.Random(seed), product.deps
    places, orders, under_way = shops(deps), list[Paid](), list[tuple[Paid, int]]()
    paid, room = set[str](), Counter[str]()
    clock = NOON
    for _ in range(120):
        clock += timedelta(minutes=dice.randrange(240))
        match dice.choices(["make", "pay", "ask", "back", "fold"], [3, 4, 3, 3, 2])[0]:
            case "make":
                wallet = dice.choice(["wechat", "alipay"])
                orders.append(
                    make(deps, dice.choice(places), clock, dice.randrange(1, 9999), wallet)
                )
            case "pay" if orders:
                order = dice.choice(orders)
                pay(deps, order, clock - timedelta(minutes=dice.randrange(600)))
                paid.add(order.number)
            case "ask" if paid:
                order = dice.choice([o for o in orders if o.number in paid])
                left = order.amount_fen - room[order.number]
                if left:
                    fen = dice.randrange(1, left + 1)
                    room[order.number] += fen
                    under_way.append((order, ask_back(deps, order, fen, clock)))
            case "back" if under_way:
                order, refund_id = dice.choice(under_way)
                state = dice.choice([RefundState.SUCCESS, RefundState.PROCESSING])
                give_back(deps, order, refund_id, clock, state)
            case "fold":
                totals.fold(deps, dice.randrange(1, 20))
        if dice.random() < 0.1:
            assert differences(deps) == []
    assert differences(deps) == []
    fold_all(product)
    assert (waiting(product), differences(deps)) == (0, [])


def test_folding_from_many_hands_beside_payments_is_exact_at_every_look(
    product: Product,
) -> None:
    """Payers, folders and a reader at once: no reader ever sees a row twice or not at all."""
    deps, shop = product.deps, shops(product.deps)[0]
    fold_all(product)
    orders = [make(deps, shop, NOON, 100) for _ in range(80)]
    over, together = Event(), Barrier(7)
    seen: list[Takings] = []

    def payer(mine: list[Paid]) -> None:
        together.wait(20)
        for order in mine:
            pay(deps, order, NOON)

    def folder() -> None:
        together.wait(20)
        while not over.is_set():
            totals.fold(deps, 3)

    def reader() -> None:
        together.wait(20)
        while not over.is_set():
            seen.append(takings(product, shop))
            assert differences(deps) == []

    with ThreadPoolExecutor(7) as pool:
        payers = [pool.submit(payer, orders[n::3]) for n in range(3)]
        others = [pool.submit(folder) for _ in range(3)] + [pool.submit(reader)]
        for one in payers:
            one.result(60)
        over.set()
        for one in others:
            one.result(60)
    counts = [one.paid_count for one in seen]
    assert counts == sorted(counts), "a payment was seen and then not"
    fold_all(product)
    assert takings(product, shop) == Takings(80, 8000)
    assert differences(deps) == []


def test_a_fold_that_dies_has_moved_nothing(product: Product) -> None:
    deps, shop = product.deps, shops(product.deps)[0]
    fold_all(product)
    for _ in range(5):
        pay(deps, make(deps, shop, NOON, 100), NOON)
    url = deps.db.url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(url) as dying, psycopg.connect(url, autocommit=True) as killer:
        sql = str(totals._FOLD).replace(":most", "3").encode()
        assert dying.execute(sql).fetchone() == (3,)
        assert takings(product, shop) == Takings(5, 500)
        killer.execute("SELECT pg_terminate_backend(%s)", [dying.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            dying.execute("SELECT 1")
    assert takings(product, shop) == Takings(5, 500)
    assert totals.fold(deps) == 5
    assert takings(product, shop) == Takings(5, 500)
    assert differences(deps) == []


def test_a_payment_that_is_rolled_back_counts_for_nothing(product: Product) -> None:
    deps, shop = product.deps, shops(product.deps)[0]
    fold_all(product)
    order = make(deps, shop, NOON, 100)

    def dies(session: Session) -> None:
        assert settle.apply_trade(session, shop.provider_id, success(order, NOON), NOON)
        raise KeyError("died")

    with pytest.raises(KeyError):
        deps.transact(dies)
    assert (waiting(product), takings(product, shop)) == (0, Takings())


def test_what_differs_is_named_by_the_command_and_repaired_once(product: Product) -> None:
    deps, shop = product.deps, shops(product.deps)[0]
    for _ in range(3):
        pay(deps, make(deps, shop, NOON, 100), NOON)
    fold_all(product)
    runner = product.app.test_cli_runner()
    whole = runner.invoke(args=["totals", "verify"])
    assert (whole.exit_code, whole.output.split()[0]) == (0, "every")
    product.do("UPDATE day_total SET paid_fen = paid_fen + 1 WHERE day_on = :d", d=DAY)
    product.do("DELETE FROM day_delta")
    named = runner.invoke(args=["totals", "verify"])
    assert named.exit_code == 1
    assert "2026-03-10" in named.output
    assert "kept 3 paid 301 fen" in named.output
    assert "counted 3 paid 300 fen" in named.output
    assert len(named.output.splitlines()) == 1
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(lambda _: totals_check.repair(deps), range(4))) == [0, 0, 0, 1]
    assert differences(deps) == []
    fold_all(product)
    assert takings(product, shop) == Takings(3, 300)
    assert runner.invoke(args=["totals", "verify", "--repair"]).exit_code == 0


def test_the_worker_adds_up_by_itself_and_counts_anew_by_night(product: Product) -> None:
    shop = shops(product.deps)[0]
    pay(product.deps, make(product.deps, shop, NOON, 100), NOON)
    assert waiting(product) > 0
    sweeper = Sweeper(product.deps)
    while sweeper._totals():
        pass
    sweeper._pool.shutdown()
    assert waiting(product) == 0
    app = build_job_app(product.deps)
    night = {task.task.name: task.cron for task in app.periodic_registry.periodic_tasks.values()}
    assert night["verify_totals"] == "40 19 * * *"


def test_the_demo_s_own_history_is_in_the_totals(product: Product) -> None:
    assert int(product.one("SELECT count(*) AS n FROM pay_order WHERE status = 'paid'").n) > 100
    assert differences(product.deps) == []


def test_a_payment_waits_for_no_other_payment_of_its_store(product: Product) -> None:
    """Two transactions count for one store and day at once: neither holds what the other needs."""
    deps, shop = product.deps, shops(product.deps)[0]
    first, second = make(deps, shop, NOON, 100), make(deps, shop, NOON, 200)

    def impatient(session: Session) -> bool:
        session.execute(text("SET LOCAL lock_timeout = '1s'"))
        return settle.apply_trade(session, shop.provider_id, success(second, NOON), NOON)

    with Session(deps.db.engine, autoflush=False) as held:
        assert settle.apply_trade(held, shop.provider_id, success(first, NOON), NOON)
        assert deps.transact(impatient)
        assert takings(product, shop) == Takings(1, 200)
        held.commit()
    assert takings(product, shop) == Takings(2, 300)
