from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from errors import GatewayRejected, GatewayUnknown, NotifyInvalid
from gateways import rsa
from gateways.alipay import mapping
from gateways.alipay.gateway import AlipayClients, AlipayGateway
from gateways.alipay.oauth import AlipayOAuth
from gateways.base import NotifySerials, PayGateway, RefundNotice, Trade, TradeState
from gateways.http import Answer
from tests.unit.gateways.wallets import (
    ALIPAY,
    ALIPAY_ACCOUNT,
    ALIPAY_KEY,
    NOW,
    NUMBER,
    REQUEST,
    Clock,
    Wire,
    alipay_answer,
)

_USER = "2088101117955611"
_REQUEST = replace(REQUEST, payer=_USER)
_CREATED = {"code": "10000", "trade_no": "2026112222001", "out_trade_no": NUMBER}
_PAID = {
    "code": "10000",
    "out_trade_no": NUMBER,
    "trade_no": "2026112222001",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "12.30",
    "send_pay_date": "2026-11-22 18:00:00",
    "buyer_user_id": _USER,
}


# Loading keys takes the most time of a test, so the clients are shared; they hold no state.
_WIRE = Wire()
_CLIENTS = AlipayClients(base="http://127.0.0.1:1", transport=_WIRE, now=Clock())


def _gateway(answer: Any = None) -> tuple[AlipayGateway, Wire]:
    _WIRE.answer, _WIRE.sent = answer, []
    return AlipayGateway(_CLIENTS), _WIRE


def _create(node: dict[str, Any]) -> Answer:
    return alipay_answer("alipay.trade.create", node)


def _query(**changes: Any) -> Answer:
    node = {name: value for name, value in {**_PAID, **changes}.items() if value is not None}
    return alipay_answer("alipay.trade.query", node)


def _refused(method: str, sub_code: str, code: str = "40004") -> Answer:
    return alipay_answer(f"alipay.trade.{method}", {"code": code, "sub_code": sub_code})


def _sent_content(wire: Wire) -> Any:
    return json.loads(dict(parse_qsl(wire.sent[0][3].decode()))["biz_content"])


def test_it_is_a_pay_gateway_whose_notifications_name_no_key() -> None:
    gateway, _ = _gateway()
    as_pay: PayGateway = gateway
    assert as_pay.channel == "alipay"
    assert not isinstance(gateway, NotifySerials)


def test_a_trade_is_created_with_exactly_the_known_fields() -> None:
    gateway, wire = _gateway(_create(_CREATED))
    request = replace(_REQUEST, undiscountable_fen=30, store_id="S1")
    prepay = gateway.prepay(ALIPAY_ACCOUNT, request)
    assert (prepay.prepay_id, prepay.bridge) == ("2026112222001", {"tradeNO": "2026112222001"})
    assert _sent_content(wire) == {
        "out_trade_no": NUMBER,
        "total_amount": "12.30",
        "subject": "一码付-测试门店",
        "time_expire": "2026-11-22 18:10:01",
        "seller_id": "2088000000000002",
        "undiscountable_amount": "0.30",
        "store_id": "S1",
        "extend_params": {"sys_service_provider_id": "2088000000000001"},
        "buyer_id": _USER,
    }
    query = dict(parse_qsl(urlsplit(wire.sent[0][1]).query))
    assert query["notify_url"] == REQUEST.notify_url
    assert b"app_auth_token=" in wire.sent[0][3]


def test_optional_fields_are_left_out() -> None:
    account = replace(ALIPAY_ACCOUNT, seller_id=None, sys_service_provider_id=None)
    assert set(mapping.create_content(account, _REQUEST)) == {
        "out_trade_no",
        "total_amount",
        "subject",
        "time_expire",
        "buyer_id",
    }


@pytest.mark.parametrize(
    "payer", ["208810111795561", "20881011179556111", "1088101117955611", "0a-Z_"]
)
def test_a_payer_that_is_no_user_id_is_an_open_id(payer: str) -> None:
    content = mapping.create_content(ALIPAY_ACCOUNT, replace(_REQUEST, payer=payer))
    assert content["buyer_open_id"] == payer
    assert "buyer_id" not in content


@pytest.mark.parametrize(
    ("description", "subject"),
    [("a/b=c&d", "a b c d"), ("//拿铁//", "拿铁"), ("/=&", "付款"), ("店" * 300, "店" * 256)],
)
def test_a_subject_has_no_forbidden_character(description: str, subject: str) -> None:
    assert mapping.subject(description) == subject


