from __future__ import annotations

import contextlib
import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from errors import GatewayRejected, GatewayUnknown, NotifyInvalid
from gateways import rsa
from gateways.base import (
    NotifySerials,
    PayGateway,
    RefundFunds,
    RefundNotice,
    RefundRequest,
    RefundState,
    RefundWord,
    Trade,
    TradeState,
)
from gateways.http import Answer
from gateways.wechat_pay import crypto, mapping
from gateways.wechat_pay.gateway import WechatPayGateway
from tests.unit.gateways.wallets import (
    CERT_SERIAL,
    NOW,
    NUMBER,
    PUBLIC_KEY_ID,
    REQUEST,
    WECHAT,
    WECHAT_ACCOUNT,
    WKEYS,
    Clock,
    Wire,
    at_version,
    wechat_answer,
    wechat_headers,
    wechat_notice,
    wechat_order,
    wechat_refusal,
)

_BASE = "https://api.example.com"


# Loading keys takes the most time of a test, so the gateway is shared.
_WIRE = Wire()
_GATEWAY = WechatPayGateway(base=_BASE, transport=_WIRE, now=Clock())


def _gateway(answer: Any = None) -> tuple[WechatPayGateway, Wire]:
    _WIRE.answer, _WIRE.sent = answer, []
    return _GATEWAY, _WIRE


def _told(plain: Any, **how: Any) -> Trade | RefundNotice:
    raw = plain if isinstance(plain, bytes) else json.dumps(plain).encode()
    body = wechat_notice(raw, **how)
    return _gateway()[0].parse_notify(WECHAT_ACCOUNT, wechat_headers(body), body, NOW)


def test_it_is_a_pay_gateway_whose_notifications_name_a_key() -> None:
    gateway, _ = _gateway()
    as_pay: PayGateway = gateway
    assert as_pay.channel == "wechat"
    assert isinstance(gateway, NotifySerials)
    assert gateway.notify_serial({"Wechatpay-Serial": CERT_SERIAL}) == CERT_SERIAL
    assert gateway.notify_serial({}) is None


def test_an_order_is_sent_with_exactly_the_known_fields() -> None:
    gateway, wire = _gateway(wechat_answer({"prepay_id": "wx22"}))
    gateway.prepay(WECHAT_ACCOUNT, REQUEST)
    method, url, _, body = wire.sent[0]
    assert (method, url) == ("POST", f"{_BASE}/v3/pay/partner/transactions/jsapi")
    assert json.loads(body) == {
        "sp_appid": "wx8888888888888888",
        "sp_mchid": "1900000001",
        "sub_mchid": "1900000109",
        "description": "一码付-测试门店",
        "out_trade_no": NUMBER,
        "time_expire": "2026-11-22T18:10:01+08:00",
        "notify_url": REQUEST.notify_url,
        "amount": {"total": 1230, "currency": "CNY"},
        "payer": {"sp_openid": REQUEST.payer},
    }


def test_optional_fields_are_sent_only_when_set() -> None:
    account = replace(WECHAT_ACCOUNT, sub_appid="wxsub")
    body = mapping.prepay_body(account, replace(REQUEST, goods_tag="G1"))
    assert body["sub_appid"] == "wxsub"
    assert body["goods_tag"] == "G1"


def test_a_long_description_is_cut_between_characters() -> None:
    body = mapping.prepay_body(WECHAT_ACCOUNT, replace(REQUEST, description="店" * 60))
    assert body["description"] == "店" * 42


