"""One intention is one order, whatever is tapped; two customers at one code are two orders."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import requests
from sqlalchemy import text

from tests.harness.phone import MAIN, Phone, words
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import attempts, calls, cases, orders, payable_upstream, until
from tests.integration.mailbox import Mailbox

MakePhone = Callable[..., Phone]
WALLETS = pytest.mark.parametrize("wallet", ["wechat", "alipay"])
CREATE = {"wechat": "wechat.jsapi", "alipay": "alipay.create"}
TRAIL = {"wechat": "wechat.jsapi", "alipay": "alipay.trade.create"}


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """All in the same instant, each in its own thread."""
    together = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        together.wait(20)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def twin(payer: Phone) -> Phone:
    """The same phone in another tab or thread: the same cookies."""
    made = Phone(payer.product_url, payer.simulator, payer.wallet, payer.person)
    made.http.cookies.update(payer.http.cookies)
    return made


@WALLETS
def test_a_double_tap_gives_one_order_and_one_payable_trade(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    payer = phone(wallet)
    form = payer.form()
    again = twin(payer)
    answers = at_once(lambda: payer.press(form), lambda: again.press(form))
    made = [a.json() for a in answers if a.status_code == 200 and "bridge" in a.json()]
    assert made
    assert len(orders(product)) == 1
    assert len(attempts(product)) == 1
    assert payable_upstream(simulator) == [attempts(product)[0][0]]
    payer.confirm(made[-1])
    product.wait_paid(attempts(product)[0][0])
    for old in made[:-1]:
        status, said = simulator.wallet(wallet, old["bridge"], person="lin")
        assert status == 400, said


@WALLETS
def test_back_refresh_rescan_and_a_second_tab_continue_the_same_order(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    payer = phone(wallet)
    first = payer.form()
    payer.press(first)
    refreshed = payer.form()
    payer.press(refreshed)
    tab = twin(payer)
    tab.press(tab.form())
    made = payer.press(first).json()  # back, and pressed again
    assert len(orders(product)) == 1
    assert payable_upstream(simulator) == [attempts(product)[0][0]]
    payer.confirm(made)
    product.wait_paid(attempts(product)[0][0])
    for form in (first, refreshed):
        answer = payer.press(form)
        assert answer.status_code == 200
        assert "bridge" not in answer.json()
        assert answer.json()["result"] == made["result"]
    assert len(orders(product)) == 1


def test_a_scan_just_after_paying_shows_the_result_and_a_new_visit_pays_anew(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    payer = phone()
    payer.pay()
    product.wait_paid(attempts(product)[0][0])
    assert "付款成功" in words(payer.scan().text)
    fresh = payer.form(path=f"/q/{MAIN}/8K3FQ2?new=1")
    made = payer.press(fresh, "5.00").json()
    payer.confirm(made)
    product.wait_paid(attempts(product)[1][0])
    assert [order.amount_fen for order in orders(product)] == [1234, 500]
    simulator.advance(90)
    assert payer.form().intent


def test_twenty_customers_at_one_code_in_one_second_are_twenty_orders(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    people = [f"p{n:02d}" for n in range(1, 21)]
    crowd = [phone("wechat" if n % 2 else "alipay", person) for n, person in enumerate(people)]
    forms = at_once(*(p.form for p in crowd))
    simulator.fault("wechat.jsapi", "delay", times=10, ms=700)
    simulator.fault("alipay.create", "delay", times=10, ms=700)
    started = time.monotonic()
    pressed = [
        lambda p=p, f=f, n=n: p.press(f, f"{n + 1}.00")
        for n, (p, f) in enumerate(zip(crowd, forms, strict=True))
    ]
    answers = at_once(*pressed)
    took = time.monotonic() - started
    assert took < 0.7 * 20 / 2, f"{took:.1f} s: one after another would be {0.7 * 20:.0f} s"
    made = [answer.json() for answer in answers]
    assert all("bridge" in one for one in made)
    at_once(*(lambda p=p, m=m: p.confirm(m) for p, m in zip(crowd, made, strict=True)))
    for number, _ in attempts(product):
        product.wait_paid(number)
    found = orders(product)
    assert len(found) == 20
    assert sorted(order.amount_fen for order in found) == [100 * n for n in range(1, 21)]
    assert len({order.person_id for order in found}) == 20
    assert len({one["result"] for one in made}) == 20
    for n, (payer, one) in enumerate(zip(crowd, made, strict=True)):
        assert f"{n + 1}.00" in words(payer.result(one).text)


def test_the_address_of_an_order_cannot_be_guessed_from_another(
    product: Product, phone: MakePhone
) -> None:
    ids = []
    for person in ("lin", "zhou", "chen"):
        made = phone("wechat", person).start()
        ids.append(made["result"].rsplit("/", 1)[1])
    assert all(re.fullmatch(r"[0-9A-Za-z_\-]{16,24}", public_id) for public_id in ids)
    assert len({public_id[:6] for public_id in ids}) == 3, "not counted, not a time"
    order = orders(product)[0]
    for guess in (order.out_trade_no, str(order.id), "1", ids[0][:-1] + "0", "%00"):
        answer = requests.get(f"{product.url}/q/{MAIN}/o/{guess}", timeout=10)
        assert answer.status_code == 404
        assert "12.34" not in answer.text


@WALLETS
def test_another_amount_closes_the_first_trade_before_the_second_can_be_paid(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    payer = phone(wallet)
    form = payer.form()
    first = payer.press(form, "10.00").json()
    second = payer.press(form, "20.00").json()
    (one, was), (two, now) = attempts(product)
    assert (was, now) == ("closed", "payable")
    assert payable_upstream(simulator) == [two]
    status, _ = simulator.wallet(wallet, first["bridge"], person="lin")
    assert status == 400, "the first sheet cannot be paid any more"
    payer.confirm(second)
    product.wait_paid(two)
    assert orders(product)[0].amount_fen == 2000
    assert orders(product)[0].out_trade_no == one, "people keep seeing one number"


@WALLETS
def test_while_the_first_cannot_be_closed_no_second_is_offered(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    payer = phone(wallet)
    form = payer.form()
    first = payer.press(form, "10.00").json()
    simulator.fault(f"{wallet}.close", "error", times=2)
    simulator.fault(f"{wallet}.query", "error", times=2)
    answer = payer.press(form, "20.00")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "PAY_PENDING"
    assert payable_upstream(simulator) == [attempts(product)[0][0]]
    simulator.clear_faults()
    payer.confirm(first)
    product.wait_paid(attempts(product)[0][0])
    assert orders(product)[0].amount_fen == 1000


@WALLETS
def test_paid_between_the_two_amounts_means_that_the_second_is_never_offered(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    payer = phone(wallet)
    form = payer.form()
    payer.confirm(payer.press(form, "10.00").json())
    answer = payer.press(form, "20.00").json()
    assert "bridge" not in answer
    assert attempts(product)[0][1] == "paid"
    assert len(attempts(product)) == 1
    assert orders(product)[0].amount_fen == 1000


@WALLETS
def test_a_create_still_on_its_way_when_the_amount_changes_does_not_stay_payable(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    """The wallet hears of the first only after we closed it: it must not be payable beside."""
    payer = phone(wallet)
    form = payer.form()
    other = twin(payer)
    simulator.fault(CREATE[wallet], "delay", times=1, ms=1500)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(payer.press, form, "10.00")
        until(lambda: attempts(product))
        until(lambda: not simulator.get("/sim/faults"))
        quick = other.press(form, "20.00").json()
        first = slow.result().json()
    assert "bridge" in quick
    assert "bridge" not in first
    assert payable_upstream(simulator) == [attempts(product)[1][0]]
    payer.confirm(quick)
    product.wait_paid(attempts(product)[1][0])


@WALLETS
def test_a_create_that_arrives_after_we_gave_up_on_it_is_closed_by_the_last_look(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    """As above, but our process heard nothing: it timed out long before the wallet worked."""
    payer = phone(wallet)
    form = payer.form()
    simulator.fault(CREATE[wallet], "delay", times=1, ms=4500)
    assert payer.press(form, "10.00").status_code == 503  # after 3 s
    second = payer.press(form, "20.00").json()
    assert "bridge" in second
    until(lambda: len(payable_upstream(simulator)) == 2)
    simulator.advance(61)
    product.sweep()
    assert payable_upstream(simulator) == [attempts(product)[1][0]]
    payer.confirm(second)
    product.wait_paid(attempts(product)[1][0])
    assert calls(simulator, TRAIL[wallet]) == 2


def test_a_late_success_of_the_first_trade_counts_and_ends_the_second(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox
) -> None:
    """The payment of the first crossed our closing of it: its order is paid, with its amount."""
    payer = phone()
    form = payer.form()
    payer.confirm(payer.press(form, "10.00").json())
    notice = mailbox.wait()
    product.do("UPDATE pay_attempt SET status = 'closed', due_at = NULL, closed_at = now()")
    second = payer.press(form, "20.00").json()
    assert "bridge" in second
    assert mailbox.deliver(notice).status_code == 204
    order = orders(product)[0]
    assert (order.status, order.amount_fen) == ("paid", 1000)
    product.sweep()
    assert [status for _, status in attempts(product)] == ["paid", "closed"]
    assert payable_upstream(simulator) == []
    assert cases(product) == []


def test_both_trades_paid_is_a_case_and_the_order_is_paid_once(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox
) -> None:
    payer = phone()
    form = payer.form()
    payer.confirm(payer.press(form, "10.00").json())
    mailbox.wait()
    product.do("UPDATE pay_attempt SET status = 'closed', due_at = NULL, closed_at = now()")
    payer.confirm(payer.press(form, "20.00").json())
    mailbox.wait(2)
    first, second = mailbox.notices[:2]
    with product.deps.db.engine.connect() as held:  # both words wait for the order's lock
        held.execute(text("SELECT 1 FROM pay_order WHERE intent_key NOT LIKE 'demo:%' FOR UPDATE"))
        with ThreadPoolExecutor(2) as pool:
            answers = [pool.submit(mailbox.deliver, notice) for notice in (first, second)]
            until(lambda: _waiting_for_locks(product) >= 2)
            held.rollback()
            assert [answer.result().status_code for answer in answers] == [204, 204]
    order = orders(product)[0]
    assert order.status == "paid"
    assert cases(product) == ["paid_twice"]
    jobs = product.sql("SELECT 1 FROM procrastinate_jobs WHERE task_name = 'order_paid'")
    assert len(jobs) == 1
    product.sweep()  # the second payment goes back by itself
    simulator.advance(15)
    product.sweep()
    for notice in (first, second):
        mailbox.deliver(notice)
    product.sweep()
    (back,) = product.sql(
        "SELECT r.status, r.asked_by, r.amount_fen, a.amount_fen AS whole, a.transaction_id"
        " FROM refund r JOIN pay_attempt a ON a.provider_id = r.provider_id AND a.id = r.attempt_id"
    )
    assert (back.status, back.asked_by) == ("success", "system:paid_twice")
    assert back.amount_fen == back.whole
    assert back.transaction_id != order.transaction_id
    assert orders(product)[0].refunded_fen == 0
    product.one("SELECT 1 FROM money_case WHERE kind = 'paid_twice' AND healed")


def test_a_second_payment_that_the_wallet_keeps_is_given_back_by_a_person(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox
) -> None:
    payer = phone("alipay")
    form = payer.form()
    payer.confirm(payer.press(form, "10.00").json())
    mailbox.wait()
    product.do("UPDATE pay_attempt SET status = 'closed', due_at = NULL, closed_at = now()")
    payer.confirm(payer.press(form, "20.00").json())
    mailbox.wait(2)
    for notice in mailbox.notices[:2]:
        mailbox.deliver(notice)
    simulator.switch("alipay.refund_outcome", "refused")
    product.sweep()
    simulator.advance(15)
    product.sweep()
    product.one("SELECT 1 FROM refund WHERE status = 'failed'")
    product.one("SELECT 1 FROM money_case WHERE kind = 'paid_twice' AND closed_at IS NULL")
    simulator.switch("alipay.refund_outcome", "at_once")
    second = product.one(
        "SELECT a.transaction_id, a.amount_fen FROM pay_attempt a JOIN pay_order o ON"
        " o.provider_id = a.provider_id AND o.id = a.order_id"
        " WHERE a.status = 'paid' AND a.transaction_id <> o.transaction_id"
    )
    yuan = f"{second.amount_fen / 100:.2f}"
    done = product.app.test_cli_runner().invoke(
        args=["refunds", "ask", second.transaction_id, yuan, "--reason", "重复付款"]
    )
    assert done.exit_code == 0, done.output
    assert "已退款" in done.stdout
    assert orders(product)[0].refunded_fen == 0
    product.one("SELECT 1 FROM money_case WHERE kind = 'paid_twice' AND healed")


def _waiting_for_locks(product: Product) -> int:
    rows = product.sql(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"
    )
    return len(rows)


def test_a_form_of_one_payer_posted_by_another_is_refused(
    product: Product, phone: MakePhone
) -> None:
    form = phone("wechat", "lin").form()
    other = phone("wechat", "zhou")
    other.form()
    answer = other.press(form)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "PAYER_CHANGED")
    stranger = phone("wechat", "chen")  # has no session at all
    assert stranger.press(form).json()["error"]["code"] == "PAYER_CHANGED"
    assert orders(product) == []


def test_a_form_of_another_code_or_an_edited_one_is_refused(
    product: Product, phone: MakePhone
) -> None:
    payer = phone()
    form = payer.form()
    issued, generation, mac = form.intent.split(".")
    for intent in (
        "",
        ".",
        "..",
        "x",
        f"{issued}.{int(generation) + 1}.{mac}",
        f"{int(issued) + 1}.{generation}.{mac}",
        f"{issued}.{generation}.{mac[:-1]}0" if mac[-1] != "0" else f"{issued}.{generation}.x",
        f"{issued}.{generation}.",
        f"{issued}.{generation}.é",
        f"٣.{generation}.{mac}",
        f"{issued}.²." + mac,
        "9" * 500,
        f"{'9' * 60}.{generation}.{mac}",
    ):
        form.intent = intent
        answer = payer.press(form)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "PAYER_CHANGED"), (
            intent
        )
    other_code = payer.form("8K3FQ3")
    other_code.action = form.action
    assert payer.press(other_code).json()["error"]["code"] == "PAYER_CHANGED"
    assert orders(product) == []


def test_a_form_that_lay_open_too_long_is_not_paid(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    payer = phone()
    form = payer.form()
    simulator.advance(1801)
    answer = payer.press(form)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "PAGE_EXPIRED")
    assert orders(product) == []


def test_a_press_on_an_expired_order_shows_its_result_and_the_next_visit_starts_anew(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    payer = phone()
    form = payer.form()
    made = payer.press(form).json()
    simulator.advance(301)
    late = payer.press(form)
    assert late.json() == {"result": made["result"]}
    product.sweep(2)
    fresh = payer.form()
    assert fresh.intent != form.intent
    assert "bridge" in payer.press(fresh).json()
    assert [order.status for order in orders(product)] == ["closed", "paying"]
    simulator.advance(400)
    product.sweep(2)


@WALLETS
@pytest.mark.parametrize("act", ["cancel", "fail"])
def test_a_cancelled_sheet_can_be_opened_again_for_the_same_trade(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str, act: str
) -> None:
    payer = phone(wallet)
    form = payer.form()
    payer.confirm(payer.press(form).json(), act)
    assert attempts(product)[0][1] == "payable"
    payer.confirm(payer.press(form).json())
    product.wait_paid(attempts(product)[0][0])
    assert len(simulator.books()) == 1
