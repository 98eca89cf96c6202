"""The database is lost; a backup is restored; the wallets bring back what it did not know."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from services.intent_log import Told, read_log
from tests.harness.database import Server
from tests.harness.phone import MAIN, Phone
from tests.harness.places import Places, run
from tests.harness.product import Door, Product
from tests.harness.simulator import Simulator
from tests.integration.backups.helping import back_up, lose_and_restore, settle, tomorrow
from tests.integration.looking import orders, until
from tests.integration.mailbox import Mailbox
from tests.integration.refunds.helping import pay, refund, refunds

MakePhone = Callable[..., Phone]
pytestmark = [
    pytest.mark.books_differ,  # the first database is gone; the second is looked at here
    pytest.mark.usefixtures("noon"),
]


@contextmanager
def payers(phone: MakePhone, count: int) -> Iterator[list[str]]:
    """Payers who pay one order after another, over both wallets, until the block ends."""
    done: list[str] = []
    ended = threading.Event()
    wrong: list[BaseException] = []

    def pay_on(number: int) -> None:
        wallet = ("wechat", "alipay")[number % 2]
        try:
            buyer = phone(wallet, ("lin", "zhou")[number // 2])
            buyer.scan()  # comes back from OAuth without ?new=1
            while not ended.is_set():
                form = buyer.form(path=f"/q/{MAIN}/8K3FQ2?new=1")
                made = buyer.press(form, "10.00").json()
                buyer.confirm(made)
                until(lambda m=made: buyer.state(m)["state"] == "paid")  # type: ignore[misc]
                done.append(wallet)
        except BaseException as problem:
            wrong.append(problem)

    threads = [threading.Thread(target=pay_on, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        assert not wrong, wrong


def all_is_told(product: Product) -> None:
    """Every payment's notification has arrived."""
    until(lambda: not [o for o in orders(product) if o.status != "paid"], what="some are not paid")


def each_once(place: Product) -> None:
    """One order and one payment for each trade of the wallets, one row for each refund."""
    theirs = [row["out_trade_no"] for row in place.simulator.books()]
    assert len(theirs) == len(set(theirs))
    paid = [row.out_trade_no for row in orders(place)]
    assert sorted(paid) == sorted(theirs)
    learned = place.sql(
        "SELECT facts ->> 'attempt' AS n, count(*) AS times FROM audit_entry"
        " WHERE action IN ('order_paid', 'order_paid_late') GROUP BY 1 HAVING count(*) > 1"
    )
    assert learned == []


def test_what_was_paid_and_refunded_after_a_backup_comes_back(
    product: Product,
    simulator: Simulator,
    phone: MakePhone,
    server: Server,
    database: str,
    door: Door,
    places: Places,
    tmp_path: Path,
) -> None:
    known = [pay(product, phone, wallet) for wallet in ("wechat", "alipay")]
    for order in known:
        refund(product, order, 1000)
    late = phone("wechat", "chen")
    unpaid = late.start(amount="7.00")
    with payers(phone, 4) as done:
        until(lambda: len(done) >= 6)
        folder = back_up(product, tmp_path)
        at_backup = len(done)
        until(lambda: len(done) >= at_backup + 8, what="nobody pays while it is backed up")
    late.confirm(unpaid)
    all_is_told(product)
    settle(product, simulator)
    lost = orders(product)[-1]
    for order in (*known, lost):
        refund(product, order, 250)
    settle(product, simulator)
    product.assert_books_agree()
    wanted = {(o.out_trade_no, o.amount_fen, o.refunded_fen) for o in orders(product)}
    place = lose_and_restore(product, server, database, door, places, folder)
    assert len(orders(place)) < len(wanted)
    refused = run(place, "refunds", "ask", known[0].out_trade_no, "1", "--reason", "x")
    assert refused.exit_code != 0
    assert "退款暂停" in refused.output

    first = run(place, "orders", "resync")
    assert "still to come: WeChat Pay" in first.stdout
    assert "there from" in first.stdout
    assert f"adopted: refund {known[0].out_trade_no}R2" in first.stdout
    tomorrow(simulator, place)
    since = json.loads((folder / "manifest.json").read_text())["snapshot_at"]
    second = run(place, "orders", "resync", "--since", since)
    assert "adopted: payment" in second.stdout
    settle(place, simulator)
    place.assert_books_agree()
    place.assert_nothing_stuck()
    each_once(place)
    assert {(o.out_trade_no, o.amount_fen, o.refunded_fen) for o in orders(place)} == wanted
    again = run(place, "orders", "resync", "--since", "2020-01-01T00:00:00+00:00")
    assert again.exit_code == 0, again.output
    assert "adopted" not in again.stdout
    more = refund(place, known[0], 300)
    assert more.out_refund_no not in {f"{known[0].out_trade_no}R{n}" for n in range(1, 9)}
    settle(place, simulator)
    place.assert_books_agree()
    place.close(door)