def test_the_bridge_is_signed_over_what_the_page_sends() -> None:
    gateway, _ = _gateway(wechat_answer({"prepay_id": "wx22"}))
    prepay = gateway.prepay(WECHAT_ACCOUNT, REQUEST)
    assert prepay.prepay_id == "wx22"
    bridge = prepay.bridge
    assert bridge is not None
    assert set(bridge) == {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"}
    assert bridge["package"] == "prepay_id=wx22"
    assert bridge["signType"] == "RSA"
    message = "\n".join(bridge[name] for name in ("appId", "timeStamp", "nonceStr", "package"))
    key = rsa.private_key(WKEYS["merchant_private_key_pem_pkcs8"])
    assert rsa.sign(key, f"{message}\n".encode()) == bridge["paySign"]


def test_a_bridge_is_signed_again_without_a_call() -> None:
    gateway, wire = _gateway()
    first, second = (gateway.bridge(WECHAT_ACCOUNT, "wx22") for _ in range(2))
    assert first["nonceStr"] != second["nonceStr"]
    assert wire.sent == []


@pytest.mark.parametrize(
    "answer",
    [wechat_answer({}), wechat_answer({"prepay_id": 5}), wechat_answer(status=204)],
    ids=str,
)
def test_a_prepay_answer_without_prepay_id_is_unknown(answer: Answer) -> None:
    with pytest.raises(GatewayUnknown, match="prepay_id"):
        _gateway(answer)[0].prepay(WECHAT_ACCOUNT, REQUEST)


@pytest.mark.parametrize(
    "answer",
    [
        wechat_refusal(403, "OUT_TRADE_NO_USED", number=268449538),
        wechat_refusal(400, "INVALID_REQUEST", number=268498689),
        wechat_refusal(400, "ORDERPAID"),
    ],
    ids=lambda answer: str(answer.body),
)
def test_ordering_a_paid_number_is_unknown_not_a_refusal(answer: Answer) -> None:
    with pytest.raises(GatewayUnknown, match="already paid"):
        _gateway(answer)[0].prepay(WECHAT_ACCOUNT, REQUEST)


@pytest.mark.parametrize("code", ["PARAM_ERROR", "NO_AUTH", "OUT_TRADE_NO_USED", "ORDER_CLOSED"])
def test_a_refused_order_keeps_wechats_code(code: str) -> None:
    with pytest.raises(GatewayRejected) as refused:
        _gateway(wechat_refusal(400, code))[0].prepay(WECHAT_ACCOUNT, REQUEST)
    assert refused.value.upstream_code == code


def test_a_paid_order_is_read_whole() -> None:
    gateway, wire = _gateway(wechat_answer(wechat_order()))
    assert gateway.query(WECHAT_ACCOUNT, NUMBER) == Trade(
        channel="wechat",
        out_trade_no=NUMBER,
        state=TradeState.SUCCESS,
        raw_state="SUCCESS",
        payee="1900000109",
        app="wx8888888888888888",
        amount_fen=1230,
        transaction_id="4200002345202611221234567890",
        paid_at=datetime(2026, 11, 22, 10, tzinfo=UTC),
        payer="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
    )
    path = f"/v3/pay/partner/transactions/out-trade-no/{NUMBER}"
    assert wire.sent[0][1] == f"{_BASE}{path}?sp_mchid=1900000001&sub_mchid=1900000109"


def test_a_number_with_a_bar_is_encoded_as_the_vector_says() -> None:
    gateway, wire = _gateway(wechat_refusal(404, "ORDER_NOT_EXIST"))
    gateway.query(WECHAT_ACCOUNT, "A|B*C_1-2")
    case = WECHAT["v3_request_signature"]
    expected = next(c["canonical_url"] for c in case if "|" in c["name"])
    assert wire.sent[0][1] == _BASE + expected


@pytest.mark.parametrize(
    ("word", "state", "refunded"),
    [
        ("NOTPAY", TradeState.PAYING, False),
        ("USERPAYING", TradeState.PAYING, False),
        ("ACCEPT", TradeState.PAYING, False),
        ("SUCCESS", TradeState.SUCCESS, False),
        ("REFUND", TradeState.SUCCESS, True),
        ("CLOSED", TradeState.CLOSED, False),
        ("REVOKED", TradeState.CLOSED, False),
        ("PAYERROR", TradeState.FAILED, False),
    ],
)
def test_each_state_of_the_table_is_read(word: str, state: TradeState, refunded: bool) -> None:
    trade = mapping.trade_from_wire(wechat_order(trade_state=word))
    assert (trade.state, trade.raw_state, trade.refunded) == (state, word, refunded)


def test_an_unpaid_order_may_leave_out_amount_and_number() -> None:
    order = wechat_order(
        trade_state="NOTPAY", transaction_id=None, success_time=None, payer=None, amount=None
    )
    trade = mapping.trade_from_wire(order)
    assert (trade.amount_fen, trade.transaction_id, trade.paid_at) == (None, None, None)


_UNREADABLE = [
    {"trade_state": "PAID"},
    {"trade_state": ""},
    {"trade_state": None},
    {"out_trade_no": "OTHER00001"},
    {"out_trade_no": None},
    {"sp_mchid": "1900000002"},
    {"transaction_id": None},
    {"sub_mchid": None},
    {"sp_appid": None},
    {"amount": None},
    {"amount": []},
    {"amount": {"total": 12.0}},
    {"amount": {"total": True}},
    {"amount": {"total": "1230"}},
    {"amount": {"total": -1}},
    {"amount": {"total": 0}},
    {"success_time": "2026-11-22T18:00:00"},
    {"success_time": "now"},
]


@pytest.mark.parametrize("change", _UNREADABLE, ids=str)
def test_an_answer_that_can_not_be_read_is_unknown(change: dict[str, Any]) -> None:
    gateway, _ = _gateway(wechat_answer(wechat_order(**change)))
    with pytest.raises(GatewayUnknown):
        gateway.query(WECHAT_ACCOUNT, NUMBER)


def test_a_number_that_wechat_does_not_know_is_a_state() -> None:
    gateway, _ = _gateway(wechat_refusal(404, "ORDER_NOT_EXIST"))
    trade = gateway.query(WECHAT_ACCOUNT, NUMBER)
    assert (trade.state, trade.out_trade_no) == (TradeState.NOT_EXIST, NUMBER)


@pytest.mark.parametrize(
    "answer", [wechat_refusal(404, "MCH_NOT_EXISTS"), wechat_refusal(403, "RULE_LIMIT")]
)
def test_another_refusal_of_a_query_is_a_refusal(answer: Answer) -> None:
    with pytest.raises(GatewayRejected):
        _gateway(answer)[0].query(WECHAT_ACCOUNT, NUMBER)


def test_closing_names_both_merchants_in_the_body() -> None:
    gateway, wire = _gateway(wechat_answer(status=204))
    assert gateway.close(WECHAT_ACCOUNT, NUMBER) is TradeState.CLOSED
    case = next(c for c in WECHAT["v3_request_signature"] if c["name"] == "close")
    assert (wire.sent[0][1], wire.sent[0][3]) == (
        _BASE + case["canonical_url"],
        case["body"].encode(),
    )


def test_closing_an_unknown_number_is_not_exist() -> None:
    gateway, _ = _gateway(wechat_refusal(404, "ORDER_NOT_EXIST"))
    assert gateway.close(WECHAT_ACCOUNT, NUMBER) is TradeState.NOT_EXIST


@pytest.mark.parametrize(
    "refusal",
    [
        wechat_refusal(400, "INVALID_REQUEST", number=268449538),
        wechat_refusal(400, "ORDERPAID"),
        wechat_refusal(403, "TRADE_ERROR"),
        wechat_refusal(400, "INVALID_REQUEST", "该订单已支付"),
    ],
    ids=lambda answer: str(answer.body),
)
@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("SUCCESS", TradeState.SUCCESS),
        ("REFUND", TradeState.SUCCESS),
        ("CLOSED", TradeState.CLOSED),
        ("NOTPAY", TradeState.PAYING),
    ],
)
def test_a_refusal_to_close_that_may_mean_paid_is_decided_by_a_query(
    refusal: Answer, word: str, state: TradeState
) -> None:
    def answer(method: str, url: str, body: bytes) -> Answer:
        return refusal if method == "POST" else wechat_answer(wechat_order(trade_state=word))

    assert _gateway(answer)[0].close(WECHAT_ACCOUNT, NUMBER) is state


