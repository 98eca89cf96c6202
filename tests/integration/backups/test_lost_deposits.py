"""Deposits held, consumed and released after a backup come back from the wallets and our log."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config.settings import ROOT
from services import adoption
from services.intent_log import Told, ToldDeposit, read_log
from services.resync import MARGIN, Window, resync
from services.settle import apply_trade
from tests.harness.database import Server
from tests.harness.places import Places, run
from tests.harness.product import Door, Product
from tests.integration.backups.helping import back_up, lose_and_restore, settle, tomorrow
from tests.integration.deposits.helping import (
    CONSUME,
    FREEZE,
    QUERY,
    WALLETS,
    Desk,
    phone,
    room_adds_up,
    wait_for_password,
)
from tests.integration.looking import OURS, until
from tests.integration.refunds.helping import refund

pytestmark = [
    pytest.mark.books_differ,  # the first database is gone; the second is looked at here
    pytest.mark.usefixtures("noon"),
]


@dataclass
class Loss:
    """A shop whose database is backed up and then lost; its log is kept."""

    product: Product
    server: Server
    database: str
    door: Door
    places: Places
    tmp: Path
    log: Path
    folder: Path | None = None

    def back_up(self) -> None:
        self.folder = back_up(self.product, self.tmp)
        logging.getLogger().setLevel(logging.INFO)

    def restore(self) -> Product:
        assert self.folder is not None
        return lose_and_restore(
            self.product, self.server, self.database, self.door, self.places, self.folder
        )

    def resync(self, place: Product, *, has_log: bool = True) -> str:
        """What it says. Every run is of all the time since the backup."""
        assert self.folder is not None
        since = json.loads((self.folder / "manifest.json").read_text())["snapshot_at"]
        log = ("--log", str(self.log)) if has_log else ()
        done = run(place, "orders", "resync", "--since", since, *log)
        assert done.exit_code == 0, done.output
        return done.stdout


@pytest.fixture
def loss(
    product: Product,
    server: Server,
    database: str,
    door: Door,
    places: Places,
    tmp_path: Path,
    log_file: Path,
) -> Loss:
    return Loss(product, server, database, door, places, tmp_path, log_file)


def books(place: Product) -> list[list[Any]]:
    """Every figure of deposits and of the orders of this test."""
    return [
        place.sql(
            "SELECT out_freeze_no, channel, status, freeze_fen, held_fen, consumed_fen,"
            " released_fen, lapsed_fen, app, payee, freeze_id FROM deposit_freeze ORDER BY 1"
        ),
        place.sql(
            "SELECT number, kind, status, amount_fen, rest_fen, ends FROM deposit_move ORDER BY 1"
        ),
        place.sql(
            "SELECT o.out_trade_no, o.status, o.amount_fen, o.refunded_fen, o.intent_key,"
            " a.out_trade_no AS theirs, a.method, a.transaction_id FROM pay_order o"
            f" JOIN pay_attempt a ON a.order_id = o.id WHERE {OURS} ORDER BY 1"
        ),
        place.sql("SELECT out_refund_no, status, amount_fen FROM refund ORDER BY 1"),
    ]


def rows(place: Product) -> list[int]:
    counted = ("deposit_freeze", "deposit_move", "pay_order", "pay_attempt", "refund", "money_case")
    jobs = "procrastinate_jobs WHERE task_name = 'order_paid'"
    return [place.one(f"SELECT count(*) AS n FROM {t}").n for t in (*counted, jobs)]


def cases(place: Product) -> list[tuple[str, str]]:
    found = place.sql("SELECT kind, out_trade_no FROM money_case WHERE closed_at IS NULL")
    return [(row.kind, row.out_trade_no) for row in found]


def spend(desk: Desk, wallet: str, known: Any) -> list[Any]:
    """Everything that can be done with deposits; the holds."""
    product = desk.product
    consumed, released, held = desk.freeze(wallet), desk.freeze(wallet, 7000), desk.freeze(wallet)
    product.simulator.advance(20)
    if wallet == "alipay":
        desk.consume(consumed, 1500, ends=False)
        desk.release(consumed, 2000)
        desk.release(released, 3000)
        desk.consume(known, 500, ends=False)
        desk.consume(held, 100, ends=False)
    order = desk.consume(consumed, 2500)
    desk.consume(known, 3000)
    rest = 4000 if wallet == "alipay" else 7000
    desk.release(released, rest)
    settle(product, product.simulator)
    refund(product, desk.order(order.out_trade_no), 700)
    settle(product, product.simulator)
    return [known, consumed, released, held]


@WALLETS
def test_deposits_made_after_a_backup_come_back_and_books_agree(loss: Loss, wallet: str) -> None:
    desk = Desk(loss.product)
    known = desk.freeze(wallet, 8000)
    loss.back_up()
    holds = spend(desk, wallet, known)
    loss.product.assert_books_agree()
    before = books(loss.product)
    assert [row.status for row in before[0]].count("closed") == 3
    place = loss.restore()
    assert len(books(place)[0]) == 1

    said = loss.resync(place)
    for hold in holds[1:]:
        assert f"adopted: deposit {hold.out_freeze_no}" in said
    for move in before[1]:
        kind = "consumption" if move.kind == "consume" else "release"
        assert f"adopted: {kind} {move.number} of deposit" in said
    assert "refunds may go on" in said
    settle(place, place.simulator)
    assert books(place) == before
    there = Desk(place)
    for hold in holds:
        there.agrees(hold)
    place.assert_books_agree()
    place.assert_nothing_stuck()
    assert cases(place) == []

    counted = rows(place)
    assert "adopted" not in loss.resync(place)
    assert books(place) == before
    assert rows(place) == counted
    place.close(loss.door)


@WALLETS
def test_a_deposit_that_came_back_is_consumed_and_released_as_ever(loss: Loss, wallet: str) -> None:
    desk = Desk(loss.product)
    loss.back_up()
    first, second = desk.freeze(wallet), desk.freeze(wallet)
    place = loss.restore()
    loss.resync(place)
    place.simulator.advance(20)
    there = Desk(place)
    order = there.consume(there.now(first.out_freeze_no), 4000)
    there.release(there.now(second.out_freeze_no), 10000)
    settle(place, place.simulator)
    refund(place, there.order(order.out_trade_no), 1000)
    settle(place, place.simulator)
    for hold in (first, second):
        there.agrees(hold)
    place.assert_books_agree()
    place.close(loss.door)


@WALLETS
def test_what_the_log_names_and_no_wallet_had_is_not_written_down(loss: Loss, wallet: str) -> None:
    desk = Desk(loss.product)
    simulator = loss.product.simulator
    loss.back_up()
    held = desk.freeze(wallet)
    simulator.fault(CONSUME[wallet], "drop")
    order = desk.consume(held, 2500)
    desk.after(held, 100)
    desk.after(held, 100)
    assert desk.order(order.out_trade_no).status == "closed"
    simulator.fault(FREEZE[wallet], "drop")
    never = desk.freeze(wallet, 5000)
    text = loss.log.read_text("utf-8")
    assert order.out_trade_no in text
    assert never.out_freeze_no in text
    place = loss.restore()
    loss.resync(place)
    there = Desk(place)
    assert there.now(held.out_freeze_no).room_fen == 10000
    assert [len(of) for of in books(place)[:3]] == [1, 0, 0]
    there.agrees(held)
    place.assert_books_agree()
    place.close(loss.door)


def test_without_a_log_wechat_tells_all_but_the_till_s_number(loss: Loss) -> None:
    """The wallet knows a consumption by the deposit's number alone."""
    desk = Desk(loss.product)
    known = desk.freeze("wechat")
    loss.back_up()
    lost = desk.freeze("wechat")
    desk.consume(known, 2500)
    desk.consume(lost, 1000)
    settle(loss.product, loss.product.simulator)
    place = loss.restore()
    loss.resync(place, has_log=False)
    there, number = Desk(place), known.out_freeze_no
    there.agrees(known)
    assert there.order(number).status == "paid"
    assert cases(place) == [("unknown_trade", number)]
    tomorrow(place.simulator, place)  # and what nobody has named, the bill does
    loss.resync(place, has_log=False)
    there.agrees(lost)
    assert there.order(lost.out_freeze_no).amount_fen == 1000
    place.assert_books_agree()
    counted = rows(place)
    loss.resync(place, has_log=False)
    assert loss.resync(place).count("adopted") == 0
    assert rows(place) == counted
    place.close(loss.door)