@pytest.mark.parametrize(
    "node",
    [{"code": "10000"}, {**_CREATED, "trade_no": ""}, {**_CREATED, "out_trade_no": "OTHER1"}],
    ids=range(3),
)
def test_a_created_trade_without_its_number_is_unknown(node: dict[str, Any]) -> None:
    with pytest.raises(GatewayUnknown, match="trade_no"):
        _gateway(_create(node))[0].prepay(ALIPAY_ACCOUNT, _REQUEST)


@pytest.mark.parametrize(
    ("code", "sub_code"),
    [
        ("20001", "aop.invalid-app-auth-token"),
        ("20001", "aop.invalid-app-auth-token-no-api"),
        ("20001", "aop.app-auth-token-time-out"),
        ("20001", "aop.no-product-reg-by-partner"),
        ("40006", "isv.insufficient-isv-permissions"),
        ("40006", "isv.self-invoke-forbidden"),
        ("40003", "isv.invalid-auth-relations"),
        ("40002", "isv.not-support-app-auth"),
        ("40002", "isv.invalid-signature"),
        ("40002", "isv.invalid-app-id"),
        ("40002", "isv.never-seen-before"),
        ("40004", "ACQ.ACCESS_FORBIDDEN"),
        ("40004", "ACQ.PARTNER_ERROR"),
        ("40004", "ACQ.INVALID_STORE_ID"),
        ("40004", "ACQ.SELLER_BEEN_BLOCKED"),
        ("40004", "ACQ.MERCHANT_STATUS_NOT_NORMAL"),
        ("40004", "ACQ.RESTRICTED_MERCHANT_INDUSTRY"),
        ("40004", "ACQ.MERCHANT_PERM_RECEIPT_DAY_LIMIT"),
        ("40004", "ACQ.SECONDARY_MERCHANT_ID_INVALID"),
        ("40004", "ACQ.CONTEXT_INCONSISTENT"),
        ("40004", "ACQ.TRADE_HAS_CLOSE"),
        ("40004", "ACQ.EXIST_FORBIDDEN_WORD"),
    ],
)
def test_a_definite_refusal_keeps_its_sub_code(code: str, sub_code: str) -> None:
    with pytest.raises(GatewayRejected) as refused:
        _gateway(_refused("create", sub_code, code))[0].prepay(ALIPAY_ACCOUNT, _REQUEST)
    assert refused.value.upstream_code == sub_code


@pytest.mark.parametrize(
    ("code", "sub_code"),
    [
        ("40004", "ACQ.SYSTEM_ERROR"),
        ("40004", "ACQ.TRADE_HAS_SUCCESS"),
        ("40004", "ACQ.NEVER_SEEN_BEFORE"),
        ("40004", "NEVER_SEEN_BEFORE"),
        ("20000", "isp.unknow-error"),
        ("40005", "isv.app-call-limited"),
    ],
)
def test_a_refusal_that_decides_nothing_is_unknown(code: str, sub_code: str) -> None:
    with pytest.raises(GatewayUnknown):
        _gateway(_refused("create", sub_code, code))[0].prepay(ALIPAY_ACCOUNT, _REQUEST)


def test_wap_pay_is_a_signed_url_and_no_call() -> None:
    gateway, wire = _gateway()
    request = replace(_REQUEST, return_url="https://pay.example.com/q/1/r")
    prepay = gateway.wap_pay(ALIPAY_ACCOUNT, request)
    assert prepay.redirect is not None
    assert (prepay.prepay_id, prepay.bridge, wire.sent) == (None, None, [])
    address, _, query = prepay.redirect.partition("?")
    names = {name: values[0] for name, values in parse_qs(query).items()}
    content = json.loads(names["biz_content"])
    assert address == "http://127.0.0.1:1/gateway.do"
    assert (names["method"], content["product_code"]) == ("alipay.trade.wap.pay", "QUICK_WAP_WAY")
    assert names["return_url"] == content["quit_url"] == "https://pay.example.com/q/1/r"
    assert "buyer_id" not in content
    sign = names.pop("sign")
    text = "&".join(f"{name}={names[name]}" for name in sorted(names))
    assert rsa.sign(rsa.private_key(ALIPAY_ACCOUNT.app_private_key), text.encode()) == sign


