from __future__ import annotations

import logging
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from errors import GatewayRejected, GatewayUnknown
from gateways import rsa
from gateways.base import WechatAccount
from gateways.http import Answer
from gateways.wechat_pay import crypto
from gateways.wechat_pay.client import BadSignature, WechatPayClient
from tests.unit.gateways.wallets import (
    CERT_SERIAL,
    NOW,
    PUBLIC_KEY_ID,
    WECHAT,
    WECHAT_ACCOUNT,
    WKEYS,
    Clock,
    Wire,
    sealed,
    wechat_answer,
    wechat_headers,
    wechat_refusal,
)

_NO_CERTIFICATES = replace(WECHAT_ACCOUNT, platform_certificates=())
_CERTIFICATES = {
    "data": [
        {
            "serial_no": CERT_SERIAL,
            "encrypt_certificate": sealed(
                WKEYS["platform_certificate_pem"].encode(), "certificate"
            ),
        }
    ]
}


def _client(
    wire: Wire, account: WechatAccount = WECHAT_ACCOUNT, clock: Clock | None = None, base: str = ""
) -> WechatPayClient:
    base = base or "https://api.example.com"
    return WechatPayClient(account, base=base, transport=wire, now=clock or Clock())


@pytest.mark.parametrize("base", ["https://api.example.com", "http://127.0.0.1:1/sim/"])
def test_what_is_signed_is_what_is_sent(base: str) -> None:
    wire = Wire(wechat_answer({"ok": 1}))
    _client(wire, base=base).call("POST", "/v3/x?a=%7C", {"描述": "一码付", "n": 1})
    method, url, headers, body = wire.sent[0]
    assert body == '{"描述":"一码付","n":1}'.encode()
    found = dict(re.findall(r'(\w+)="([^"]*)"', headers["Authorization"]))
    target = "/" + url.split("/", 3)[3]
    message = crypto.request_message(method, target, found["timestamp"], found["nonce_str"], body)
    key = rsa.private_key(WKEYS["merchant_private_key_pem_pkcs8"])
    assert rsa.sign(key, message) == found["signature"]
    assert found["mchid"] == WECHAT_ACCOUNT.sp_mchid
    assert found["serial_no"] == WECHAT_ACCOUNT.merchant_serial
    assert found["timestamp"] == str(int(NOW.timestamp()))
    assert headers["Wechatpay-Serial"] == PUBLIC_KEY_ID


def test_an_account_without_public_key_asks_for_no_serial() -> None:
    wire = Wire(wechat_answer({}, serial=CERT_SERIAL))
    _client(wire, replace(WECHAT_ACCOUNT, public_key_id="", public_key="")).call("GET", "/v3/x")
    assert "Wechatpay-Serial" not in wire.sent[0][2]


@pytest.mark.parametrize("serial", [PUBLIC_KEY_ID, CERT_SERIAL])
def test_answers_signed_with_either_kind_of_key_are_believed(serial: str) -> None:
    assert _client(Wire(wechat_answer({"a": 1}, serial=serial))).call("GET", "/v3/x") == {"a": 1}


def test_an_empty_204_is_believed_by_its_signature() -> None:
    assert _client(Wire(wechat_answer(status=204))).call("POST", "/v3/x", {}) == {}


def _without(name: str) -> Answer:
    answer = wechat_answer({"a": 1})
    return replace(answer, headers={k: v for k, v in answer.headers.items() if k != name})


_HEADERS = [f"wechatpay-{name}" for name in ("timestamp", "nonce", "serial", "signature")]


@pytest.mark.parametrize("name", _HEADERS)
def test_a_good_answer_without_a_signature_header_is_unknown(name: str) -> None:
    with pytest.raises(GatewayUnknown, match="signature"):
        _client(Wire(_without(name))).call("GET", "/v3/x")


