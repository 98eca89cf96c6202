"""One number, one payment: repeated, mistaken, raced for, and with its till dead (failures 24)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from typing import Any

import pytest

from config.settings import ROOT
from errors import BadInput
from services.accounts import NotConfigured, app_of, payee_of
from services.cards.spend_problems import CardCodeUnknown
from services.codepay import charging
from services.codepay.charging import Charge, charge
from services.codepay.refusals import CodeUnreadable, ReentryBlocked
from services.codepay.state import Charged
from services.problems import PayProblem
from services.scan import scan_store
from tests.harness.product import Product
from tests.integration.codepay.helping import (
    PASSWORD,
    PATIENCE,
    PAY,
    WALLETS,
    attempt,
    now,
    order,
    own_versions,
    pay,
    paycode,
    scanned,
    step,
    upstream,
    wait_for_password,
)

NUMBER = "sz0100qhcs0001"


def calls(product: Product, wallet: str) -> int:
    """How often the wallet was asked to pay."""
    named = {"wechat": "wechat.micropay", "alipay": "alipay.trade.pay"}[wallet]
    rows = product.simulator.get("/sim/trail")
    return sum(1 for row in rows if row["way"] in ("in", "call") and row["what"] == named)


@WALLETS
def test_the_same_call_again_is_the_same_payment(product: Product, wallet: str) -> None:
    cmd = replace(scanned(product, wallet), out_trade_no=NUMBER)
    first = charge(product.deps, cmd)
    assert first.state == "paid"
    for _ in range(3):
        assert charge(product.deps, cmd) == first
    assert len(product.sql("SELECT 1 FROM pay_attempt WHERE method = 'code'")) == 1
    assert calls(product, wallet) == 1


@WALLETS
def test_the_same_call_again_tells_how_the_first_one_stands(product: Product, wallet: str) -> None:
    product.simulator.switch(*PASSWORD[wallet])
    cmd = replace(scanned(product, wallet), out_trade_no=NUMBER)
    first = charge(product.deps, cmd)
    assert charge(product.deps, cmd).state == first.state == "waiting"
    assert step(product, first, PATIENCE[wallet] + 5).state == "closed"
    assert charge(product.deps, cmd).state == "closed"
    assert calls(product, wallet) == 1


@WALLETS
def test_the_number_with_other_content_is_refused_and_reverses_nothing(
    product: Product, wallet: str
) -> None:
    """Internal status 407 (PAY-6): the earlier payment is left alone."""
    product.simulator.switch(*PASSWORD[wallet])
    cmd = replace(scanned(product, wallet), out_trade_no=NUMBER)
    first = charge(product.deps, cmd)
    others = [
        replace(cmd, amount_fen=1235),
        replace(cmd, auth_code=paycode(product, wallet)),
        replace(cmd, auth_code=paycode(product, "alipay" if wallet == "wechat" else "wechat")),
        replace(scanned(product, wallet, shop="qinghe-dongpo"), auth_code=cmd.auth_code,
                out_trade_no=NUMBER),
    ]  # fmt: skip
    before = attempt(product, first)
    for other in others:
        with pytest.raises(ReentryBlocked) as caught:
            charge(product.deps, other)
        assert caught.value.internal_status == 407
        assert attempt(product, first) == before
    assert before.reverse_asked_at is None
    assert upstream(product, first) in ("USERPAYING", "WAIT_BUYER_PAY")
    product.simulator.wallet(wallet, {"out_trade_no": NUMBER}, "confirm", person="zhou")
    assert step(product, first, 10).state == "paid"
    for other in others:
        with pytest.raises(ReentryBlocked):
            charge(product.deps, other)
    assert now(product, first).state == "paid"
    assert calls(product, wallet) == 1


def test_a_number_of_an_order_on_a_page_is_refused(product: Product, phone: Any) -> None:
    phone().start(amount="12.34")
    number = product.one("SELECT out_trade_no FROM pay_order WHERE status = 'paying'").out_trade_no
    with pytest.raises(ReentryBlocked):
        pay(product, "wechat", out_trade_no=number)


@WALLETS
def test_eight_tills_with_one_number_charge_once(product: Product, wallet: str) -> None:
    cmd = replace(scanned(product, wallet), out_trade_no=NUMBER)
    found: list[Charged] = []
    threads = [
        threading.Thread(target=lambda: found.append(charge(product.deps, cmd))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert {one.state for one in found} <= {"paid", "unknown"}
    assert step(product, found[0], 10).state == "paid"
    assert calls(product, wallet) == 1


_TILL = """
import json, sys
from config.settings import load_settings
from gateways.ordering import Extras
from services.codepay.charging import Charge, charge
from services.deps import build_deps
given = json.load(sys.stdin)
deps = build_deps(load_settings(**given["settings"]))
print("ready", flush=True)
cmd = given["charge"] | {"extras": Extras(**given["charge"]["extras"])}
print(charge(deps, Charge(**cmd)).state, flush=True)
"""


def till(product: Product, cmd: Charge) -> subprocess.Popen[str]:
    """A till's process of its own, which charges at once."""
    settings = product.deps.settings.model_dump(mode="json")
    names = ("data_dir", "database_url", "migrate_database_url", "public_url", "simulator_url")
    made = subprocess.Popen(
        [sys.executable, "-c", _TILL], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert made.stdin
    given = {"settings": {name: settings[name] for name in names}, "charge": asdict(cmd)}
    made.stdin.write(json.dumps(given))
    made.stdin.close()
    return made


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    with process.stdout:
        words = process.stdout.read().split()
    assert process.wait(30) == 0
    return words[-1]


def test_two_processes_with_one_number_charge_once(product: Product) -> None:
    cmd = replace(scanned(product, "wechat"), out_trade_no=NUMBER)
    tills = [till(product, cmd) for _ in range(2)]
    assert {said(one) for one in tills} <= {"paid", "unknown"}
    found = charge(product.deps, cmd)
    assert found.state == "paid"
    assert calls(product, "wechat") == 1


def test_a_till_killed_while_the_wallet_works_loses_nothing(product: Product) -> None:
    wallet = "wechat"  # which notifies nothing: only the due time knows
    product.simulator.fault(PAY[wallet], "delay", ms=1500)
    cmd = replace(scanned(product, wallet), out_trade_no=NUMBER)
    process = till(product, cmd)
    deadline = time.monotonic() + 60
    while product.simulator.get("/sim/faults"):  # until the call has arrived there
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    assert process.stdout
    process.stdout.close()
    while product.simulator.trade(NUMBER) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    found = charge(product.deps, cmd)  # the next till, under the same number
    assert found.state == "unknown"
    assert step(product, found, 10).state == "paid"
    assert calls(product, wallet) == 1


@WALLETS
def test_a_till_dead_before_the_call_leaves_a_number_that_ends_as_void(
    product: Product, wallet: str
) -> None:
    cmd = replace(scanned(product, wallet), out_trade_no=NUMBER)
    scan = product.deps.transact(lambda s: scan_store(s, cmd.provider_id, cmd.store_id, None))
    account = charging._account(product.deps, scan, wallet)
    new = charging._new_order(product.deps, scan, cmd, wallet, app_of(account), payee_of(account))
    assert charging._written(product.deps, new, is_ours=False)
    found = charge(product.deps, cmd)
    assert found.state == "unknown"
    assert step(product, found, PATIENCE[wallet] + 5).state == "closed"
    assert order(product, found).close_reason == "void"
    assert calls(product, wallet) == 0


def test_a_worker_dead_in_the_middle_of_reversing_loses_nothing(product: Product) -> None:
    """Its claim runs out, and the next one reverses again."""
    found = wait_for_password(product, "wechat")
    product.simulator.advance(PATIENCE["wechat"])
    product.do(  # claimed and marked, and nothing after that
        "UPDATE pay_attempt SET status = 'closing', reverse_asked_at = created_at,"
        " due_at = created_at + interval '47 seconds'"
    )
    product.sweep()
    assert now(product, found).state == "reversing"
    assert step(product, found, 10).state == "closed"
    assert upstream(product, found) == "REVOKED"


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("", CodeUnreadable),
        ("6901234567892", CodeUnreadable),
        ("160000000000000000", CodeUnreadable),
        ("1300000000000000001", CodeUnreadable),
        ("１３0000000000000000", CodeUnreadable),
        ("990000000000000000", CardCodeUnknown),
    ],
)
def test_what_is_no_payment_code_is_refused_before_anything_is_written(
    product: Product, code: str, problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        pay(product, "wechat", auth_code=code)
    assert product.sql("SELECT 1 FROM pay_attempt WHERE method = 'code'") == []


def test_a_charge_that_can_not_be_is_refused_before_anything_is_written(product: Product) -> None:
    for more in (
        {"amount_fen": 0},
        {"amount_fen": -1},
        {"amount_fen": 2_147_483_648},
        {"undiscountable_fen": 1235},
        {"out_trade_no": "sz0100qhcs|1"},
        {"out_trade_no": "another0001"},
    ):
        with pytest.raises(BadInput):
            pay(product, "wechat", **more)
    foreign = product.one("SELECT id FROM merchant WHERE out_sub_mch_id LIKE 'sub02%'").id
    with pytest.raises(PayProblem):
        pay(product, "wechat", merchant_id=foreign)
    with pytest.raises(PayProblem):
        pay(product, "wechat", shop="shanque-closed")
    with pytest.raises(NotConfigured):
        pay(product, "alipay", shop="chenguang")
    assert product.sql("SELECT 1 FROM pay_attempt WHERE method = 'code'") == []


def test_without_apiv2_nothing_that_could_not_be_reversed_is_charged(product: Product) -> None:
    product.do("UPDATE credential SET retired_at = now() WHERE kind = 'apiv2_key'")
    own_versions(product)
    with pytest.raises(NotConfigured):
        pay(product, "wechat")
    assert pay(product, "alipay").state == "paid"
