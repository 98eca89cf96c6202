"""Kept notifications: looked at, and heard again, believing only what the wallet says now."""

from __future__ import annotations

from typing import Any

from tests.harness.phone import MAIN
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.looking import attempts, cases, orders
from tests.integration.losing import as_owner
from tests.integration.refunds.helping import WALLETS, MakePhone, pay, refund, the_order

QUERY = {"wechat": "wechat.query", "alipay": "alipay.trade.query"}


def run(product: Product, *words: str) -> Any:
    return product.app.test_cli_runner().invoke(args=["events", *words])


def event(product: Product, kind: str = "trade") -> Any:
    return product.one("SELECT * FROM upstream_event WHERE kind = :k", k=kind)


def everything(product: Product) -> list[Any]:
    """What a replay must not change, where it has nothing to add."""
    return [
        product.sql("SELECT * FROM pay_order WHERE intent_key NOT LIKE 'demo:%' ORDER BY id"),
        product.sql(
            "SELECT id, status, transaction_id, paid_at, held_fen, refunded_fen FROM pay_attempt"
            " ORDER BY id"
        ),
        product.sql("SELECT * FROM refund ORDER BY id"),
        product.sql("SELECT * FROM money_case ORDER BY id"),
        product.sql("SELECT id FROM upstream_event ORDER BY id"),
        product.sql("SELECT id FROM procrastinate_jobs WHERE task_name = 'order_paid'"),
    ]


def unpay(product: Product, order: Any) -> None:
    """As if the notification had been kept and what it said had been lost."""
    as_owner(
        product,
        "UPDATE pay_attempt SET status = 'closed', transaction_id = NULL, paid_at = NULL"
        " WHERE order_id = :o",
        "UPDATE pay_order SET status = 'closed', close_reason = 'expired', paid_at = NULL,"
        " transaction_id = NULL WHERE id = :o",
        o=order.id,
    )