def test_a_paid_trade_is_read_whole() -> None:
    gateway, wire = _gateway(_query())
    assert gateway.query(ALIPAY_ACCOUNT, NUMBER) == Trade(
        channel="alipay",
        out_trade_no=NUMBER,
        state=TradeState.SUCCESS,
        raw_state="TRADE_SUCCESS",
        payee="2088000000000002",
        app="2021000000000001",
        amount_fen=1230,
        transaction_id="2026112222001",
        paid_at=datetime(2026, 11, 22, 10, tzinfo=UTC),
        payer=_USER,
    )
    assert _sent_content(wire) == {"out_trade_no": NUMBER}


@pytest.mark.parametrize(
    ("changes", "state", "refunded"),
    [
        ({"trade_status": "WAIT_BUYER_PAY", "send_pay_date": None}, TradeState.PAYING, False),
        ({}, TradeState.SUCCESS, False),
        ({"trade_status": "TRADE_FINISHED"}, TradeState.SUCCESS, False),
        ({"refund_fee": "1.00"}, TradeState.SUCCESS, True),
        ({"trade_status": "TRADE_CLOSED", "send_pay_date": None}, TradeState.CLOSED, False),
        (
            {"trade_status": "TRADE_CLOSED", "send_pay_date": None, "refund_fee": "0.00"},
            TradeState.CLOSED,
            False,
        ),
        ({"trade_status": "TRADE_CLOSED"}, TradeState.SUCCESS, True),
        (
            {"trade_status": "TRADE_CLOSED", "send_pay_date": None, "refund_fee": "12.30"},
            TradeState.SUCCESS,
            True,
        ),
    ],
    ids=str,
)
def test_each_state_of_the_table_is_read(
    changes: dict[str, Any], state: TradeState, refunded: bool
) -> None:
    trade = _gateway(_query(**changes))[0].query(ALIPAY_ACCOUNT, NUMBER)
    assert (trade.state, trade.refunded) == (state, refunded)


@pytest.mark.parametrize(
    "change",
    [
        {"trade_status": "TRADE_PENDING"},
        {"trade_status": None},
        {"out_trade_no": "OTHER1"},
        {"out_trade_no": None},
        {"total_amount": None},
        {"total_amount": "12.345"},
        {"total_amount": 12.3},
        {"total_amount": "-12.30"},
        {"total_amount": "1e2"},
        {"trade_no": None},
        {"send_pay_date": "2026-11-22T18:00:00"},
        {"send_pay_date": 5},
    ],
    ids=str,
)
def test_an_answer_that_can_not_be_read_is_unknown(change: dict[str, Any]) -> None:
    with pytest.raises(GatewayUnknown):
        _gateway(_query(**change))[0].query(ALIPAY_ACCOUNT, NUMBER)


def test_a_number_that_alipay_does_not_know_is_a_state() -> None:
    gateway, _ = _gateway(_refused("query", "ACQ.TRADE_NOT_EXIST"))
    assert gateway.query(ALIPAY_ACCOUNT, NUMBER).state is TradeState.NOT_EXIST


def test_another_refusal_of_a_query_is_a_refusal() -> None:
    with pytest.raises(GatewayRejected):
        _gateway(_refused("query", "ACQ.INVALID_PARAMETER"))[0].query(ALIPAY_ACCOUNT, NUMBER)


def test_closing_an_unpaid_trade() -> None:
    gateway, _ = _gateway(alipay_answer("alipay.trade.close", {"code": "10000"}))
    assert gateway.close(ALIPAY_ACCOUNT, NUMBER) is TradeState.CLOSED
    gateway, _ = _gateway(_refused("close", "ACQ.TRADE_NOT_EXIST"))
    assert gateway.close(ALIPAY_ACCOUNT, NUMBER) is TradeState.NOT_EXIST


@pytest.mark.parametrize("sub_code", ["ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID"])
@pytest.mark.parametrize(
    ("word", "state"),
    [("TRADE_SUCCESS", TradeState.SUCCESS), ("WAIT_BUYER_PAY", TradeState.PAYING)],
)
def test_a_refusal_to_close_for_its_state_is_decided_by_a_query(
    sub_code: str, word: str, state: TradeState
) -> None:
    def answer(method: str, url: str, body: bytes) -> Answer:
        is_close = "method=alipay.trade.close" in url
        return _refused("close", sub_code) if is_close else _query(trade_status=word)

    assert _gateway(answer)[0].close(ALIPAY_ACCOUNT, NUMBER) is state