@pytest.mark.parametrize("code", ["PARAM_ERROR", "NO_AUTH", "INVALID_REQUEST"])
def test_another_refusal_to_close_is_a_refusal(code: str) -> None:
    gateway, wire = _gateway(wechat_refusal(400, code))
    with pytest.raises(GatewayRejected):
        gateway.close(WECHAT_ACCOUNT, NUMBER)
    assert len(wire.sent) == 1


def test_a_close_without_answer_stays_unknown() -> None:
    with pytest.raises(GatewayUnknown):
        _gateway(Answer(500, {}, b""))[0].close(WECHAT_ACCOUNT, NUMBER)


# Notifications


def _vector(name: str) -> tuple[dict[str, str], bytes]:
    cases = WECHAT["v3_response_and_notification_signature"]
    case = next(c for c in cases if name in c["name"])
    return case["headers"], case["body"].encode()


def test_the_vectors_payment_is_believed() -> None:
    headers, body = _vector("payment notification, platform-certificate")
    trade = _gateway()[0].parse_notify(WECHAT_ACCOUNT, headers, body, NOW)
    assert isinstance(trade, Trade)
    assert (trade.out_trade_no, trade.state) == (NUMBER, TradeState.SUCCESS)
    assert (trade.amount_fen, trade.payee) == (1, "1900000109")
    assert trade.paid_at == datetime(2026, 11, 22, 11, 20, tzinfo=UTC)