@WALLETS
def test_a_replay_of_what_was_applied_changes_nothing(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    order = pay(product, phone, wallet)
    found = event(product)
    simulator.advance(90_000)  # WeChat's signature is a day old: the wallet is asked instead
    before = everything(product)
    for _ in range(2):
        done = run(product, "replay", str(found.id))
        assert done.exit_code == 0, done.output
        assert f"{order.out_trade_no}  nothing changed" in done.stdout
    assert everything(product) == before
    audits = product.sql("SELECT actor, subject, facts FROM audit_entry WHERE action ="
                         " 'event_replayed'")  # fmt: skip
    assert len(audits) == 2
    assert audits[0].actor.startswith("cli:")
    assert audits[0].subject == f"event:{found.id}"
    assert audits[0].facts["out_trade_no"] == order.out_trade_no


@WALLETS
def test_a_replay_heals_an_order_whose_payment_was_lost(
    product: Product, phone: MakePhone, wallet: str
) -> None:
    order = pay(product, phone, wallet)
    unpay(product, order)
    done = run(product, "replay", str(event(product).id))
    assert done.exit_code == 0, done.output
    assert "closed -> late_paid" in done.stdout
    again = the_order(product, order)
    assert (again.status, again.transaction_id) == ("paid", order.transaction_id)
    assert again.amount_fen == order.amount_fen


@WALLETS
def test_a_replay_brings_back_an_order_that_is_gone(
    product: Product, phone: MakePhone, wallet: str
) -> None:
    order = pay(product, phone, wallet)
    as_owner(
        product,
        "DELETE FROM pay_attempt WHERE order_id = :o",
        "DELETE FROM pay_order WHERE id = :o",
        o=order.id,
    )
    number = str(event(product).id)
    assert "order not here" in run(product, "list").stdout
    done = run(product, "replay", number)
    assert done.exit_code == 0, done.output
    assert "not here -> paid" in done.stdout
    (back,) = orders(product)
    assert (back.out_trade_no, back.status) == (order.out_trade_no, "paid")
    assert attempts(product) == [(order.out_trade_no, "paid")]


@WALLETS
def test_a_replay_invents_nothing_that_the_wallet_does_not_say(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    """The kept word says paid; the wallet, asked now, knows of nothing."""
    order = pay(product, phone, wallet)
    unpay(product, order)
    simulator.reset()
    before = everything(product)
    done = run(product, "replay", str(event(product).id))
    assert "nothing changed" in done.stdout
    assert everything(product) == before
    assert the_order(product, order).status == "closed"
    as_owner(
        product,
        "DELETE FROM pay_attempt WHERE order_id = :o",
        "DELETE FROM pay_order WHERE id = :o",
        o=order.id,
    )
    done = run(product, "replay", str(event(product).id))
    assert done.exit_code == 1
    assert "does not confirm" in done.stdout
    assert orders(product) == []


@WALLETS
def test_a_silent_wallet_changes_nothing_and_is_said(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str
) -> None:
    order = pay(product, phone, wallet)
    unpay(product, order)
    simulator.fault(QUERY[wallet], "error", times=5)
    done = run(product, "replay", str(event(product).id))
    assert done.exit_code == 1
    assert "no answer" in done.stdout
    assert the_order(product, order).status == "closed"
    simulator.clear_faults()
    assert run(product, "replay", str(event(product).id)).exit_code == 0


def test_a_refunds_notification_is_heard_again_too(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    order = pay(product, phone, "wechat")
    refund(product, order, 3000)
    simulator.advance(15)
    product.sweep()
    deadline = 50
    while not product.sql("SELECT 1 FROM upstream_event WHERE kind = 'refund'") and deadline:
        deadline -= 1
        simulator.advance(1)
    found = event(product, "refund")
    before = everything(product)
    done = run(product, "replay", str(found.id))
    assert done.exit_code == 0, done.output
    assert everything(product) == before
    assert the_order(product, order).refunded_fen == 3000


@WALLETS
def test_what_was_kept_is_shown_without_the_payer(
    product: Product, phone: MakePhone, wallet: str
) -> None:
    order = pay(product, phone, wallet)
    found = event(product)
    listed = run(product, "list", "--number", order.out_trade_no, "--channel", wallet)
    assert f"{found.id}  {wallet}  trade  {order.out_trade_no}" in listed.stdout
    assert "order paid" in listed.stdout
    assert run(product, "list", "--provider", "nosuch").stdout == "no notification is kept\n"
    shown = run(product, "show", str(found.id)).stdout
    assert "¥100.00" in shown
    assert order.transaction_id in shown
    person = product.one("SELECT * FROM person WHERE id = :i", i=order.person_id)
    place = f"person.sealed.{person.provider_id}:{person.subject_hash}"
    assert product.deps.ring.open(person.sealed, place) not in shown


def test_one_that_can_not_be_opened_is_said_and_nothing_is_asked(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    order = pay(product, phone, "wechat")
    found = event(product)
    foreign = product.one("SELECT id FROM provider WHERE out_mch_id <> :m", m=MAIN).id
    as_owner(
        product,
        "UPDATE upstream_event SET provider_id = :p WHERE id = :i",
        p=foreign,
        i=found.id,
    )
    trail = len(simulator.get("/sim/trail"))
    for words in (("replay", str(found.id)), ("show", str(found.id)), ("replay", "999999")):
        done = run(product, *words)
        assert done.exit_code == 1
        assert "Traceback" not in done.output
    assert len(simulator.get("/sim/trail")) == trail
    assert the_order(product, order).status == "paid"
    assert cases(product) == []


def test_one_kept_under_another_number_is_refused(product: Product, phone: MakePhone) -> None:
    pay(product, phone, "alipay")
    found = event(product)
    as_owner(
        product, "UPDATE upstream_event SET out_trade_no = 'another' WHERE id = :i", i=found.id
    )
    done = run(product, "replay", str(found.id))
    assert done.exit_code == 1
    assert "another number" in done.output
