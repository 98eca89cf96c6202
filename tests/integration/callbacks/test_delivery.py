"""At least once, on a schedule that ends, and never again by itself once it was heard."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from errors import BadInput, CallbackAddress
from gateways.outgoing.sender import CallbackSender
from services.callbacks import people
from services.callbacks.sweep import claim_due, deliver
from services.onboarding import set_callback, stop_callback
from services.watchlist import gauges
from tasks.callbacks import Postman
from tests.harness.product import Product
from tests.harness.receiver import Receiver, ok, receiver
from tests.harness.simulator import Simulator
from tests.integration.callbacks.helping import (
    MAIN,
    OTHER,
    MakePhone,
    callbacks,
    key_of,
    opened,
    pay,
    post,
    tell,
    understood,
    with_sender,
)
from tests.integration.callbacks.watching import connections
from tests.integration.looking import orders, until
from tests.integration.mailbox import Mailbox

SCHEDULE = (45, 45, 45, 300, 1800, 3600, 10800, 21600, 43200, 86400, 86400)
SPARE = timedelta(seconds=20)  # a slow machine


def says(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
    return lambda _: (status, headers or {}, body)


@pytest.fixture
def order(product: Product, phone: MakePhone, there: Receiver) -> Any:
    """One paid order whose callback is due."""
    tell(product, there)
    paid = pay(product, phone, "wechat")
    product.run_jobs()
    return paid


def row_of(product: Product) -> Any:
    (row,) = callbacks(product)
    return row


def test_it_is_sent_again_on_a_schedule_that_ends_and_a_person_sends_it_once_more(
    product: Product, simulator: Simulator, order: Any, there: Receiver
) -> None:
    assert product.deps.settings.callback_schedule == SCHEDULE
    there.answer = says(500)
    deps, runner = opened(product), product.app.test_cli_runner()
    for number, wait in enumerate(SCHEDULE, 1):
        post(deps)
        row = row_of(product)
        assert (row.status, row.tries, row.last_status) == ("pending", number, 500)
        left = row.due_at - product.deps.now()
        assert timedelta(seconds=wait) - SPARE < left <= timedelta(seconds=wait)
        assert post(deps) == [], "not before its time"
        simulator.advance(wait)
    post(deps)
    row = row_of(product)
    assert (row.status, row.tries, row.due_at) == ("dead", len(SCHEDULE) + 1, None)
    assert (row.last_code, row.last_error) == ("CALLBACK_STATUS", "answered 500, only 200 counts")
    simulator.advance(400_000)
    assert post(deps) == []
    assert len(there.heard) == len(SCHEDULE) + 1
    assert gauges(product.deps)["yima_callbacks_dead"] == 1
    listed = runner.invoke(args=["callbacks", "list", "--dead"])
    assert listed.exit_code == 1
    assert f"pay_success  {order.out_trade_no}  dead  tried 12x  CALLBACK_STATUS" in listed.stdout
    there.answer = ok
    done = runner.invoke(args=["callbacks", "replay", "--dead", "--provider", MAIN])
    assert done.output == "1 callbacks are sent again\n"
    post(deps)
    row = row_of(product)
    assert (row.status, row.tries, row.replays, row.last_code) == ("delivered", 1, 1, None)
    said = product.one("SELECT actor, facts FROM audit_entry WHERE action = 'callback_replayed'")
    assert said.actor.startswith("cli:")
    assert said.facts["number"] == order.out_trade_no
    assert gauges(product.deps)["yima_callbacks_dead"] == 0
    simulator.advance(400_000)
    assert post(deps) == [], "heard: never again by itself"
    assert len(there.heard) == len(SCHEDULE) + 2


@pytest.mark.parametrize("body", [b"", b"<html>garbage", b'{"response_content":{"status":0}}'])
def test_any_200_is_enough(product: Product, order: Any, there: Receiver, body: bytes) -> None:
    there.answer = says(200, body)
    post(opened(product))
    assert row_of(product).status == "delivered"


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [
        (204, {}, "CALLBACK_STATUS"),
        (404, {}, "CALLBACK_STATUS"),
        (302, {"Location": "/elsewhere"}, "CALLBACK_REDIRECT"),
        (308, {"Location": "http://127.0.0.1:1/"}, "CALLBACK_REDIRECT"),
    ],
)
def test_any_other_answer_is_a_failed_try(
    product: Product,
    order: Any,
    there: Receiver,
    status: int,
    headers: dict[str, str],
    code: str,
) -> None:
    there.answer = says(status, headers=headers)
    post(opened(product))
    row = row_of(product)
    assert (row.status, row.last_status, row.last_code) == ("pending", status, code)
    assert len(there.heard) == 1


def test_silence_and_a_closed_door_are_failed_tries(
    product: Product, simulator: Simulator, order: Any, there: Receiver
) -> None:
    def slow(_: object) -> Any:
        time.sleep(1.5)
        return 200, {}, b""

    there.answer = slow
    post(opened(product, whole_s=0.5))
    assert row_of(product).last_code == "CALLBACK_TIMEOUT"
    product.do("UPDATE provider SET callback_url = 'http://127.0.0.1:1/' WHERE out_mch_id = :m",
               m=MAIN)  # fmt: skip
    simulator.advance(60)
    post(opened(product))
    row = row_of(product)
    assert (row.last_code, row.tries) == ("CALLBACK_CONNECT", 2)
    assert "127.0.0.1" in row.last_error


def test_a_name_that_later_leads_inside_is_a_failed_try_and_nothing_is_connected(
    product: Product, phone: MakePhone
) -> None:
    now_at = ["8.8.8.8"]
    deps = with_sender(product, CallbackSender(resolve=lambda _host, _port: now_at))
    url = "https://erp.example.com/paid?token=sesame"
    with connections() as tried:
        set_callback(deps, MAIN, url, on_refund=False, actor="test:a")
    assert tried == [], "looked up, not called"
    pay(product, phone, "wechat")
    product.run_jobs()
    now_at[:] = ["169.254.169.254"]
    with connections() as tried:
        post(deps)
        remote = {host for host, _ in tried if host not in ("127.0.0.1", "::1")}
    row = row_of(product)
    assert remote == set()
    assert (row.status, row.last_code) == ("pending", "CALLBACK_ADDRESS")
    assert row.last_error == ("erp.example.com is 169.254.169.254 (link-local): it is not called")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://0x7f.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.7/paid",
        "https://localhost.localdomain@10.0.0.7/",
        "gopher://10.0.0.7/",
    ],
)
def test_an_inner_address_is_refused_when_it_is_set(product: Product, url: str) -> None:
    done = product.app.test_cli_runner().invoke(
        args=["provider", "set-callback", url, "--provider", MAIN]
    )
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert "Traceback" not in done.output
    row = product.one("SELECT * FROM provider WHERE out_mch_id = :m", m=MAIN)
    assert (row.callback_url, row.callback_is_active) == (None, False)
    with pytest.raises(CallbackAddress):
        product.deps.gateways.callbacks.check(url)


class Killed(BaseException):
    """The process ends here."""


class DyingSender:
    """Sends, and dies before anybody can write down what was answered."""

    def __init__(self, real: CallbackSender) -> None:
        self._real = real

    def post(self, url: str, body: bytes) -> int:
        self._real.post(url, body)
        raise Killed


def test_killed_between_the_answer_and_our_note_of_it_it_is_sent_again(
    product: Product, simulator: Simulator, order: Any, there: Receiver
) -> None:
    """At least once; visible as done once."""
    deps = opened(product)
    dying = with_sender(product, DyingSender(CallbackSender(allow_private=True, allow_http=True)))
    (claim,) = claim_due(dying, 1)
    with pytest.raises(Killed):
        deliver(dying, claim)
    assert post(deps) == [], "another process must believe that it is being sent"
    simulator.advance(61)
    post(deps)
    assert len(there.heard) == 2
    numbers = {
        understood(heard, key_of(product))["order_content"]["out_trade_no"] for heard in there.heard
    }
    assert numbers == {order.out_trade_no}
    row = row_of(product)
    assert (row.status, row.tries) == ("delivered", 2)


def test_a_late_failure_does_not_undo_what_was_heard(
    product: Product, simulator: Simulator, order: Any, there: Receiver
) -> None:
    """A process that was thought dead comes back with its own, older word."""
    deps = opened(product)
    (old,) = claim_due(deps, 1)
    simulator.advance(61)
    (new,) = claim_due(deps, 1)
    there.answer = says(500)
    deliver(deps, old)
    row = row_of(product)
    assert (row.tries, row.last_code) == (2, None), "the older word counts for nothing"
    there.answer = ok
    deliver(deps, new)
    assert row_of(product).status == "delivered"
    deliver(deps, old)
    assert len(there.heard) == 2
    assert row_of(product).status == "delivered"


def test_twenty_sweeps_at_once_send_each_once(
    product: Product, phone: MakePhone, there: Receiver
) -> None:
    tell(product, there)
    for wallet in ("wechat", "alipay"):
        pay(product, phone, wallet)
    product.run_jobs()
    copies(product, 4, MAIN)
    deps, together = opened(product, whole_s=8.0), Barrier(20)

    def sweep(_: int) -> None:
        together.wait(20)
        post(deps)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(sweep, range(20)))
    assert len(there.heard) == 6
    assert [(row.status, row.tries) for row in callbacks(product)] == [("delivered", 1)] * 6


def copies(product: Product, count: int, out_mch_id: str) -> None:
    """More callbacks about the provider's newest order."""
    product.do(
        "INSERT INTO callback (provider_id, event, number, order_id, status, tries, replays,"
        " due_at, created_at) SELECT o.provider_id, 'pay_success', 'copy' || n, o.id, 'pending', 0,"
        " 0, o.paid_at + n * interval '1 ms', o.paid_at FROM generate_series(1, :n) n, pay_order o"
        " JOIN provider p ON p.id = o.provider_id WHERE p.out_mch_id = :m"
        " AND o.id = (SELECT max(id) FROM pay_order x WHERE x.provider_id = o.provider_id"
        " AND x.status = 'paid' AND x.intent_key NOT LIKE 'demo:%')",
        n=count,
        m=out_mch_id,
    )


