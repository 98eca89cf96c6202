"""One test per promise that a mutant breaks (tests/mutants): short, and red when it is broken."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
import requests
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from app import create_app
from config.settings import Settings
from errors import NotFound, NotifyInvalid
from gateways.base import Trade, TradeState
from services import asking, attempts, notices, settle
from services.accounts import seal_place
from services.followup import after_payment
from tests.harness.phone import MAIN, Phone, words
from tests.harness.product import Product
from tests.harness.simulator import Simulator

MakePhone = Callable[..., Phone]
OTHER = "sz02pQWE8MNBvCxz5k7T"
OURS = "intent_key NOT LIKE 'demo:%'"


def the_order(product: Product) -> Any:
    return product.one(f"SELECT * FROM pay_order WHERE {OURS}")


def the_attempt(product: Product) -> Any:
    return product.one("SELECT * FROM pay_attempt")


def success(product: Product, **change: Any) -> Trade:
    """What a wallet would say of the one attempt, paid."""
    row = the_attempt(product)
    said = Trade(
        row.channel, row.out_trade_no, TradeState.SUCCESS, "SUCCESS", row.payee, row.app,
        row.amount_fen, transaction_id="4200000000202611220000000001",
    )  # fmt: skip
    return replace(said, **change)


def apply(product: Product, trade: Trade, provider_id: int | None = None) -> bool:
    owner = the_attempt(product).provider_id if provider_id is None else provider_id
    now = product.deps.now()
    return product.deps.transact(lambda s: settle.apply_trade(s, owner, trade, now))


def jobs(product: Product) -> int:
    return int(
        product.one("SELECT count(*) AS n FROM procrastinate_jobs WHERE task_name = 'order_paid'").n
    )


# --- 1: paid if and only if the wallet says so, for the same amount, payee and currency -----------


@pytest.mark.books_differ
@pytest.mark.parametrize(
    "change",
    [{"amount_fen": 1235}, {"payee": "1900000117"}, {"currency": "USD"}, {"app": "wx0000"}],
    ids=lambda change: next(iter(change)),
)
def test_a_success_that_does_not_fit_is_a_case_and_no_payment(
    product: Product, phone: MakePhone, change: dict[str, Any]
) -> None:
    phone().start()
    assert not apply(product, success(product, **change))
    order = the_order(product)
    assert (order.status, order.is_frozen) == ("paying", True)
    assert jobs(product) == 0
    product.one("SELECT 1 FROM money_case")


@pytest.mark.books_differ
def test_two_words_at_once_pay_once(product: Product, phone: MakePhone) -> None:
    phone().start()
    trade, now = success(product), product.deps.now()
    owner = the_attempt(product).provider_id
    inside, paid = threading.Event(), []

    def unit(session: Session) -> bool:
        made = settle.apply_trade(session, owner, trade, now)
        if not inside.is_set():
            inside.set()
            threading.Event().wait(0.6)  # the other call comes while this one is not committed
        return made

    def call() -> None:
        paid.append(product.deps.transact(unit))

    threads = [threading.Thread(target=call) for _ in range(2)]
    threads[0].start()
    assert inside.wait(5)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert sorted(paid) == [False, True]
    assert jobs(product) == 1


@pytest.mark.books_differ
def test_a_repeated_success_opens_no_case(product: Product, phone: MakePhone) -> None:
    phone().start()
    assert apply(product, success(product))
    assert not apply(product, success(product))
    assert product.sql("SELECT kind FROM money_case") == []


@pytest.mark.books_differ
def test_a_success_after_closing_counts_and_is_shown(product: Product, phone: MakePhone) -> None:
    payer = phone()
    made = payer.start()
    product.simulator.advance(301)
    product.sweep(2)
    assert the_order(product).status == "closed"
    assert apply(product, success(product))
    order = the_order(product)
    assert (order.status, order.is_late) == ("paid", True)
    assert payer.state(made)["state"] == "late_paid"


@pytest.mark.books_differ
def test_the_answer_of_a_create_does_not_undo_a_payment(product: Product, phone: MakePhone) -> None:
    phone().start()
    assert apply(product, success(product))
    row = the_attempt(product)
    assert not attempts.mark_payable(product.deps, row.provider_id, row.id, "late")
    assert the_attempt(product).status == "paid"
    assert the_order(product).status == "paid"


def test_what_the_bridge_or_the_address_says_pays_nothing(
    product: Product, phone: MakePhone
) -> None:
    payer = phone()
    made = payer.start()
    boast = {"state": "paid", "result": "ok", "err_msg": "get_brand_wcpay_request:ok"}
    boast |= {"resultCode": "9000", "paid": "1", "status": "paid", "trade_status": "TRADE_SUCCESS"}
    path = made["result"].partition("?")[0]
    for way in (payer.http.get, payer.http.post):
        shown = way(f"{product.url}{path}?{urlencode(boast)}", timeout=30)
        assert "付款成功" not in words(shown.text)
        told = way(f"{product.url}{path}/state?{urlencode(boast)}", timeout=30)
        assert '"paid"' not in told.text
    assert the_order(product).status == "paying"


# --- 4: what must follow is a job committed with the payment ----------------------------------


@pytest.mark.books_differ
def test_the_job_comes_and_goes_with_the_payment(product: Product, phone: MakePhone) -> None:
    phone().start()
    trade, now = success(product), product.deps.now()
    owner = the_attempt(product).provider_id
    count = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'order_paid'")

    def unit(session: Session) -> None:
        assert settle.apply_trade(session, owner, trade, now)
        assert session.scalar(count) == 1, "the job is not in the payment's own transaction"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        product.deps.transact(unit)
    assert the_order(product).status == "paying"
    assert jobs(product) == 0, "the job outlived the payment that was rolled back"


@pytest.mark.books_differ
def test_the_follow_up_is_visible_once(product: Product, phone: MakePhone) -> None:
    phone().start()
    assert apply(product, success(product))
    order = the_order(product)
    assert after_payment(product.deps, order.provider_id, order.id)
    assert not after_payment(product.deps, order.provider_id, order.id)
    product.one("SELECT 1 FROM audit_entry WHERE action = 'order_followed_up'")


# --- 5: unknown is a state, closing is asked for ----------------------------------------------


def test_a_create_without_an_answer_is_neither_paid_nor_failed(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    payer = phone()
    form = payer.form()
    simulator.fault("wechat.jsapi", "lose_answer", times=3)
    assert payer.press(form).status_code == 503
    simulator.clear_faults()
    assert (the_attempt(product).status, the_attempt(product).is_unknown) == ("created", True)
    assert (the_order(product).status, the_order(product).is_unknown) == ("paying", True)
    made = payer.press(form).json()
    payer.confirm(made)
    product.wait_paid(the_attempt(product).out_trade_no)


def test_a_question_without_an_answer_closes_nothing(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    payer = phone()
    made = payer.start()
    simulator.fault("wechat.notify", "drop", times=50)
    payer.confirm(made)
    simulator.fault("wechat.query", "error", times=50)
    simulator.advance(301)
    product.sweep()
    assert the_order(product).status == "paying"
    assert the_attempt(product).due_at is not None
    simulator.clear_faults()
    simulator.advance(700)
    product.sweep()
    assert the_order(product).status == "paid"


def test_another_amount_is_offered_only_when_the_wallet_has_closed_the_first(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    payer = phone()
    form = payer.form()
    payer.press(form, "10.00")
    made = payer.press(form, "20.00").json()
    states = {row["amount_fen"]: row["state"] for row in simulator.books()}
    assert states == {1000: "CLOSED", 2000: "NOTPAY"}
    payer.confirm(made)
    product.wait_paid(simulator.books()[1]["out_trade_no"])
    assert the_order(product).amount_fen == 2000


def test_a_close_without_an_answer_offers_nothing_new(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    payer = phone()
    form = payer.form()
    payer.press(form, "10.00")
    simulator.fault("wechat.close", "drop", times=20)
    answer = payer.press(form, "20.00")
    assert answer.status_code in (409, 503)
    assert [row["amount_fen"] for row in simulator.books()] == [1000]
    simulator.clear_faults()
    assert "bridge" in payer.press(form, "20.00").json()


def test_a_close_whose_answer_was_lost_leaves_the_order_open_for_the_new_amount(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    payer = phone()
    form = payer.form()
    payer.press(form, "10.00")
    simulator.fault("wechat.close", "lose_answer", times=3)
    assert payer.press(form, "20.00").status_code == 409
    simulator.clear_faults()
    simulator.advance(6)
    product.sweep()
    assert (the_attempt(product).status, the_order(product).status) == ("closed", "paying")
    payer.confirm(payer.press(form, "20.00").json())
    product.wait_paid(simulator.books()[1]["out_trade_no"])


def test_a_trade_that_was_paid_meanwhile_is_not_closed_and_paid_again(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    payer = phone()
    form = payer.form()
    made = payer.press(form, "10.00").json()
    simulator.fault("wechat.notify", "drop", times=50)
    payer.confirm(made)
    said = payer.press(form, "20.00").json()
    assert "bridge" not in said
    assert [(row["amount_fen"], row["state"]) for row in simulator.books()] == [(1000, "SUCCESS")]
    assert the_order(product).status == "paid"


def test_a_claimed_attempt_comes_back_when_its_worker_dies(
    product: Product, phone: MakePhone
) -> None:
    phone().start()
    product.simulator.advance(2)
    assert len(asking.claim_due(product.deps, 10)) == 1
    assert asking.claim_due(product.deps, 10) == []
    product.simulator.advance(31)
    assert len(asking.claim_due(product.deps, 10)) == 1


# --- who pays, and for which form -------------------------------------------------------------


def test_two_customers_at_one_code_are_two_orders(product: Product, phone: MakePhone) -> None:
    one, two = phone(), phone("wechat", "zhou")
    first, second = one.start(), two.start()
    assert first["result"] != second["result"]
    assert product.one(f"SELECT count(*) AS n FROM pay_order WHERE {OURS}").n == 2


def test_a_form_pays_only_for_whom_it_was_rendered(product: Product, phone: MakePhone) -> None:
    form = phone().form()
    other = phone("wechat", "zhou")
    other.scan()
    answer = other.press(form)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "PAYER_CHANGED")


def test_the_clients_word_does_not_choose_the_payer(
    product: Product, simulator: Simulator, phone: MakePhone
) -> None:
    appid = simulator.credentials()["wechat"]["sp_appid"]
    foreign = "oSim" + hashlib.sha256(f"{appid}:zhou".encode()).hexdigest()[:24]
    payer = phone()
    names = ("openid", "sp_openid", "payer", "user_id", "buyer_id", "person_id")
    made = payer.start(**dict.fromkeys(names, foreign))
    payer.confirm(made)  # lin's wallet: a trade ordered for zhou would be refused
    product.wait_paid(the_attempt(product).out_trade_no)


def test_an_oauth_state_is_this_browsers_and_good_once(product: Product, phone: MakePhone) -> None:
    def back(payer: Phone) -> str:
        """The address that the wallet sends this browser back to."""
        hop = payer.get(f"/q/{MAIN}/8K3FQ2", allow_redirects=False)
        for _ in range(5):
            where = hop.headers["Location"]
            if "/back/wechat" in where:
                return where
            hop = payer.http.get(where, allow_redirects=False, timeout=10)
        raise AssertionError("no way back")

    thief, victim = phone(), phone("wechat", "zhou")
    lured = back(thief)
    assert victim.http.get(lured, allow_redirects=False, timeout=10).status_code == 400
    back(victim)  # now with a cookie of its own
    assert victim.http.get(lured, allow_redirects=False, timeout=10).status_code == 400
    old = dict(thief.http.cookies)
    assert thief.http.get(lured, allow_redirects=False, timeout=10).status_code == 302
    again = requests.get(
        lured, cookies=old, allow_redirects=False, timeout=10, headers=dict(thief.http.headers)
    )
    assert "OAUTH_STATE" in again.text


# --- notifications ----------------------------------------------------------------------------


@dataclass
class Saying:
    """A gateway whose notifications are genuine and say what the test wants."""

    trade: Trade
    channel: str = "wechat"

    def parse_notify(self, *_: Any) -> Trade:
        return self.trade


def receive(product: Product, trade: Trade, nonce: str, body: bytes) -> None:
    pay: Mapping[str, Any] = MappingProxyType({"wechat": Saying(trade)})
    deps = replace(product.deps, gateways=replace(product.deps.gateways, pay=pay))
    notices.receive_notify(deps, "wechat", MAIN, {"Wechatpay-Nonce": nonce}, body)


@pytest.mark.books_differ
def test_a_nonce_with_another_body_is_refused(product: Product, phone: MakePhone) -> None:
    phone().start()
    waiting = success(product, state=TradeState.PAYING, raw_state="NOTPAY")
    receive(product, waiting, "n1", b"{}")
    receive(product, waiting, "n1", b"{}")
    with pytest.raises(NotifyInvalid):
        receive(product, success(product), "n1", b"{ }")
    assert the_order(product).status == "paying"


@pytest.mark.books_differ
def test_a_genuine_word_about_an_unknown_number_is_not_acknowledged(
    product: Product, phone: MakePhone
) -> None:
    phone().start()
    with pytest.raises(NotFound):
        receive(product, success(product, out_trade_no="T0000000001"), "n2", b"{}")
    product.one("SELECT 1 FROM money_case WHERE kind = 'unknown_trade'")


@pytest.mark.books_differ
def test_a_notification_that_was_not_applied_is_not_acknowledged(
    product: Product, phone: MakePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> None:
        raise RuntimeError("the database is away")

    monkeypatch.setattr(notices, "receive_notify", down)
    for channel in ("wechat", "alipay"):
        answer = requests.post(f"{product.url}/notify/{channel}/{MAIN}", data=b"x", timeout=10)
        assert answer.status_code >= 500
        assert answer.text != "success"


# --- 6: tenants -------------------------------------------------------------------------------


@pytest.mark.books_differ
def test_another_provider_reaches_nothing(product: Product, phone: MakePhone) -> None:
    payer = phone()
    made = payer.start()
    for path in (made["result"], f"{made['result'].partition('?')[0]}/state"):
        assert payer.get(path.replace(MAIN, OTHER)).status_code == 404
    other = product.one("SELECT id FROM provider WHERE out_mch_id = :m", m=OTHER).id
    with pytest.raises(NotFound):
        apply(product, success(product), provider_id=other)
    assert the_order(product).status == "paying"


def test_a_code_is_found_below_its_own_provider_only(product: Product, phone: MakePhone) -> None:
    answer = phone().scan(path=f"/q/{OTHER}/8K3FQ2")
    assert 'name="intent"' not in answer.text
    assert "PAY_CODE_PROVIDER_MISMATCH" in answer.text


def test_a_payers_cookie_is_good_at_its_own_provider_only(
    product: Product, phone: MakePhone
) -> None:
    payer = phone()
    payer.scan()
    code = product.sql(
        "SELECT c.code FROM pay_code c JOIN provider p ON p.id = c.provider_id"
        " WHERE p.out_mch_id = :m AND c.store_id IS NOT NULL",
        m=OTHER,
    )[0].code
    hop = payer.get(f"/q/{OTHER}/{code}", allow_redirects=False)
    assert hop.status_code == 302, "the other provider must ask who this is"


# --- 7: secrets, addresses, simulation --------------------------------------------------------


def test_no_openid_and_no_key_is_logged(
    product: Product, simulator: Simulator, phone: MakePhone, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said: dict[str, Any] = simulator.credentials()
    hidden = {
        "openid": "oSim"
        + hashlib.sha256(f"{said['wechat']['sp_appid']}:lin".encode()).hexdigest()[:24],
        "apiv3_key": said["wechat"]["apiv3_key"],
        "oa_secret": said["wechat"]["oa_secret"],
        "app_auth_token": said["alipay"]["app_auth_token"],
        "private key": said["wechat"]["merchant_private_key"].splitlines()[2],
    }
    for wallet in ("wechat", "alipay"):
        payer = phone(wallet)
        payer.pay()
    for order in product.sql(f"SELECT out_trade_no FROM pay_order WHERE {OURS}"):
        product.wait_paid(order.out_trade_no)
    product.simulator.advance(10)
    product.sweep()
    heard = "\n".join(f"{r.getMessage()} {vars(r)}" for r in caplog.records)
    assert "order paid" in heard
    assert [name for name, secret in hidden.items() if secret in heard] == []


def test_a_sealed_value_opens_in_its_own_row_only(product: Product) -> None:
    rows = product.sql("SELECT seal_key, authen_key_sealed AS sealed FROM merchant ORDER BY id")
    place = seal_place("merchant", "authen_key_sealed", rows[0].seal_key)
    foreign = seal_place("merchant", "authen_key_sealed", rows[1].seal_key)
    assert product.deps.ring.open(rows[0].sealed, place)
    with pytest.raises(Exception, match="cannot open"):
        product.deps.ring.open(rows[0].sealed, foreign)


def test_our_addresses_are_not_the_host_headers(product: Product, phone: MakePhone) -> None:
    evil = {"Host": "evil.example"}
    for wallet in ("wechat", "alipay", "browser"):
        answer = phone(wallet).get(f"/q/{MAIN}/8K3FQ2", headers=evil, allow_redirects=False)
        assert "evil.example" not in answer.text
        assert "evil.example" not in answer.headers.get("Location", "")
    payer = phone()
    form = payer.form()
    cookies = "; ".join(f"{c.name}={c.value}" for c in payer.http.cookies)
    payer.http.headers.update(evil | {"Cookie": cookies})
    payer.press(form)
    assert product.url in str(the_attempt(product).request["notify_url"])


def test_what_is_for_simulation_exists_only_there(
    product: Product, settings_for: Callable[..., Settings]
) -> None:
    person = product.sql("SELECT public_id FROM staff ORDER BY id")[0].public_id
    real = settings_for(product.deps.db.url, simulator_url="")
    with create_app(real, replace(product.deps, settings=real)).test_client() as http:
        assert http.get(f"/q/{MAIN}/8K3FQ2?sim_wallet=wechat").status_code == 404
        assert http.get(f"/m/demo-login/{person}").status_code == 404
        assert http.get("/sim-codes.json").status_code == 404
        shown = http.get(f"/q/{MAIN}/8K3FQ2").get_data(as_text=True)
        assert product.simulator.url not in shown


# --- 8: transactions are never deleted --------------------------------------------------------


@pytest.mark.parametrize("table", ["pay_order", "pay_attempt", "audit_entry"])
def test_the_serving_role_can_not_delete(product: Product, table: str) -> None:
    with pytest.raises(ProgrammingError) as refused:
        product.do(f"DELETE FROM {table} WHERE false")
    assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)


# --- one-off links ----------------------------------------------------------------------------


def link(product: Product, *, amount: int = 1234, nonce: str = "n1", age_s: int = 0) -> str:
    """A signed page of a merchant's own system."""
    row = product.sql(
        "SELECT m.authen_key_sealed, m.seal_key, m.order_prefix, s.out_shop_id FROM merchant m"
        " JOIN store s ON s.provider_id = m.provider_id AND s.merchant_id = m.id"
        " JOIN pay_code c ON c.provider_id = s.provider_id AND c.store_id = s.id"
        " WHERE c.code = '8K3FQ2'"
    )[0]
    place = seal_place("merchant", "authen_key_sealed", row.seal_key)
    key = product.deps.ring.open(row.authen_key_sealed, place)
    stamp = int((product.deps.now() - timedelta(seconds=age_s)).timestamp())
    values = {
        "nonce": nonce,
        "out_shop_id": row.out_shop_id,
        "total_fee": str(amount),
        "trade_num": f"{row.order_prefix}00000001",
        "ts": str(stamp),
    }
    signed = "&".join(f"{name}={value}" for name, value in values.items())
    sign = hmac.new(key.encode(), signed.encode(), hashlib.sha256).hexdigest().upper()
    return f"/cpay/qrcode_disposable_payment?{urlencode(values | {'sign': sign})}"


def test_a_signed_link_is_opened_as_it_was_signed(product: Product, phone: MakePhone) -> None:
    payer = phone()
    good = link(product)
    assert 'name="intent"' in payer.scan(path=good).text
    assert 'name="intent"' in payer.scan(path=good).text, "the same link may be opened again"
    assert "SIGN_INVALID" in payer.scan(path=good.replace("total_fee=1234", "total_fee=1")).text
    assert "NONCE_REUSED" in payer.scan(path=link(product, amount=1)).text
    assert "LINK_EXPIRED" in payer.scan(path=link(product, nonce="n2", age_s=660)).text