def test_without_a_log_alipay_s_difference_is_told_to_a_person_until_the_log_comes(
    loss: Loss,
) -> None:
    desk = Desk(loss.product)
    known = desk.freeze("alipay")
    loss.back_up()
    order = desk.consume(known, 2500, ends=False)
    desk.release(known, 1000)
    settle(loss.product, loss.product.simulator)
    before = books(loss.product)
    place = loss.restore()
    loss.resync(place, has_log=False)
    assert cases(place) == [("deposit_mismatch", known.out_freeze_no)]
    why = place.one("SELECT facts FROM money_case").facts["last"]
    assert "--log" in why["why"]
    assert (why["ours_rest_fen"], why["theirs_rest_fen"]) == (10000, 6500)
    tomorrow(place.simulator, place)
    loss.resync(place, has_log=False)
    there = Desk(place)
    assert there.order(order.out_trade_no).status == "paid"  # by the bill, as any payment
    loss.resync(place)
    settle(place, place.simulator)
    assert books(place) == before
    there.agrees(known)
    assert cases(place) == []
    place.assert_books_agree()
    place.close(loss.door)


def test_an_order_that_a_notification_brought_back_becomes_the_consumption_it_is(
    loss: Loss,
) -> None:
    desk = Desk(loss.product)
    loss.back_up()
    held = desk.freeze("alipay")
    order = desk.consume(held, 2500)
    settle(loss.product, loss.product.simulator)
    before = books(loss.product)
    place = loss.restore()
    made = adoption.adopt(
        place.deps, desk.shop.provider_id, "alipay", order.out_trade_no, None, "upstream:alipay"
    )
    assert made is not None
    assert made.is_new
    loss.resync(place)
    assert books(place) == before
    Desk(place).agrees(held)
    place.assert_books_agree()
    place.close(loss.door)