def test_the_vectors_refund_is_told_as_a_refund() -> None:
    headers, body = _vector("refund notification")
    notice = _gateway()[0].parse_notify(WECHAT_ACCOUNT, headers, body, NOW + timedelta(seconds=200))
    assert isinstance(notice, RefundNotice)
    assert (notice.out_trade_no, notice.raw_state) == (NUMBER, "SUCCESS")
    assert notice.out_refund_no
    assert notice.trade is None


@pytest.mark.parametrize("serial", [PUBLIC_KEY_ID, CERT_SERIAL])
def test_notifications_of_both_kinds_of_key_are_believed(serial: str) -> None:
    body = wechat_notice(json.dumps(wechat_order()).encode())
    headers = {name.title(): value for name, value in wechat_headers(body, serial=serial).items()}
    trade = _gateway()[0].parse_notify(WECHAT_ACCOUNT, headers, body, NOW)
    assert isinstance(trade, Trade)
    assert trade.amount_fen == 1230


@pytest.mark.parametrize("value", [None, "", "x", "WECHATPAY/SIGNTEST/abc", "AAAA"])
@pytest.mark.parametrize("name", ["timestamp", "nonce", "serial", "signature"])
def test_a_missing_or_wrong_signature_header_is_refused(name: str, value: str | None) -> None:
    body = wechat_notice(json.dumps(wechat_order()).encode())
    headers = {**wechat_headers(body), f"wechatpay-{name}": value}
    kept = {header: text for header, text in headers.items() if text is not None}
    with pytest.raises(NotifyInvalid):
        _gateway()[0].parse_notify(WECHAT_ACCOUNT, kept, body, NOW)


def test_a_changed_body_is_refused() -> None:
    body = wechat_notice(json.dumps(wechat_order()).encode())
    with pytest.raises(NotifyInvalid, match="wrong"):
        _gateway()[0].parse_notify(WECHAT_ACCOUNT, wechat_headers(body), body + b" ", NOW)


@pytest.mark.parametrize("minutes", [5, 6, -5, 10])
def test_a_stale_notification_is_refused(minutes: int) -> None:
    body = wechat_notice(json.dumps(wechat_order()).encode())
    now = NOW + timedelta(minutes=minutes)
    with pytest.raises(NotifyInvalid, match="five minutes"):
        _gateway()[0].parse_notify(WECHAT_ACCOUNT, wechat_headers(body), body, now)