def test_another_refusal_to_close_is_a_refusal() -> None:
    gateway, wire = _gateway(_refused("close", "aop.invalid-app-auth-token", "20001"))
    with pytest.raises(GatewayRejected):
        gateway.close(ALIPAY_ACCOUNT, NUMBER)
    assert len(wire.sent) == 1


# Notifications


def _form(**changes: Any) -> dict[str, str]:
    form = {
        "notify_type": "trade_status_sync",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "app_id": ALIPAY_ACCOUNT.app_id,
        "seller_id": "2088000000000002",
        "out_trade_no": NUMBER,
        "trade_no": "2026112222001",
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "12.30",
        "gmt_payment": "2026-11-22 18:00:00",
        "buyer_id": _USER,
        "subject": "拿铁 大杯+奶",
        **changes,
    }
    return {name: value for name, value in form.items() if value is not None}


def _body(form: dict[str, str], charset: str = "utf-8") -> bytes:
    named = sorted((k, v) for k, v in form.items() if k not in ("sign", "sign_type") and v)
    text = "&".join(f"{k}={v}" for k, v in named)
    signed = {"sign": rsa.sign(ALIPAY_KEY, text.encode(charset)), **form}
    return urlencode(signed, encoding=charset).encode()


def _told(body: bytes) -> Trade | RefundNotice:
    return _gateway()[0].parse_notify(ALIPAY_ACCOUNT, {}, body, NOW)


def test_a_payments_notice_is_believed() -> None:
    trade = _told(_body(_form()))
    assert isinstance(trade, Trade)
    assert (trade.state, trade.amount_fen, trade.refunded) == (TradeState.SUCCESS, 1230, False)
    assert (trade.payee, trade.app) == ("2088000000000002", ALIPAY_ACCOUNT.app_id)
    assert trade.paid_at == datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize("case", ALIPAY["notifies"], ids=lambda case: case["name"])
def test_the_vectors_notices_are_told_as_what_they_are(case: dict[str, Any]) -> None:
    body = case["body"].encode()
    if case["name"] == "trade_success":
        trade = _told(body)
        assert isinstance(trade, Trade)
        assert (trade.state, trade.amount_fen) == (TradeState.SUCCESS, 8888)
    elif case["name"] == "full_refund_closed":
        notice = _told(body)
        assert isinstance(notice, RefundNotice)
        assert (notice.out_refund_no, notice.refunded_total_fen) == ("R2", 8888)
        assert notice.trade is not None
        assert (notice.trade.state, notice.trade.refunded) == (TradeState.SUCCESS, True)
    else:
        with pytest.raises(NotifyInvalid):
            _told(body)


@pytest.mark.parametrize(
    "sign",
    [{"refund_fee": "1.00"}, {"gmt_refund": "2026-11-22 18:30:00.123"}, {"out_biz_no": "R1"}],
)
def test_a_refund_in_part_is_not_told_as_a_payment(sign: dict[str, str]) -> None:
    notice = _told(_body(_form(**sign)))
    assert isinstance(notice, RefundNotice)
    assert notice.out_trade_no == NUMBER
    assert notice.trade is not None
    assert notice.trade.state is TradeState.SUCCESS


def test_a_refund_of_nothing_is_a_payment() -> None:
    assert isinstance(_told(_body(_form(refund_fee="0.00", out_biz_no=""))), Trade)


def test_a_closed_trade_was_paid_if_it_has_a_pay_date() -> None:
    closed = _told(_body(_form(trade_status="TRADE_CLOSED", gmt_payment=None)))
    assert isinstance(closed, Trade)
    assert (closed.state, closed.refunded) == (TradeState.CLOSED, False)
    given_back = _told(_body(_form(trade_status="TRADE_CLOSED")))
    assert isinstance(given_back, Trade)
    assert (given_back.state, given_back.refunded) == (TradeState.SUCCESS, True)


@pytest.mark.parametrize("charset", ["GBK", "gb2312", "utf-8"])
def test_a_notice_is_read_in_the_charset_it_names(charset: str) -> None:
    assert isinstance(_told(_body(_form(charset=charset), charset)), Trade)