@pytest.mark.parametrize(
    "headers",
    [
        {"wechatpay-signature": "WECHATPAY/SIGNTEST/" + "A" * 324 + "="},
        {"wechatpay-signature": ""},
        {"wechatpay-nonce": "another"},
        {"wechatpay-serial": CERT_SERIAL},
        {"wechatpay-timestamp": "１795341601"},
        {"wechatpay-timestamp": "-1"},
        {"wechatpay-signature-type": "WECHATPAY2-SM2-WITH-SM3"},
    ],
    ids=str,
)
def test_a_wrong_signature_on_a_good_answer_is_unknown(headers: dict[str, str]) -> None:
    answer = wechat_answer({"a": 1})
    answer = replace(answer, headers={**answer.headers, **headers})
    with pytest.raises(GatewayUnknown, match="signature"):
        _client(Wire(answer)).call("GET", "/v3/x")


def test_a_signature_over_an_empty_nonce_is_not_believed() -> None:
    with pytest.raises(GatewayUnknown, match="signature"):
        _client(Wire(wechat_answer({"a": 1}, nonce=""))).call("GET", "/v3/x")


def test_the_signature_covers_the_raw_bytes() -> None:
    answer = wechat_answer({"a": 1})
    with pytest.raises(GatewayUnknown, match="signature"):
        _client(Wire(replace(answer, body=b'{"a":1}'))).call("GET", "/v3/x")


@pytest.mark.parametrize("case", WECHAT["v3_response_and_notification_signature"])
def test_the_vectors_verify_through_the_client(case: dict[str, Any]) -> None:
    headers = {name.lower(): value for name, value in case["headers"].items()}
    client = _client(Wire())
    if case["expect_valid"]:
        client.verify(headers, case["body"].encode(), NOW)
    else:
        with pytest.raises(BadSignature):
            client.verify(headers, case["body"].encode(), NOW)


@pytest.mark.parametrize(
    ("off_s", "is_fresh"), [(299, True), (-299, True), (300, False), (-300, False)]
)
def test_a_signature_holds_for_less_than_five_minutes(off_s: int, is_fresh: bool) -> None:
    client, headers = _client(Wire()), wechat_headers(b"x", at=NOW + timedelta(seconds=off_s))
    if is_fresh:
        client.verify(headers, b"x", NOW)
    else:
        with pytest.raises(BadSignature, match="five minutes"):
            client.verify(headers, b"x", NOW)


@pytest.mark.parametrize(
    ("status", "code"), [(400, "PARAM_ERROR"), (401, "SIGN_ERROR"), (403, "NO_AUTH"), (404, "X")]
)
def test_a_4xx_with_a_code_is_a_refusal_although_unsigned(status: int, code: str) -> None:
    wire = Wire(wechat_refusal(status, code, "说明", number=268449538))
    with pytest.raises(GatewayRejected) as refused:
        _client(wire).call("GET", "/v3/x")
    assert refused.value.upstream_code == code
    assert refused.value.upstream_message == "说明"
    assert refused.value.facts["number"] == 268449538


@pytest.mark.parametrize(
    "answer",
    [
        wechat_refusal(429, "FREQUENCY_LIMITED"),
        wechat_refusal(429, "RATELIMIT_EXCEEDED"),
        wechat_refusal(429, "PARAM_ERROR"),
        wechat_refusal(403, "FREQUENCY_LIMITED"),
        wechat_refusal(500, "SYSTEM_ERROR"),
        wechat_refusal(400, "SYSTEM_ERROR"),
        wechat_refusal(502, "PARAM_ERROR"),
        wechat_refusal(302, "PARAM_ERROR"),
        Answer(404, {}, b""),
        Answer(400, {}, b"<html>"),
        Answer(400, {}, b'{"code":5}'),
        Answer(503, {}, b""),
        wechat_answer({"prepay_id": "x"}, status=202),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:30]!r}",
)
def test_an_answer_that_decides_nothing_is_unknown(answer: Answer) -> None:
    with pytest.raises(GatewayUnknown):
        _client(Wire(answer)).call("POST", "/v3/x", {})


def test_a_genuine_answer_that_is_not_json_is_unknown() -> None:
    answer = Answer(200, wechat_headers(b"<html>"), b"<html>")
    with pytest.raises(GatewayUnknown, match="can not be read"):
        _client(Wire(answer)).call("GET", "/v3/x")


def _upstream(certificates: Answer) -> Wire:
    def answer(method: str, url: str, body: bytes) -> Answer:
        if url.endswith("/v3/certificates"):
            return certificates
        return wechat_answer({"a": 1}, serial=CERT_SERIAL)

    return Wire(answer)


