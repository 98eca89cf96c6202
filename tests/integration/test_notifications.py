"""Notifications: believed only when genuine, applied once, never lost (failures 1 to 17)."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from config.settings import ROOT, Settings
from services.deps import build_deps
from tests.harness.phone import MAIN, Phone
from tests.harness.product import Door, Product
from tests.harness.simulator import Simulator
from tests.integration.looking import attempts, calls, cases, orders, until
from tests.integration.mailbox import Mailbox, Notice
from tests.integration.webs import web_processes

MakePhone = Callable[..., Phone]
OTHER = "sz02pQWE8MNBvCxz5k7T"
WALLETS = pytest.mark.parametrize("wallet", ["wechat", "alipay"])


def effects(product: Product) -> tuple[int, int, int]:
    """Transitions to paid, jobs, audit entries: each must be one."""
    return (
        product.one("SELECT count(*) AS n FROM pay_attempt WHERE status = 'paid'").n,
        product.one(
            "SELECT count(*) AS n FROM procrastinate_jobs WHERE task_name = 'order_paid'"
        ).n,
        product.one("SELECT count(*) AS n FROM audit_entry WHERE action LIKE 'order_paid%'").n,
    )


def events(product: Product) -> int:
    found: int = product.one("SELECT count(*) AS n FROM upstream_event").n
    return found


def accepted(answer: requests.Response) -> bool:
    return answer.status_code == 204 or (answer.status_code, answer.text) == (200, "success")


def paid(phone: Phone, mailbox: Mailbox) -> Notice:
    """Pay, and keep the genuine notification back."""
    phone.pay()
    return mailbox.wait()


def assert_refused(product: Product, answer: requests.Response, status: int = 401) -> None:
    assert answer.status_code == status
    assert answer.text != "success"
    assert effects(product) == (0, 0, 0)
    assert events(product) == 0


def finish(product: Product, mailbox: Mailbox, notice: Notice) -> None:
    """The genuine one still counts after whatever was tried."""
    assert accepted(mailbox.deliver(notice))
    assert effects(product) == (1, 1, 1)


@WALLETS
def test_a_hundred_copies_from_four_processes_to_four_processes_count_once(
    product: Product, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    notice = paid(phone(wallet), mailbox)
    with web_processes(product, workers=4) as url:
        job = {
            "url": url + notice.path,
            "headers": notice.headers,
            "body": base64.b64encode(notice.body).decode(),
            "times": 25,
        }
        senders = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.integration.deliver"],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for _ in range(4)
        ]  # fmt: skip
        for sender in senders:
            assert sender.stdin is not None
            sender.stdin.write(json.dumps(job))
            sender.stdin.close()
            sender.stdin = None
        answers = [tuple(a) for s in senders for a in json.loads(s.communicate(timeout=60)[0])]
    assert len(answers) == 100
    assert set(answers) == {(204, "")} if wallet == "wechat" else {(200, "success")}
    assert effects(product) == (1, 1, 1)
    assert events(product) == 1
    product.run_jobs()
    follow = product.sql("SELECT id FROM audit_entry WHERE action = 'order_followed_up'")
    assert len(follow) == 1


@WALLETS
def test_a_second_delivery_signed_anew_changes_nothing(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    first = paid(phone(wallet), mailbox)
    simulator.advance(15 if wallet == "wechat" else 240)
    second = mailbox.wait(2)
    assert first != second
    if wallet == "wechat":
        simulator.advance(-15)
    assert accepted(mailbox.deliver(second))
    assert accepted(mailbox.deliver(first))
    assert effects(product) == (1, 1, 1)
    assert cases(product) == [], "not taken for a second payment"


@WALLETS
def test_a_byte_equal_repeat_gets_success_and_has_no_effect(
    product: Product, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    notice = paid(phone(wallet), mailbox)
    for _ in range(3):
        assert accepted(mailbox.deliver(notice))
    assert effects(product) == (1, 1, 1)
    assert events(product) == 1


BROKEN: dict[str, dict[str, str | None]] = {
    "no signature": {"Wechatpay-Signature": None},
    "empty signature": {"Wechatpay-Signature": ""},
    "not base64": {"Wechatpay-Signature": "*"},
    "wrong signature": {"Wechatpay-Signature": "A" * 342 + "=="},
    "probe": {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + "A" * 344},
    "no serial": {"Wechatpay-Serial": None},
    "wrong serial": {"Wechatpay-Serial": "PUB_KEY_ID_0000000000000000000000000000000000"},
    "unknown certificate": {"Wechatpay-Serial": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"},
    "no time": {"Wechatpay-Timestamp": None},
    "no nonce": {"Wechatpay-Nonce": None},
    "another nonce": {"Wechatpay-Nonce": "0123456789abcdef0123456789abcdef"},
    "another time": {"Wechatpay-Timestamp": "1700000000"},
    "another scheme": {"Wechatpay-Signature-Type": "MD5"},
}


@pytest.mark.parametrize("headers", BROKEN.values(), ids=BROKEN.keys())
def test_a_wechat_notification_with_broken_headers_is_refused(
    product: Product, phone: MakePhone, mailbox: Mailbox, headers: dict[str, str | None]
) -> None:
    notice = paid(phone(), mailbox)
    assert_refused(product, mailbox.deliver(notice, change=headers))
    finish(product, mailbox, notice)


def test_an_unknown_certificate_is_looked_for_once_and_not_in_a_loop(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox
) -> None:
    notice = paid(phone(), mailbox)
    simulator.advance(61)  # a minute after any refresh before
    simulator.advance(-61)
    before = calls(simulator, "wechat.certificates")
    for _ in range(5):
        mailbox.deliver(
            notice, change={"Wechatpay-Serial": "5157F09EFDC096DE15EBE81A47057A7232F1B8E2"}
        )
    assert calls(simulator, "wechat.certificates") - before <= 1
    finish(product, mailbox, notice)


def test_the_wallet_s_own_probe_is_refused_and_the_genuine_one_after_it_counts(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox
) -> None:
    simulator.switch("wechat.probe", "notify")
    paid(phone(), mailbox)
    probe = mailbox.notices[0]
    assert "WECHATPAY/SIGNTEST/" in probe.headers["Wechatpay-Signature"]
    assert_refused(product, mailbox.deliver(probe))
    genuine = mailbox.wait(2)
    finish(product, mailbox, genuine)


@pytest.mark.parametrize("identity", ["public_key", "certificate"])
def test_both_of_wechat_s_identities_are_believed_during_the_switch(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox, identity: str
) -> None:
    simulator.switch("wechat.notify_identity", identity)
    finish(product, mailbox, paid(phone(), mailbox))


@pytest.mark.parametrize("seconds", [360, -360])
def test_a_wechat_notification_six_minutes_off_is_refused(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox, seconds: int
) -> None:
    notice = paid(phone(), mailbox)
    simulator.advance(seconds)
    assert_refused(product, mailbox.deliver(notice))
    simulator.advance(-seconds)
    finish(product, mailbox, notice)


@WALLETS
def test_a_tampered_body_is_refused(
    product: Product, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    notice = paid(phone(wallet), mailbox)
    changed = notice.body.replace(b"SUCCESS", b"SUCCESZ", 1)
    assert changed != notice.body
    assert_refused(product, mailbox.deliver(notice, body=changed))
    assert_refused(product, mailbox.deliver(notice, body=notice.body + b" "))
    assert_refused(product, mailbox.deliver(notice, body=b""))
    finish(product, mailbox, notice)


@WALLETS
def test_a_genuine_notification_at_another_tenant_s_address_is_refused(
    product: Product, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    notice = paid(phone(wallet), mailbox)
    assert_refused(product, mailbox.deliver(notice, path=f"/notify/{wallet}/{OTHER}"))
    assert_refused(product, mailbox.deliver(notice, path=f"/notify/{wallet}/nobody"))
    finish(product, mailbox, notice)


@WALLETS
def test_a_notification_at_the_other_wallet_s_address_is_refused(
    product: Product, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    notice = paid(phone(wallet), mailbox)
    other = "alipay" if wallet == "wechat" else "wechat"
    assert_refused(product, mailbox.deliver(notice, path=f"/notify/{other}/{MAIN}"))
    finish(product, mailbox, notice)


def test_a_resource_that_another_key_sealed_is_refused(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox
) -> None:
    """WeChat's signature holds, the AEAD tag does not: our APIv3 key is not the one it used."""
    notice = paid(phone(), mailbox)
    product.do(
        "UPDATE credential SET sealed = :v WHERE kind = 'apiv3_key' AND provider_id ="
        " (SELECT id FROM provider WHERE out_mch_id = :m)",
        v=_sealed_again(product, "0123456789abcdef0123456789abcdef"),
        m=MAIN,
    )
    product.do("UPDATE provider SET account_version = account_version + 1")
    assert_refused(product, mailbox.deliver(notice))
    product.do(
        "UPDATE credential SET sealed = :v WHERE kind = 'apiv3_key' AND provider_id ="
        " (SELECT id FROM provider WHERE out_mch_id = :m)",
        v=_sealed_again(product, simulator.credentials()["wechat"]["apiv3_key"]),
        m=MAIN,
    )
    product.do("UPDATE provider SET account_version = account_version + 1")
    finish(product, mailbox, notice)