@pytest.mark.parametrize(
    "change",
    [
        {"sign": ""},
        {"sign": "AAAA"},
        {"sign_type": "RSA"},
        {"sign_type": None},
        {"app_id": "2021000000000009"},
        {"app_id": None},
        {"seller_id": None},
        {"seller_id": ""},
        {"notify_type": "fund_auth_freeze"},
        {"charset": "utf-16"},
        {"total_amount": "12.301"},
        {"total_amount": "-12.30"},
        {"total_amount": "１２.30"},
        {"total_amount": None},
        {"trade_no": None},
        {"out_trade_no": "T 1"},
        {"gmt_payment": "yesterday"},
    ],
    ids=str,
)
def test_a_notice_that_is_not_as_it_should_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(NotifyInvalid):
        _told(_body(_form(**change)))


def test_a_field_that_comes_twice_is_refused_even_if_signed() -> None:
    with pytest.raises(NotifyInvalid, match="twice"):
        _told(_body(_form()) + b"&total_amount=12.30")


def test_an_added_or_changed_field_breaks_the_signature() -> None:
    body = _body(_form())
    for changed in (body + b"&more=1", body.replace(b"12.30", b"0.01")):
        with pytest.raises(NotifyInvalid, match="signature"):
            _told(changed)


@pytest.mark.parametrize(
    "body", [b"", b"x", b"\xff", b"a=%FF", b"a=1&" * 200, b"a=" + b"x" * (1 << 20)], ids=range(6)
)
def test_a_body_that_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(NotifyInvalid):
        _told(body)


def test_a_genuine_notice_of_an_unknown_state_is_unknown() -> None:
    with pytest.raises(GatewayUnknown, match="TRADE_PENDING"):
        _told(_body(_form(trade_status="TRADE_PENDING")))


# OAuth


def _oauth(answer: Answer | None = None) -> tuple[AlipayOAuth, Wire]:
    _WIRE.answer, _WIRE.sent = answer, []
    return AlipayOAuth(_CLIENTS, auth_base="https://openauth.alipay.com/"), _WIRE


def test_the_authorise_url_asks_silently() -> None:
    url = _oauth()[0].authorize_url(ALIPAY_ACCOUNT, "https://p.example/q/1?a=b&c", "s+1")
    assert url == (
        "https://openauth.alipay.com/oauth2/publicAppAuthorize.htm?app_id=2021000000000001"
        "&scope=auth_base&redirect_uri=https%3A%2F%2Fp.example%2Fq%2F1%3Fa%3Db%26c&state=s%2B1"
    )


@pytest.mark.parametrize(
    ("node", "payer"),
    [
        ({"user_id": _USER, "open_id": "074a1"}, _USER),
        ({"open_id": "074a1"}, "074a1"),
    ],
)
def test_the_code_is_exchanged_for_who_pays(node: dict[str, str], payer: str) -> None:
    answer = alipay_answer("alipay.system.oauth.token", {"access_token": "t", **node})
    oauth, wire = _oauth(answer)
    found = oauth.exchange(ALIPAY_ACCOUNT, "code1")
    assert found.payer == payer
    assert payer not in repr(found)
    assert wire.sent[0][3] == b"code=code1"
    assert "grant_type=authorization_code" in wire.sent[0][1]


def test_a_used_code_is_refused() -> None:
    node = {"code": "40002", "sub_code": "isv.code-invalid"}
    with pytest.raises(GatewayRejected) as refused:
        _oauth(alipay_answer("alipay.system.oauth.token", node))[0].exchange(ALIPAY_ACCOUNT, "c")
    assert refused.value.upstream_code == "isv.code-invalid"


@pytest.mark.parametrize("node", [{}, {"user_id": 5}, {"open_id": "a b"}], ids=str)
def test_an_exchange_that_names_nobody_is_unknown(node: dict[str, Any]) -> None:
    answer = alipay_answer("alipay.system.oauth.token", {"access_token": "t", **node})
    with pytest.raises(GatewayUnknown):
        _oauth(answer)[0].exchange(ALIPAY_ACCOUNT, "c")


def test_an_accounts_repr_holds_no_secret() -> None:
    shown = repr(ALIPAY_ACCOUNT)
    assert "PRIVATE KEY" not in shown
    assert str(ALIPAY_ACCOUNT.app_auth_token) not in shown