def test_an_unknown_certificate_is_fetched_once_and_then_known() -> None:
    wire = _upstream(wechat_answer(_CERTIFICATES))
    client = _client(wire, _NO_CERTIFICATES)
    assert client.call("GET", "/v3/x") == {"a": 1}
    assert client.call("GET", "/v3/x") == {"a": 1}
    fetched = [url for _, url, _, _ in wire.sent if url.endswith("/v3/certificates")]
    assert len(fetched) == 1


def test_the_first_certificate_of_all_may_sign_the_answer_that_brings_it() -> None:
    account = replace(_NO_CERTIFICATES, public_key_id="", public_key="")
    wire = _upstream(wechat_answer(_CERTIFICATES, serial=CERT_SERIAL))
    assert _client(wire, account).call("GET", "/v3/x") == {"a": 1}


def _badly_signed() -> Answer:
    answer = wechat_answer(_CERTIFICATES)
    return replace(answer, headers={**answer.headers, "wechatpay-nonce": "another"})


@pytest.mark.parametrize(
    "certificates",
    [
        wechat_refusal(404, "RESOURCE_NOT_EXISTS"),
        wechat_answer({"data": []}),
        wechat_answer({"data": 5}),
        wechat_answer({"data": [5]}),
        wechat_answer({"data": [{"encrypt_certificate": {"algorithm": "x"}}]}),
        wechat_answer(_CERTIFICATES, at=NOW - timedelta(minutes=6)),
        _badly_signed(),
        Answer(200, {}, b"{}"),
        Answer(500, {}, b""),
    ],
    ids=range(9),
)
def test_a_refresh_that_brings_nothing_is_not_repeated_within_a_minute(
    certificates: Answer,
) -> None:
    wire, clock = _upstream(certificates), Clock()
    client = _client(wire, _NO_CERTIFICATES, clock)
    headers = wechat_headers(b"x", serial=CERT_SERIAL)
    for seconds, asked in ((0, 1), (1, 1), (59, 1), (60, 2), (61, 2)):
        clock.at = NOW + timedelta(seconds=seconds)
        with pytest.raises(BadSignature, match="do not hold"):
            client.verify(headers, b"x", NOW)
        assert len(wire.sent) == asked


def test_an_expired_certificate_is_not_taken_over() -> None:
    clock = Clock()
    clock.at = NOW + timedelta(days=365 * 10)
    wire = _upstream(wechat_answer(_CERTIFICATES, at=clock.at))
    with pytest.raises(BadSignature, match="do not hold"):
        _client(wire, _NO_CERTIFICATES, clock).verify(
            wechat_headers(b"x", serial=CERT_SERIAL, at=clock.at), b"x", clock.at
        )


def test_an_unknown_public_key_id_asks_for_nothing() -> None:
    wire = Wire()
    with pytest.raises(BadSignature, match="do not hold"):
        _client(wire).verify(wechat_headers(b"x", serial="PUB_KEY_ID_9"), b"x", NOW)
    assert wire.sent == []


def test_a_failed_refresh_is_logged_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wire = _upstream(Answer(500, {}, b""))
    with pytest.raises(BadSignature):
        _client(wire, _NO_CERTIFICATES).verify(wechat_headers(b"x", serial=CERT_SERIAL), b"x", NOW)
    assert caplog.records[0].message == "platform certificates not refreshed"
    assert WKEYS["apiv3_key"] not in str(caplog.records[0].__dict__)


@pytest.mark.parametrize(
    "change",
    [
        {"merchant_private_key": "x"},
        {"merchant_private_key": WKEYS["wechatpay_public_key_pem"]},
        {"public_key": "x"},
        {"platform_certificates": ("x",)},
        {"apiv3_key": "short"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_account_with_an_unusable_key_makes_no_client(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are those of each kind of key
        _client(Wire(), replace(WECHAT_ACCOUNT, **change))


def test_an_accounts_repr_holds_no_secret() -> None:
    shown = repr(WECHAT_ACCOUNT)
    assert WKEYS["apiv3_key"] not in shown
    assert "PRIVATE KEY" not in shown