def test_one_providers_silent_server_does_not_starve_anothers(
    product: Product, phone: MakePhone, there: Receiver
) -> None:
    def silent(_: object) -> Any:
        time.sleep(3)
        return 500, {}, b""

    there.answer = silent
    with receiver() as other:
        tell(product, there)
        tell(product, other, out_mch_id=OTHER)
        pay(product, phone, "wechat")
        stranger = phone("wechat", "zhou")
        stranger.confirm(stranger.press(stranger.form("5T1MZ9", OTHER), "7").json())
        product.wait_paid(orders(product)[-1].out_trade_no)
        copies(product, 200, MAIN)  # all of them older than the other's
        time.sleep(0.3)
        copies(product, 40, OTHER)
        postman = Postman(opened(product, whole_s=2.5))
        started = time.monotonic()
        postman.start()
        try:
            other.wait(40, seconds=10)
            took = time.monotonic() - started
            until(lambda: len(_of(product, OTHER, "delivered")) == 40)
        finally:
            postman.stop()
    assert took < 2.5, "not one round of the silent server's"
    assert 0 < len(there.heard) <= postman._turns._most, "its share, and then a rest"
    assert _of(product, MAIN, "delivered") == []


def _of(product: Product, out_mch_id: str, status: str) -> list[Any]:
    return product.sql(
        "SELECT c.id FROM callback c JOIN provider p ON p.id = c.provider_id"
        " WHERE p.out_mch_id = :m AND c.status = :s",
        m=out_mch_id,
        s=status,
    )