@pytest.mark.parametrize(
    "resource",
    [
        {"algorithm": "AEAD_AES_128_GCM"},
        {"original_type": "refund"},
        {"original_type": None},
        {"associated_data": "other"},
        {"nonce": "999999999999"},
        {"ciphertext": "AAAA"},
    ],
    ids=str,
)
def test_a_resource_that_is_not_as_it_should_be_is_refused(resource: dict[str, Any]) -> None:
    with pytest.raises(NotifyInvalid):
        _told(wechat_order(), **resource)


@pytest.mark.parametrize("event", ["PROFITSHARING", "", "transaction.success"])
def test_another_kind_of_event_is_refused(event: str) -> None:
    with pytest.raises(NotifyInvalid, match="differ"):
        _told(wechat_order(), event=event)


@pytest.mark.parametrize(
    "change",
    [{"sp_mchid": "1900000002"}, {"sp_mchid": None}, {"sp_appid": "wx1"}, {"sp_appid": None}],
)
def test_another_providers_notification_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(NotifyInvalid, match="another"):
        _told(wechat_order(**change))


def test_another_merchants_notification_names_its_own_payee() -> None:
    trade = _told(wechat_order(sub_mchid="1900000999"))
    assert isinstance(trade, Trade)
    assert trade.payee == "1900000999"


_PLAIN = json.dumps(wechat_order())


@pytest.mark.parametrize(
    "plain",
    [
        _PLAIN.replace('"total": 1230', '"total": 1230, "total": 1'),
        _PLAIN.replace("1230", "NaN"),
        _PLAIN.replace("1230", "1e400"),
        _PLAIN.replace("1230", "1230.0"),
        _PLAIN.replace("1230", "12.30"),
        _PLAIN.replace("1230", "true"),
        _PLAIN.replace("1230", "-1230"),
        _PLAIN.replace("1230", "0"),
        _PLAIN.replace("1230", '"1230"'),
        _PLAIN.replace("1230", "[" * 5000 + "]" * 5000),
        _PLAIN.replace(NUMBER, "T\\u0000"),
        "[]",
        "",
    ],
    ids=range(13),
)
def test_a_plain_text_that_is_not_strict_is_refused(plain: str) -> None:
    with pytest.raises(NotifyInvalid):
        _told(plain.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"event_type":5,"resource":{}}',
        b'{"event_type":"TRANSACTION.SUCCESS","resource":[]}',
        b'{"event_type":"REFUND.SUCCESS","event_type":"TRANSACTION.SUCCESS"}',
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":"' + b"x" * (1 << 20) + b'"}',
    ],
    ids=range(8),
)
def test_a_genuine_body_that_is_no_notification_is_refused(body: bytes) -> None:
    with pytest.raises(NotifyInvalid):
        _gateway()[0].parse_notify(WECHAT_ACCOUNT, wechat_headers(body), body, NOW)


@pytest.mark.parametrize("mchid_name", ["sp_mchid", "mchid"])
@pytest.mark.parametrize("event", ["REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"])
def test_a_refund_on_the_pay_url_is_told_as_a_refund(event: str, mchid_name: str) -> None:
    refund = {
        mchid_name: WECHAT_ACCOUNT.sp_mchid,
        "sub_mchid": "1900000109",
        "out_trade_no": NUMBER,
        "refund_id": "5000",
        "out_refund_no": "R1",
        "refund_status": event.partition(".")[2],
        "amount": {"total": 1230, "refund": 30},
    }
    assert _told(refund, event=event) == RefundNotice(
        channel="wechat",
        out_trade_no=NUMBER,
        out_refund_no="R1",
        raw_state=event.partition(".")[2],
        payee="1900000109",
        refund_id="5000",
        refund_fen=30,
        word=RefundWord(
            channel="wechat",
            out_trade_no=NUMBER,
            out_refund_no="R1",
            state=RefundState(event.partition(".")[2].lower()),
            raw_state=event.partition(".")[2],
            amount_fen=30,
            refund_id="5000",
        ),
    )