@WALLETS
def test_a_worker_that_is_faster_than_the_resync_takes_nothing_for_failed(
    loss: Loss, wallet: str
) -> None:
    """In the backup the payer types; after it the money was held and consumed."""
    desk = Desk(loss.product)
    held = wait_for_password(desk, wallet)
    loss.back_up()
    phone(loss.product, wallet, held)
    loss.product.simulator.switch(*{"wechat": ("wechat.micropay_result", "SUCCESS"),
                                    "alipay": ("alipay.pay_result", "10000")}[wallet])  # fmt: skip
    held = desk.after(held, 5)
    desk.consume(held, 2500)
    settle(loss.product, loss.product.simulator)
    before = books(loss.product)
    place = loss.restore()
    settle(place, place.simulator)
    there = Desk(place)
    assert there.now(held.out_freeze_no).status == "frozen"
    assert cases(place) == [("deposit_mismatch", held.out_freeze_no)]
    loss.resync(place)
    assert books(place) == before
    there.agrees(held)
    assert cases(place) == []
    place.close(loss.door)


@WALLETS
def test_a_payer_who_may_still_agree_is_waited_for_and_then_ended(loss: Loss, wallet: str) -> None:
    desk = Desk(loss.product)
    loss.back_up()
    held = wait_for_password(desk, wallet)
    place = loss.restore()
    loss.resync(place)
    there = Desk(place)
    assert there.now(held.out_freeze_no).status == "waiting"
    there.after(held, 130)
    there.after(held, 130)
    assert there.now(held.out_freeze_no).status in ("failed", "void")
    phone(place, wallet, held)
    there.after(held, 130)
    upstream = there.upstream(held)
    assert upstream is not None
    assert upstream["state"] not in ("SUCCESS", "AUTHORIZED")
    place.close(loss.door)


