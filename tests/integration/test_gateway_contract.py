"""One contract for every wallet's gateway: real HTTP and signatures, against the simulator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from errors import GatewayRejected, GatewayUnknown, NotifyInvalid
from gateways.base import AlipayAccount, PayGateway, PrepayRequest, TradeState, WechatAccount
from services.accounts import account_for
from tests.harness.phone import Phone
from tests.harness.product import Product
from tests.harness.simulator import Simulator
from tests.integration.mailbox import Mailbox

OPERATION = {"wechat": "wechat.jsapi", "alipay": "alipay.create"}
PAYEE = {"wechat": "1900000109", "alipay": "2088000000000109"}


@dataclass
class Wallet:
    """A gateway with an account of the demo's first merchant and a payer of its own."""

    channel: str
    gateway: PayGateway
    account: Any
    payer: str
    product: Product
    simulator: Simulator
    made: int = 0

    def request(self, **more: Any) -> PrepayRequest:
        self.made += 1
        values: dict[str, Any] = {
            "out_trade_no": f"contract_{self.channel}_{self.made}",
            "amount_fen": 1234,
            "description": "青禾茶事 · 湖滨店",
            "notify_url": f"{self.product.url}/notify/{self.channel}/nobody",
            "expires_at": self.product.deps.now() + timedelta(minutes=5),
            "payer": self.payer,
            **more,
        }
        return PrepayRequest(**values)

    def pay(self, request: PrepayRequest) -> None:
        prepay = self.gateway.prepay(self.account, request)
        status, said = self.simulator.wallet(self.channel, dict(prepay.bridge or {}))
        assert status == 200, said


@pytest.fixture(params=["wechat", "alipay"])
def wallet(request: pytest.FixtureRequest, product: Product) -> Wallet:
    row = product.one(
        "SELECT p.id, p.account_version, m.id AS merchant_id, m.wechat_sub_mchid FROM merchant m"
        " JOIN provider p ON p.id = m.provider_id WHERE m.wechat_sub_mchid = '1900000109'"
    )
    accounts = product.deps.accounts_of(row.id, row.account_version)
    account = account_for(accounts, request.param, row.merchant_id, row.wechat_sub_mchid)
    payer = "2088102000000001" if request.param == "alipay" else _openid(product)
    gateway = product.deps.gateways.pay[request.param]
    return Wallet(request.param, gateway, account, payer, product, product.simulator)


def _openid(product: Product) -> str:
    """What the simulator's first person is called under the provider's account."""
    Phone(product.url, product.simulator, "wechat", "lin").form()
    row = product.one("SELECT * FROM person")
    return product.deps.ring.open(row.sealed, f"person.sealed.{row.provider_id}:{row.subject_hash}")


pytestmark = pytest.mark.books_differ  # these trades are the gateway's alone: no order is behind


def test_an_unpaid_trade_can_be_asked_about_and_closed(wallet: Wallet) -> None:
    request = wallet.request()
    assert wallet.gateway.prepay(wallet.account, request).bridge
    asked = wallet.gateway.query(wallet.account, request.out_trade_no)
    assert (asked.state, asked.out_trade_no) == (TradeState.PAYING, request.out_trade_no)
    assert wallet.gateway.close(wallet.account, request.out_trade_no) is TradeState.CLOSED
    assert wallet.gateway.query(wallet.account, request.out_trade_no).state is TradeState.CLOSED


def test_the_same_request_may_be_sent_again(wallet: Wallet) -> None:
    request = wallet.request()
    for _ in range(3):
        assert wallet.gateway.prepay(wallet.account, request).bridge
    assert len(wallet.simulator.books()) == 1


def test_a_paid_trade_says_who_got_how_much(wallet: Wallet) -> None:
    request = wallet.request()
    wallet.pay(request)
    trade = wallet.gateway.query(wallet.account, request.out_trade_no)
    assert trade.state is TradeState.SUCCESS
    assert (trade.amount_fen, trade.currency) == (1234, "CNY")
    assert trade.payee == PAYEE[wallet.channel]
    assert trade.transaction_id
    assert trade.paid_at is not None
    assert trade.paid_at.tzinfo is not None
    assert wallet.payer not in repr(trade)


def test_closing_a_paid_trade_says_that_it_is_paid(wallet: Wallet) -> None:
    request = wallet.request()
    wallet.pay(request)
    assert wallet.gateway.close(wallet.account, request.out_trade_no) is TradeState.SUCCESS


def test_a_number_that_nobody_knows_does_not_exist(wallet: Wallet) -> None:
    asked = wallet.gateway.query(wallet.account, "contract_unknown")
    assert asked.state is TradeState.NOT_EXIST


def test_the_same_number_with_another_amount_is_refused(wallet: Wallet) -> None:
    request = wallet.request()
    wallet.gateway.prepay(wallet.account, request)
    with pytest.raises(GatewayRejected) as refused:
        wallet.gateway.prepay(wallet.account, replace(request, amount_fen=1235))
    assert refused.value.upstream_code


@pytest.mark.parametrize("kind", ["error", "lose_answer", "drop", "bad_signature"])
def test_an_answer_that_decides_nothing_is_unknown(wallet: Wallet, kind: str) -> None:
    wallet.simulator.fault(OPERATION[wallet.channel], kind)
    request = wallet.request()
    with pytest.raises(GatewayUnknown):
        wallet.gateway.prepay(wallet.account, request)
    assert wallet.gateway.prepay(wallet.account, request).bridge, "the same request heals it"


def test_another_provider_s_key_is_refused(wallet: Wallet) -> None:
    account = wallet.account
    if isinstance(account, WechatAccount):
        other = wallet.simulator.credentials("1900000501")["wechat"]["merchant_private_key"]
        account = replace(account, account_key="foreign", merchant_private_key=other)
    else:
        assert isinstance(account, AlipayAccount)
        other = wallet.simulator.credentials("2021000000000501")["alipay"]["app_private_key"]
        account = replace(account, account_key="foreign", app_private_key=other)
    with pytest.raises(GatewayRejected):
        wallet.gateway.prepay(account, wallet.request())
    assert wallet.simulator.books() == []


def test_a_notification_is_believed_only_as_it_was_signed(wallet: Wallet, mailbox: Mailbox) -> None:
    wallet.pay(wallet.request())
    letter = mailbox.wait()
    now = wallet.product.deps.now()
    trade = wallet.gateway.parse_notify(wallet.account, letter.headers, letter.body, now)
    assert trade.out_trade_no == "contract_" + wallet.channel + "_1"
    for body in (letter.body[:-1], letter.body + b" ", letter.body.replace(b"1", b"2", 1), b""):
        with pytest.raises(NotifyInvalid):
            wallet.gateway.parse_notify(wallet.account, letter.headers, body, now)


def test_no_account_shows_a_secret(wallet: Wallet) -> None:
    shown = repr(wallet.account)
    assert "PRIVATE" not in shown
    for name in ("apiv3_key", "app_auth_token"):
        secret = getattr(wallet.account, name, None)
        assert not secret or secret not in shown