def test_an_address_taken_away_ends_what_waits_and_is_needed_for_sending_again(
    product: Product, order: Any, there: Receiver
) -> None:
    stop_callback(product.deps, MAIN, actor="test:a")
    deps = opened(product)
    post(deps)
    row = row_of(product)
    assert (row.status, row.last_code, row.tries) == ("dead", "CALLBACK_OFF", 1)
    with pytest.raises(BadInput, match="has no address"):
        people.replay(deps, row.id, actor="test:a")
    tell(product, there)
    people.replay(deps, row.id, actor="test:a")
    post(deps)
    assert row_of(product).status == "delivered"


def test_a_new_key_signs_from_then_on(
    product: Product, simulator: Simulator, order: Any, there: Receiver
) -> None:
    old = key_of(product)
    there.answer = says(500)
    post(opened(product))
    done = product.app.test_cli_runner().invoke(
        args=["provider", "new-authen-key", "--provider", MAIN]
    )
    new = done.stdout.splitlines()[0].removeprefix("authen_key ")
    assert len(new) == 32
    assert new != old
    simulator.advance(60)
    post(opened(product))
    understood(there.heard[0], old)
    understood(there.heard[1], new)


def test_a_second_payment_that_goes_back_is_not_told_as_a_refund(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox, there: Receiver
) -> None:
    """Its receiver never heard of the second payment: it would take the order for refunded."""
    tell(product, there, on_refund=True)
    payer = phone()
    form = payer.form()
    payer.confirm(payer.press(form, "10.00").json())
    mailbox.wait()
    product.do("UPDATE pay_attempt SET status = 'closed', due_at = NULL, closed_at = now()")
    payer.confirm(payer.press(form, "20.00").json())
    mailbox.wait(2)
    for notice in mailbox.notices[:2]:
        mailbox.deliver(notice)
    product.sweep()
    simulator.advance(15)
    mailbox.is_open = True
    product.sweep()
    assert product.one("SELECT status FROM refund").status == "success"
    product.run_jobs()
    post(opened(product))
    assert [row.event for row in callbacks(product)] == ["pay_success"]
    said = understood(there.heard[-1], key_of(product))["order_content"]
    assert said["wxpay_order_content_ext"]["current_trade_state"] == 3
    assert said["total_fee"] == 1000