def _sealed_again(product: Product, plain: str) -> str:
    row = product.one(
        "SELECT seal_key FROM credential WHERE kind = 'apiv3_key' AND provider_id ="
        " (SELECT id FROM provider WHERE out_mch_id = :m)",
        m=MAIN,
    )
    return product.deps.ring.seal(plain, f"credential.sealed.{row.seal_key}")


@WALLETS
def test_one_fen_off_is_not_paid_and_the_wallet_s_own_answer_heals_it(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    simulator.fault(f"{wallet}.notify", "wrong_amount")
    payer = phone(wallet)
    made = payer.pay()
    assert accepted(mailbox.deliver(mailbox.wait())), "it is genuine and written down"
    assert effects(product) == (0, 0, 0)
    assert orders(product)[0].is_frozen
    assert cases(product) == ["amount_mismatch"]
    assert payer.state(made)["state"] == "unknown"
    product.sweep()  # the wallet is asked at once
    assert effects(product) == (1, 1, 1)
    assert not orders(product)[0].is_frozen
    assert cases(product) == ["amount_mismatch"], "the case stays for a person to close"


def test_alipay_s_word_for_another_seller_is_not_our_payment(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox
) -> None:
    simulator.switch("alipay.notify_seller", "2088000000000508")
    phone("alipay").pay()
    mailbox.deliver(mailbox.wait())
    assert effects(product) == (0, 0, 0)
    assert cases(product) == ["payee_mismatch"]
    product.sweep()
    assert effects(product) == (1, 1, 1)


def alter(body: bytes, **fields: str | None) -> bytes:
    from urllib.parse import parse_qsl, urlencode

    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    for name, value in fields.items():
        form.pop(name, None)
        if value is not None:
            form[name] = value
    return urlencode(form).encode()


ALIPAY_BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "no sign": lambda body: alter(body, sign=None),
    "empty sign": lambda body: alter(body, sign=""),
    "V1 signature": lambda body: alter(body, sign_type="RSA"),
    "no sign type": lambda body: alter(body, sign_type=None),
    "another app": lambda body: alter(body, app_id="2021000000000501"),
    "no seller": lambda body: alter(body, seller_id=None),
    "field twice": lambda body: body + b"&trade_status=TRADE_SUCCESS",
    "field added": lambda body: body + b"&more=1",
    "amount edited": lambda body: alter(body, total_amount="0.01"),
    "charset changed": lambda body: alter(body, charset="gbk"),
    "unknown charset": lambda body: alter(body, charset="utf-7"),
    "not a form": lambda body: b"{}",
}