def test_a_consumption_that_wechat_is_still_at_is_asked_about_until_it_is_done(
    loss: Loss,
) -> None:
    desk = Desk(loss.product)
    simulator = loss.product.simulator
    loss.back_up()
    held = desk.freeze("wechat")
    simulator.switch("wechat.deposit_consume", "settling")
    simulator.switch("wechat.deposit_settle_s", "3600")
    order = desk.consume(held, 2500)
    assert order.status == "paying"
    place = loss.restore()
    loss.resync(place)
    there = Desk(place)
    assert there.order(order.out_trade_no).status == "paying"
    assert there.now(held.out_freeze_no).held_fen == 10000
    room_adds_up(place)
    simulator.advance(3601)
    for _ in range(3):
        settle(place, simulator)
    assert there.order(order.out_trade_no).status == "paid"
    there.agrees(held)
    place.assert_books_agree()
    place.close(loss.door)


def test_a_wallet_that_is_silent_is_asked_again_and_nothing_is_half_written(loss: Loss) -> None:
    desk = Desk(loss.product)
    loss.back_up()
    held = desk.freeze("wechat")
    desk.consume(held, 2500)
    settle(loss.product, loss.product.simulator)
    before = books(loss.product)
    place = loss.restore()
    place.simulator.fault(QUERY["wechat"], "error", times=50)
    done = run(place, "orders", "resync", "--log", str(loss.log))
    place.simulator.clear_faults()
    assert done.exit_code == 1
    assert f"NO ANSWER: {held.out_freeze_no}" in done.stdout
    assert "refunds wait until then" in done.stdout
    assert books(place)[0] == []
    loss.resync(place)
    assert books(place) == before
    place.close(loss.door)