def run(product: Product, *words: str) -> Any:
    return product.app.test_cli_runner().invoke(args=["callbacks", *words])


def test_the_commands_say_what_there_is(
    product: Product, order: Any, there: Receiver, make_dead: Callable[[], int]
) -> None:
    assert run(product, "list").exit_code == 0
    assert "pending" in run(product, "list").stdout
    number = make_dead()
    shown = run(product, "show", str(number))
    assert "CALLBACK_STATUS answered 500" in shown.stdout
    assert f"provider {MAIN}  host 127.0.0.1" in shown.stdout
    assert "given up" in shown.stdout
    story = product.app.test_cli_runner().invoke(args=["orders", "show", order.out_trade_no])
    assert f"callback pay_success {order.out_trade_no}" in story.stdout
    assert run(product, "list").exit_code == 1
    assert run(product, "dismiss", str(number), "--note", "receiver is gone").exit_code == 0
    assert run(product, "list").stdout == "no callback is under way\n"
    assert "dismissed" in run(product, "list", "--all").stdout
    assert run(product, "replay", str(number)).exit_code == 0
    post(opened(product))
    assert run(product, "list", "--provider", OTHER).exit_code == 0
    for words in (
        ("show", "999999"),
        ("replay", "999999"),
        ("dismiss", str(number), "--note", "x"),
        ("replay",),
        ("replay", "--dead"),
        ("replay", "1", "--dead", "--provider", MAIN),
        ("replay", "--dead", "--provider", "nosuch"),
    ):
        done = run(product, *words)
        assert done.exit_code != 0, words
        assert "Traceback" not in done.output


@pytest.fixture
def make_dead(product: Product, order: Any, there: Receiver) -> Callable[[], int]:
    def make() -> int:
        there.answer = says(500)
        product.do("UPDATE callback SET tries = 11")
        post(opened(product))
        there.answer = ok
        row = row_of(product)
        assert row.status == "dead"
        return int(row.id)

    return make