def test_a_notification_that_comes_again_brings_its_order_back(
    product: Product,
    simulator: Simulator,
    phone: MakePhone,
    server: Server,
    database: str,
    door: Door,
    places: Places,
    tmp_path: Path,
) -> None:
    folder = back_up(product, tmp_path)
    mailbox = Mailbox.before(product, door)
    for wallet in ("wechat", "alipay"):
        phone(wallet).pay(amount="6.00")
    mailbox.wait(2)
    place = lose_and_restore(product, server, database, door, places, folder)
    assert orders(place) == []
    simulator.advance(3600)
    until(lambda: len(orders(place)) == 2, what="the wallets do not send again")
    until(lambda: all(order.status == "paid" for order in orders(place)))
    place.assert_books_agree()
    each_once(place)
    place.close(door)


def test_the_log_brings_lost_orders_back_on_the_same_day(
    product: Product,
    simulator: Simulator,
    phone: MakePhone,
    server: Server,
    database: str,
    door: Door,
    places: Places,
    tmp_path: Path,
    log_file: Path,
) -> None:
    folder = back_up(product, tmp_path)
    logging.getLogger().setLevel(logging.INFO)
    made = [pay(product, phone, wallet) for wallet in ("wechat", "alipay")]
    refund(product, made[0], 1000)
    refund(product, made[1], 2000, out_refund_no="sz01_by_a_till")
    phone("wechat", "chen").start(amount="3.00")  # nobody pays it
    settle(product, simulator)
    place = lose_and_restore(product, server, database, door, places, folder)
    done = run(place, "orders", "resync", "--log", str(log_file))
    assert done.exit_code == 0, done.output
    for order in made:
        assert f"adopted: payment {order.out_trade_no}" in done.stdout
    assert "adopted: refund sz01_by_a_till" in done.stdout
    assert sorted(r.amount_fen for r in refunds(place)) == [1000, 2000]
    assert {o.out_trade_no for o in orders(place)} == {o.out_trade_no for o in made}
    again = run(
        place, "orders", "resync", "--since", "2020-01-01T00:00:00Z", "--log", str(log_file)
    )
    assert "adopted" not in again.stdout
    assert len(orders(place)) == 2
    place.close(door)


def test_without_an_answer_refunds_go_on_waiting(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    order = pay(product, phone, "wechat")
    product.do(
        "INSERT INTO restored_backup (mark, snapshot_at, restored_at) VALUES ('abc', :t, :t)",
        t=product.deps.now(),
    )
    warned = requests.get(f"{product.url}/readyz", timeout=10).json()["warnings"]
    assert [text for text in warned if "orders resync" in text]
    simulator.fault("wechat.query", "error", times=50)
    done = run(product, "orders", "resync")
    simulator.clear_faults()
    assert done.exit_code == 1
    assert f"NO ANSWER: {order.out_trade_no}" in done.stdout
    assert "refunds wait until then" in done.stdout
    assert run(product, "refunds", "ask", order.out_trade_no, "1", "--reason", "x").exit_code != 0
    done = run(product, "orders", "resync")
    assert done.exit_code == 0, done.output
    assert "refunds may go on" in done.stdout
    assert run(product, "refunds", "ask", order.out_trade_no, "1", "--reason", "x").exit_code == 0


def test_one_provider_or_half_the_time_is_not_all_of_it(product: Product, phone: MakePhone) -> None:
    order = pay(product, phone, "wechat")
    at = product.deps.now()
    product.do(
        "INSERT INTO restored_backup (mark, snapshot_at, restored_at) VALUES ('abc', :t, :t)", t=at
    )
    for words in (
        ("--provider", MAIN),
        ("--since", (at + timedelta(hours=1)).isoformat()),
        ("--until", (at - timedelta(hours=1)).isoformat()),
    ):
        done = run(product, "orders", "resync", *words)
        assert done.exit_code == 0, done.output
        assert "refunds wait for all providers" in done.stdout
    assert run(product, "refunds", "ask", order.out_trade_no, "1", "--reason", "x").exit_code != 0
    assert "may go on" in run(product, "orders", "resync").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no restored backup waits"),
        (("--since", "yesterday"), "no time"),
        (("--since", "2026-11-25T03:00:00"), "names no zone"),
        (("--since", "2026-11-25T03:00:00Z", "--provider", "nosuch"), "no provider"),
    ],
)
def test_what_cannot_be_asked_is_said(product: Product, words: tuple[str, ...], said: str) -> None:
    done = run(product, "orders", "resync", *words)
    assert done.exit_code == 2
    assert said in done.output


def test_a_log_is_read_past_whatever_else_stands_in_it() -> None:
    lines = [
        "Nov 25 03:00:00 host gunicorn[7]: "
        '{"event": "gateway call", "channel": "wechat", "out_trade_no": "sz01"}',
        '{"event": "order paid", "out_trade_no": "sz02"}',
        '{"channel": "alipay", "out_trade_no": "sz03", "out_refund_no": "sz03R1"}',
        "Traceback (most recent call last):",
        '{"broken": ',
        '{"out_trade_no": 7}',
        "[1, 2]",
    ]
    assert read_log(lines) == {
        Told("sz01", "wechat"),
        Told("sz02", "wechat"),
        Told("sz02", "alipay"),
        Told("sz03", "alipay", "sz03R1"),
    }