@pytest.mark.parametrize("change", ALIPAY_BROKEN.values(), ids=ALIPAY_BROKEN.keys())
def test_an_alipay_notification_that_was_changed_is_refused(
    product: Product, phone: MakePhone, mailbox: Mailbox, change: Callable[[bytes], bytes]
) -> None:
    notice = paid(phone("alipay"), mailbox)
    assert_refused(product, mailbox.deliver(notice, body=change(notice.body)))
    finish(product, mailbox, notice)


def test_a_nonce_that_was_seen_with_another_body_is_refused(
    product: Product, phone: MakePhone, mailbox: Mailbox
) -> None:
    """Only WeChat could sign both: here the first body was kept under this nonce by hand."""
    notice = paid(phone(), mailbox)
    product.do(
        "INSERT INTO upstream_event (provider_id, channel, kind, dedupe_key, body_hash,"
        " out_trade_no, sealed, received_at) SELECT id, 'wechat', 'trade', :k, :h, 'x', 'x', now()"
        " FROM provider WHERE out_mch_id = :m",
        k=f"nonce:{notice.headers['Wechatpay-Nonce']}",
        h="0" * 64,
        m=MAIN,
    )
    assert mailbox.deliver(notice).status_code == 401
    assert effects(product) == (0, 0, 0)
    product.deps.now()
    product.do("UPDATE pay_attempt SET due_at = :t", t=product.deps.now())
    product.sweep()
    assert effects(product) == (1, 1, 1), "asking finds the truth all the same"


