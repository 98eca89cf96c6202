"""The wallet does not answer, or nobody tells us: nothing is guessed, everything is asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.harness.phone import Phone, words
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import attempts, calls, cases, until
from tests.integration.mailbox import Mailbox

MakePhone = Callable[..., Phone]
CREATE = {"wechat": "wechat.jsapi", "alipay": "alipay.create"}
TRAIL = {"wechat": "wechat.jsapi", "alipay": "alipay.trade.create"}
WALLETS = pytest.mark.parametrize("wallet", ["wechat", "alipay"])


def state(product: Product) -> tuple[str, str | None, bool, bool]:
    row = product.one(
        "SELECT status, close_reason, is_unknown, is_late FROM pay_order"
        " WHERE intent_key NOT LIKE 'demo:%'"
    )
    return row.status, row.close_reason, row.is_unknown, row.is_late


def until_closed(product: Product, simulator: Simulator) -> None:
    """Past the expiry, and past the last look after closing."""
    simulator.advance(301)
    product.sweep(2)
    simulator.advance(120)
    product.sweep(2)


@WALLETS
@pytest.mark.parametrize("kind", ["lose_answer", "drop", "error"])
def test_a_create_without_an_answer_is_repeated_under_the_same_number(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str, kind: str
) -> None:
    payer = phone(wallet)
    form = payer.form()
    simulator.fault(CREATE[wallet], kind, times=2)  # the transport may repeat once by itself
    first = payer.press(form)
    simulator.clear_faults()
    if first.status_code == 200:
        made = first.json()
    else:
        assert first.status_code == 503
        assert first.json()["error"]["code"] == "SYS_BUSY"
        assert state(product)[::2] == ("paying", True)
        made = payer.press(form).json()
    assert "bridge" in made
    assert len(attempts(product)) == 1
    assert [row["out_trade_no"] for row in simulator.books()] == [attempts(product)[0][0]]
    payer.confirm(made)
    product.wait_paid(attempts(product)[0][0])


@WALLETS
def test_an_unknown_order_is_shown_as_unknown_and_asking_resolves_it(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    payer = phone(wallet)
    form = payer.form()
    simulator.fault(CREATE[wallet], "lose_answer", times=3)
    simulator.fault(f"{wallet}.query", "error", times=2)
    assert payer.press(form).status_code == 503
    order = product.one("SELECT public_id FROM pay_order WHERE intent_key NOT LIKE 'demo:%'")
    made = {"result": f"/q/sz01lXKA6DKGjNzr2l4B/o/{order.public_id}"}
    assert payer.state(made) == {"state": "unknown", "final": False}
    assert payer.get(made["result"]).status_code == 200
    product.sweep()
    assert state(product)[:3] == ("paying", None, True)
    simulator.clear_faults()
    simulator.advance(10)
    product.sweep()
    assert state(product)[:3] == ("paying", None, False)
    until_closed(product, simulator)
    assert state(product)[0] == "closed"


@WALLETS
def test_a_slow_wallet_is_not_asked_to_create_a_second_trade(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    payer = phone(wallet)
    form = payer.form()
    simulator.fault(CREATE[wallet], "delay", times=1, ms=3500)  # the product gives up after 3 s
    assert payer.press(form).status_code == 503
    made = payer.press(form).json()
    payer.confirm(made)
    number = attempts(product)[0][0]
    product.wait_paid(number)
    until(lambda: calls(simulator, TRAIL[wallet]) == 2, what="the slow one has arrived, too")
    assert [row["out_trade_no"] for row in simulator.books()] == [number]


@WALLETS
def test_a_payment_whose_notification_is_lost_is_found_within_30_seconds(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    simulator.fault(f"{wallet}.notify", "drop", times=99)
    payer = phone(wallet)
    made = payer.pay()
    number = attempts(product)[0][0]
    for _ in range(6):
        simulator.advance(5)
        product.sweep()
    assert attempts(product) == [(number, "paid")]
    assert payer.state(made) == {"state": "paid", "final": True}
    jobs = product.sql("SELECT id FROM procrastinate_jobs WHERE task_name = 'order_paid'")
    assert len(jobs) == 1
    polls = product.one("SELECT polls FROM pay_attempt").polls
    assert polls <= 6


def test_questions_stay_within_the_minute_s_quota(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    limited = product.deps.settings.model_copy(update={"query_quota_per_minute": 2})
    object.__setattr__(product.deps, "settings", limited)
    people = ["lin", "zhou", "chen", "p01", "p02"]
    for person in people:
        phone("wechat", person).start()
    simulator.advance(60 - product.deps.now().second + 1)  # the beginning of a minute
    product.sweep(3)
    assert calls(simulator, "wechat.query") == 2
    simulator.advance(60)
    product.sweep(3)
    assert calls(simulator, "wechat.query") == 4


@WALLETS
def test_an_expired_order_is_closed_upstream_first_and_then_here(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    payer = phone(wallet)
    made = payer.start()
    number = attempts(product)[0][0]
    simulator.fault(f"{wallet}.close", "error", times=1)
    simulator.fault(f"{wallet}.query", "error", times=1)
    simulator.advance(301)
    product.sweep()
    assert state(product)[0] == "paying", "no answer to the question: nothing is closed on a guess"
    simulator.advance(80)
    product.sweep()
    simulator.advance(10)
    product.sweep()
    simulator.advance(10)
    product.sweep()
    assert state(product)[:2] == ("closed", "expired")
    trade = simulator.trade(number)
    assert trade is not None
    assert trade["state"] in ("CLOSED", "TRADE_CLOSED")
    page = words(payer.result(made).text)
    assert "这笔订单已过期" in page
    if product.sql("SELECT 1 FROM pay_attempt WHERE due_at IS NOT NULL"):  # a last look to come
        assert "没有扣款" not in page
        assert payer.state(made, seen="just_closed") == {"state": "just_closed", "final": False}
    else:
        assert wallet == "alipay", "it had closed the trade by itself and says so"
    simulator.advance(90)
    product.sweep()
    assert payer.state(made, seen="just_closed") == {"state": "closed", "final": True}
    assert "这笔订单已过期，没有扣款" in words(payer.result(made).text)


@WALLETS
def test_a_number_that_the_wallet_never_heard_of_becomes_void(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    payer = phone(wallet)
    form = payer.form()
    simulator.fault(CREATE[wallet], "drop", times=3)
    assert payer.press(form).status_code == 503
    simulator.clear_faults()
    until_closed(product, simulator)
    assert state(product)[:2] == ("closed", "void")
    assert simulator.books() == []


@WALLETS
def test_a_payment_in_the_second_of_closing_is_a_payment(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str, mailbox: Mailbox
) -> None:
    payer = phone(wallet)
    made = payer.start()
    number = attempts(product)[0][0]
    simulator.advance(285)  # a slow machine needs the rest to confirm
    payer.confirm(made)
    simulator.advance(20)
    product.sweep(2)
    assert attempts(product) == [(number, "paid")]
    assert state(product) == ("paid", None, False, False)


def test_a_success_that_comes_after_we_closed_is_honoured_and_flagged(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox
) -> None:
    payer = phone()
    made = payer.pay()
    notice = mailbox.wait()
    # As if the last question and the closing had crossed the payment at the wallet.
    product.do("UPDATE pay_attempt SET status = 'closed', due_at = NULL, closed_at = now()")
    product.do(
        "UPDATE pay_order SET status = 'closed', close_reason = 'expired'"
        " WHERE intent_key NOT LIKE 'demo:%'"
    )
    assert mailbox.deliver(notice).status_code == 204
    assert state(product) == ("paid", None, False, True)
    assert payer.state(made) == {"state": "late_paid", "final": True}
    assert product.sql("SELECT 1 FROM audit_entry WHERE action = 'order_paid_late'")
    product.run_jobs()
    row = product.one("SELECT followed_up_at FROM pay_order WHERE is_late")
    assert row.followed_up_at is not None


@WALLETS
def test_the_last_look_after_closing_survives_a_silent_wallet(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    """The success crossed our closing, its notification is lost, and the one look fails."""
    payer = phone(wallet)
    made = payer.pay()
    product.do(
        "UPDATE pay_attempt SET status = 'closed', closed_at = :t, due_at = :t",
        t=product.deps.now(),
    )
    product.do(
        "UPDATE pay_order SET status = 'closed', close_reason = 'expired'"
        " WHERE intent_key NOT LIKE 'demo:%'"
    )
    simulator.fault(f"{wallet}.query", "error", times=2)
    product.sweep()
    simulator.clear_faults()
    assert payer.state(made, seen="pending") == {"state": "just_closed", "final": False}
    simulator.advance(600)
    product.sweep()
    assert state(product) == ("paid", None, False, True)
    assert payer.state(made, seen="just_closed") == {"state": "late_paid", "final": True}


def test_two_minutes_of_silence_are_told_to_a_person_and_asking_goes_on(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox
) -> None:
    phone().pay()
    simulator.fault("wechat.query", "error", times=1000)
    for _ in range(8):
        simulator.advance(30)
        product.sweep()
    case = product.one("SELECT kind, facts FROM money_case")
    assert case.kind == "no_answer"
    assert state(product)[:3] == ("paying", None, True)
    simulator.clear_faults()
    simulator.advance(600)
    product.sweep()
    assert state(product)[0] == "paid"


@WALLETS
@pytest.mark.parametrize("kind", ["bad_signature", "wrong_amount"])
def test_an_answer_that_cannot_be_believed_pays_nothing(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox,
    wallet: str, kind: str,
) -> None:  # fmt: skip
    phone(wallet).pay()
    simulator.fault(f"{wallet}.query", kind, times=1)
    simulator.advance(2)
    product.sweep()
    assert state(product)[0] == "paying"
    assert cases(product) == (["amount_mismatch"] if kind == "wrong_amount" else [])
    simulator.clear_faults()
    simulator.advance(700)
    product.sweep()
    assert state(product)[0] == "paid"
    assert product.one("SELECT count(*) AS n FROM pay_order WHERE is_frozen").n == 0