@pytest.mark.parametrize("funds", [None, *RefundFunds])
def test_a_refund_names_the_money_where_its_asker_did(funds: RefundFunds | None) -> None:
    said = {
        "out_trade_no": NUMBER, "out_refund_no": "R1", "refund_id": "5000", "status": "PROCESSING",
        "funds_account": "UNAVAILABLE", "amount": {"total": 1230, "refund": 30},
    }  # fmt: skip
    gateway, wire = _gateway(wechat_answer(said))
    word = gateway.refund(WECHAT_ACCOUNT, RefundRequest(NUMBER, "R1", 30, 1230, "", "n", funds))
    assert json.loads(wire.sent[0][3]).get("funds_account") == (funds.value if funds else None)
    assert word.funds_account == "UNAVAILABLE"  # what WeChat says, whatever was asked for


def test_another_providers_refund_is_refused() -> None:
    refund = {"sp_mchid": "1900000002", "out_trade_no": NUMBER, "refund_status": "SUCCESS"}
    with pytest.raises(NotifyInvalid, match="another"):
        _told(refund, event="REFUND.SUCCESS")


def test_a_genuine_notification_of_an_unknown_state_is_unknown() -> None:
    with pytest.raises(GatewayUnknown, match="HALFPAID"):
        _told(wechat_order(trade_state="HALFPAID"))


# Clients and logs


def test_a_broken_account_is_refused_before_anything_is_sent() -> None:
    gateway, wire = _gateway()
    account = replace(at_version(WECHAT_ACCOUNT, 9), merchant_private_key="broken")
    with pytest.raises(GatewayRejected) as refused:
        gateway.prepay(account, REQUEST)
    assert refused.value.upstream_code == "ACCOUNT_INVALID"
    assert wire.sent == []


def test_a_new_credential_version_gets_a_new_client() -> None:
    gateway, wire = _gateway(wechat_answer({"prepay_id": "wx22"}))
    gateway.prepay(WECHAT_ACCOUNT, REQUEST)
    changed = replace(at_version(WECHAT_ACCOUNT, 2), merchant_serial="A" * 40)
    gateway.prepay(changed, REQUEST)
    first, second = (headers["Authorization"] for _, _, headers, _ in wire.sent)
    assert f'serial_no="{"A" * 40}"' not in first
    assert f'serial_no="{"A" * 40}"' in second


def test_the_merchant_is_taken_per_call_although_the_client_is_kept() -> None:
    gateway, wire = _gateway(wechat_answer({"prepay_id": "wx22"}))
    for merchant in ("1900000109", "1900000110"):
        gateway.prepay(replace(WECHAT_ACCOUNT, sub_mchid=merchant), REQUEST)
    assert [json.loads(body)["sub_mchid"] for *_, body in wire.sent] == ["1900000109", "1900000110"]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (wechat_answer({"prepay_id": "wx22"}), "ok"),
        (wechat_refusal(400, "PARAM_ERROR"), "rejected PARAM_ERROR"),
        (Answer(500, {}, b""), "unknown"),
    ],
    ids=["ok", "rejected", "unknown"],
)
def test_each_call_leaves_one_line_without_key_or_openid(
    answer: Answer, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    gateway, _ = _gateway(answer)
    with contextlib.suppress(GatewayRejected, GatewayUnknown):
        gateway.prepay(WECHAT_ACCOUNT, REQUEST)
    (line,) = caplog.records
    facts = line.__dict__
    assert line.message == "gateway call"
    assert (facts["channel"], facts["operation"], facts["out_trade_no"]) == (
        "wechat",
        "prepay",
        NUMBER,
    )
    assert facts["outcome"] == outcome
    assert facts["duration_ms"] >= 0
    assert REQUEST.payer not in str(facts)
    assert WKEYS["apiv3_key"] not in str(facts)


def test_the_scheme_is_the_one_of_the_pages() -> None:
    assert crypto.SCHEME == "WECHATPAY2-SHA256-RSA2048"