@WALLETS
def test_killed_in_the_middle_and_run_again_brings_each_back_once(
    loss: Loss, wallet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside the transaction that writes the second hold: of it there is nothing, then all."""
    desk = Desk(loss.product)
    loss.back_up()
    for _ in range(3):
        desk.consume(desk.freeze(wallet), 2500)
    settle(loss.product, loss.product.simulator)
    before = books(loss.product)
    place = loss.restore()
    calls: list[int] = []

    def dies(*words: Any, **more: Any) -> bool:
        calls.append(1)
        made = apply_trade(*words, **more)
        if len(calls) == 2:
            raise SystemExit(137)
        return made

    monkeypatch.setattr("services.deposits.regained_orders.apply_trade", dies)
    monkeypatch.setattr(
        "services.resync._side_by_side", lambda _, items, ask: list(map(ask, items))
    )
    assert run(place, "orders", "resync", "--log", str(loss.log)).exit_code == 137
    assert [len(of) for of in books(place)[:3]] == [1, 1, 1]
    room_adds_up(place)
    monkeypatch.undo()
    loss.resync(place)
    assert books(place) == before
    place.assert_books_agree()
    place.close(loss.door)


def test_a_process_that_is_killed_while_a_wallet_answers_loses_nothing(loss: Loss) -> None:
    """SIGKILL of the real command, one hold written and the next one asked about."""
    desk = Desk(loss.product)
    loss.back_up()
    for _ in range(2):
        desk.consume(desk.freeze("alipay"), 2500)
    settle(loss.product, loss.product.simulator)
    before = books(loss.product)
    place = loss.restore()
    settings = place.deps.settings
    named = ("data_dir", "database_url", "migrate_database_url", "public_url", "simulator_url")
    env = {**os.environ, **{n.upper(): str(getattr(settings, n)) for n in named}}
    env |= {"WORKER_THREADS": "1", "READ_TIMEOUT_S": "60"}
    last = max(row.out_freeze_no for row in before[0])
    place.simulator.fault("alipay.trade.query", "delay", times=9, ms=4000)
    words = [sys.executable, "-m", "flask", "--app", "app", "orders", "resync", "--log"]
    with subprocess.Popen([*words, str(loss.log)], cwd=ROOT, env=env) as program:
        try:
            until(lambda: books(place)[0] != [] or program.poll() is not None, seconds=90)
            assert program.poll() is None, "it is through before it was killed"
        finally:
            program.kill()
    place.simulator.clear_faults()
    assert [row.out_freeze_no for row in books(place)[0]] != [last]
    assert len(books(place)[0]) == 1
    loss.resync(place)
    assert books(place) == before
    place.assert_books_agree()
    place.close(loss.door)


@WALLETS
def test_two_resyncs_at_once_bring_each_back_once(loss: Loss, wallet: str) -> None:
    desk = Desk(loss.product)
    known = desk.freeze(wallet, 8000)
    loss.back_up()
    spend(desk, wallet, known)
    before = books(loss.product)
    place = loss.restore()
    told = read_log(loss.log.read_text("utf-8").splitlines())
    now = place.deps.now()
    window = Window(now - 10 * MARGIN, now)
    wrong: list[BaseException] = []

    def one() -> None:
        try:
            resync(place.deps, window, told, actor="test")
        except BaseException as problem:
            wrong.append(problem)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    settle(place, place.simulator)
    assert books(place) == before
    place.assert_books_agree()
    place.close(loss.door)


def test_the_log_names_deposits_and_no_payer(loss: Loss) -> None:
    desk = Desk(loss.product)
    loss.back_up()
    held = desk.freeze("alipay")
    order = desk.consume(held, 2500, ends=False)
    release = desk.release(held, 1000)
    text = loss.log.read_text("utf-8")
    told = [one for one in read_log(text.splitlines()) if isinstance(one, ToldDeposit)]
    said = {(t.kind, t.number, t.amount_fen, t.ends) for t in told if t.amount_fen}
    assert said == {
        ("freeze", "", 10000, False),
        ("consume", order.out_trade_no, 2500, False),
        ("release", release.number, 1000, False),
    }
    assert {(t.out_freeze_no, t.channel) for t in told} == {(held.out_freeze_no, "alipay")}
    intents = [json.loads(line) for line in text.splitlines() if "deposit intent" in line]
    assert {name for line in intents for name in line} <= {
        *("event", "deposit", "channel", "payee", "out_freeze_no", "number", "amount_fen"),
        *("ends", "at", "until", "level", "logger", "timestamp"),
    }


def test_lines_of_deposits_are_read_past_what_can_not_be() -> None:
    lines = [
        '{"channel": "wechat", "operation": "freeze", "out_trade_no": "sz01"}',
        '{"channel": "wechat", "operation": "consume", "out_trade_no": "sz01"}',
        '{"channel": "alipay", "operation": "consume", "out_trade_no": "sz02"}',
        '{"channel": "alipay", "operation": "query_freeze", "out_trade_no": "sz03"}',
        '{"channel": "alipay", "operation": "release", "out_trade_no": "sz03"}',
        '{"channel": "alipay", "out_freeze_no": "sz04", "deposit": "release", "number": 7}',
        '{"channel": "alipay", "out_freeze_no": "sz05", "deposit": "consume", "number": "sz06",'
        ' "amount_fen": -1, "at": "never"}',
        '{"channel": "paypal", "out_freeze_no": "sz07"}',
        '{"channel": "wechat", "out_freeze_no": ""}',
    ]
    found = read_log(lines)
    assert found == {
        ToldDeposit("sz01", "wechat"),
        Told("sz02", "alipay"),
        ToldDeposit("sz04", "alipay"),
        ToldDeposit("sz05", "alipay", at="never", kind="consume", number="sz06"),
    }
    assert all(t.asked_at is None for t in found if isinstance(t, ToldDeposit))