@pytest.mark.parametrize("path", [f"/notify/wechat/{MAIN}", f"/notify/alipay/{MAIN}"])
def test_ten_megabytes_are_refused_at_once(product: Product, path: str) -> None:
    started = time.monotonic()
    try:
        answer = requests.post(product.url + path, data=b"a" * 10_000_000, timeout=10)
        assert answer.status_code == 413
    except requests.ConnectionError:
        pass  # hung up before the rest was sent
    assert time.monotonic() - started < 2
    assert events(product) == 0


@pytest.mark.parametrize("state", ["CLOSED", "PAYERROR", "NOTPAY"])
def test_a_failure_after_a_success_does_not_undo_it(
    product: Product, phone: MakePhone, mailbox: Mailbox, state: str
) -> None:
    from gateways.base import Trade, TradeState
    from services.settle import apply_trade

    finish(product, mailbox, paid(phone(), mailbox))
    number = attempts(product)[0][0]
    kinds = {
        "CLOSED": TradeState.CLOSED,
        "PAYERROR": TradeState.FAILED,
        "NOTPAY": TradeState.PAYING,
    }
    late = Trade("wechat", number, kinds[state], raw_state=state)
    provider = orders(product)[0].provider_id
    now = product.deps.now()
    assert not product.deps.transact(lambda s: apply_trade(s, provider, late, now))
    assert effects(product) == (1, 1, 1)
    assert orders(product)[0].status == "paid"


@WALLETS
@pytest.mark.books_differ
def test_a_genuine_word_about_an_unknown_number_is_sent_again_and_makes_a_case(
    product: Product, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    notice = paid(phone(wallet), mailbox)
    product.do("UPDATE pay_attempt SET out_trade_no = 'elsewhere'")
    product.do("UPDATE merchant SET order_prefix = 'zz' || id")  # no merchant's number, either
    for _ in range(2):
        answer = mailbox.deliver(notice)
        assert answer.status_code == 503
        assert answer.text != "success"
    assert cases(product) == ["unknown_trade"]
    number = orders(product)[0].out_trade_no
    product.do("UPDATE pay_attempt SET out_trade_no = :n", n=number)
    finish(product, mailbox, notice)  # then it is ours, and it counts


@WALLETS
def test_a_notification_that_overtakes_the_create_s_answer_is_not_lost(
    product: Product, simulator: Simulator, phone: MakePhone, mailbox: Mailbox, wallet: str
) -> None:
    """The wallet has the trade, our answer was lost: the payer pays it, the word comes first."""
    payer = phone(wallet)
    mailbox.is_open = True
    made = payer.start()
    product.do("UPDATE pay_attempt SET status = 'created', prepay_id = NULL")
    product.do("UPDATE pay_order SET status = 'created' WHERE intent_key NOT LIKE 'demo:%'")
    payer.confirm(made)
    product.wait_paid(attempts(product)[0][0])
    assert effects(product) == (1, 1, 1)


@WALLETS
def test_with_the_database_down_the_wallet_is_told_to_come_again(
    product: Product, phone: MakePhone, mailbox: Mailbox, door: Door, wallet: str,
    settings_for: Callable[..., Settings],
) -> None:  # fmt: skip
    from app import create_app

    notice = paid(phone(wallet), mailbox)
    nowhere = settings_for("postgresql+psycopg://yima_app@127.0.0.1:1/none")
    deps = build_deps(nowhere)
    working = mailbox.app
    mailbox.app = create_app(nowhere, deps)
    answer = mailbox.deliver(notice)
    assert answer.status_code == 500
    assert answer.text != "success"
    mailbox.app = working
    deps.db.dispose()
    finish(product, mailbox, notice)


@pytest.mark.parametrize("kind", ["duplicate", "reorder", "lose_answer"])
@WALLETS
def test_the_wallet_s_own_way_of_repeating_counts_once(
    product: Product, simulator: Simulator, phone: MakePhone, wallet: str, kind: str
) -> None:
    simulator.fault(f"{wallet}.notify", kind, ms=200)
    phone(wallet).pay()
    product.wait_paid(attempts(product)[0][0])
    if kind == "lose_answer":
        simulator.advance(15 if wallet == "wechat" else 240)
    if kind != "reorder":
        until(lambda: _deliveries(simulator, wallet) >= 2)
    assert effects(product) == (1, 1, 1)


def _deliveries(simulator: Simulator, wallet: str) -> int:
    trail: list[dict[str, Any]] = simulator.get("/sim/trail")
    return len([line for line in trail if line["what"].startswith(f"{wallet}.notify #")])


@WALLETS
def test_get_and_put_of_a_notification_address_do_nothing(product: Product, wallet: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = requests.request(method, f"{product.url}/notify/{wallet}/{MAIN}", timeout=10)
        assert answer.status_code == 405
