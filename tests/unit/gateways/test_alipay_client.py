from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from errors import GatewayRejected, GatewayUnknown
from gateways import rsa
from gateways.alipay.client import AlipayClient
from gateways.http import Answer
from tests.unit.gateways.wallets import (
    ALIPAY,
    ALIPAY_ACCOUNT,
    ALIPAY_KEY,
    Clock,
    Wire,
    alipay_answer,
)

_URL = "http://127.0.0.1:1/gateway.do"
_QUERY = "alipay.trade.query"


def _built(charset: str) -> AlipayClient:
    return AlipayClient(
        ALIPAY_ACCOUNT, gateway_url=_URL, transport=_WIRE, now=Clock(), charset=charset
    )


# Loading keys takes the most time of a test, so the clients are shared; they hold no state.
_WIRE = Wire()
_CLIENTS = {charset: _built(charset) for charset in ("utf-8", "gbk")}


def _client(answer: Answer | None = None, charset: str = "utf-8") -> AlipayClient:
    _WIRE.answer, _WIRE.sent = answer, []
    return _CLIENTS[charset]


def _ask(answer: Answer, method: str = _QUERY) -> dict[str, Any]:
    node: dict[str, Any] = _client(answer).server_api(method, {"out_trade_no": "T1"})
    return node


def _named(items: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", items, ids=lambda case: case["name"])


@_named(ALIPAY["requests"])
def test_a_request_is_signed_and_written_as_the_vector_says(case: dict[str, Any]) -> None:
    client = _client(charset=case["charset"])
    items = client.signed_items(case["params"])
    assert dict(items)["sign"] == case["sign"]
    assert "&".join(f"{k}={v}" for k, v in items if k != "sign") == case["sign_content"]
    assert sorted(client.sign_data(case["params"]).split("&")) == sorted(case["form"].split("&"))


@_named(ALIPAY["responses"])
def test_an_answer_is_believed_exactly_when_the_vector_says(case: dict[str, Any]) -> None:
    client = _client()
    code = json.loads(case["signed_text"])["code"]
    method_key = case["key"] if case["key"] != "error_response" else "alipay_trade_query_response"
    if not case["valid"]:
        with pytest.raises(GatewayUnknown, match="signature"):
            client._verify_and_return_sync_response(case["raw"], method_key)
    elif code == "10000":
        node = client._verify_and_return_sync_response(case["raw"], method_key)
        assert node == json.loads(case["signed_text"])
    else:
        with pytest.raises(GatewayRejected) as refused:
            client._verify_and_return_sync_response(case["raw"], method_key)
        assert refused.value.upstream_code == json.loads(case["signed_text"])["sub_code"]
        assert refused.value.facts["code"] == code


@_named(ALIPAY["notifies"])
def test_a_notification_verifies_exactly_when_the_vector_says(case: dict[str, Any]) -> None:
    form = dict(parse_qsl(case["body"], keep_blank_values=True))
    keeps = "sign_type" not in case["excluded"]
    assert _client().is_signed_form(form, keeps_sign_type=keeps) is case["valid"]


def test_a_notification_with_empty_values_verifies_with_and_without_them() -> None:
    form = {"a": "1", "empty": "", "sign_type": "RSA2"}
    for text in (b"a=1", b"a=1&empty="):
        assert _client().is_signed_form({**form, "sign": rsa.sign(ALIPAY_KEY, text)})
    assert not _client().is_signed_form({**form, "sign": rsa.sign(ALIPAY_KEY, b"empty=")})


def test_a_notification_without_signature_does_not_verify() -> None:
    assert not _client().is_signed_form({"a": "1"})
    assert not _client().is_signed_form({"a": "1", "sign": ""})


def test_a_call_keeps_secrets_and_business_out_of_the_url() -> None:
    client = _client(alipay_answer(_QUERY, {"code": "10000"}))
    client.server_api(_QUERY, {"out_trade_no": "T1"}, app_auth_token="secret-token")
    method, url, headers, body = _WIRE.sent[0]
    query = dict(parse_qsl(urlsplit(url).query))
    form = dict(parse_qsl(body.decode()))
    assert (method, url.partition("?")[0]) == ("POST", _URL)
    assert query["charset"] == "utf-8"
    assert query["timestamp"] == "2026-11-22 18:00:01"
    assert form == {"biz_content": '{"out_trade_no":"T1"}', "app_auth_token": "secret-token"}
    assert not set(query) & set(form)
    assert headers["Content-Type"] == "application/x-www-form-urlencoded;charset=utf-8"
    signed = {**query, **form}
    sign = signed.pop("sign")
    text = "&".join(f"{name}={signed[name]}" for name in sorted(signed))
    key = rsa.private_key(ALIPAY_ACCOUNT.app_private_key)
    assert rsa.sign(key, text.encode()) == sign


def test_an_api_of_top_level_parameters_sends_no_biz_content() -> None:
    client = _client(alipay_answer("alipay.system.oauth.token", {"access_token": "t"}))
    client.server_api("alipay.system.oauth.token", grant_type="authorization_code", code="c")
    _, url, _, body = _WIRE.sent[0]
    assert body == b"code=c"
    assert "biz_content" not in url
    assert "grant_type=authorization_code" in url


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "}",
        '"}',
        '{"sign":"x"}',
        "\\",
        '\\"',
        '","sign":"',
        'alipay_trade_query_response":{',
        "付",
    ],
)
def test_braces_and_quotes_inside_a_value_do_not_mislead(value: str) -> None:
    node = {"code": "10000", "subject": value, "more": {"list": [{"a": value}]}}
    assert _ask(alipay_answer(_QUERY, node)) == node


def test_escapes_are_verified_as_received() -> None:
    text = '{ "code":"10000", "url":"https:\\/\\/a\\u4e2d" }'
    sign = rsa.sign(ALIPAY_KEY, text.encode())
    raw = (
        f' {{ "sign" : "{sign}" , "alipay_cert_sn":"1", "alipay_trade_query_response" : {text} }} '
    )
    assert _ask(Answer(200, {}, raw.encode()))["url"] == "https://a中"


def test_a_gbk_answer_is_verified_over_its_gbk_bytes() -> None:
    text = '{"code":"10000","subject":"中文"}'
    sign = rsa.sign(ALIPAY_KEY, text.encode("gbk"))
    raw = f'{{"alipay_trade_query_response":{text},"sign":"{sign}"}}'.encode("gbk")
    client = _client(Answer(200, {}, raw), charset="gbk")
    assert client.server_api(_QUERY, {"out_trade_no": "T1"})["subject"] == "中文"


@pytest.mark.parametrize("code", ["10000", "10003", "40004", "20000", "40005", "", None, "99999"])
def test_an_unsigned_answer_is_never_a_result(code: str | None) -> None:
    node = {"code": code, "sub_code": "ACQ.TRADE_NOT_EXIST", "trade_status": "TRADE_SUCCESS"}
    with pytest.raises(GatewayUnknown, match="unsigned"):
        _ask(alipay_answer(_QUERY, node, signed=False))


@pytest.mark.parametrize("root", [_QUERY, "error_response"])
@pytest.mark.parametrize("is_signed", [True, False])
def test_a_gateway_refusal_is_read_signed_or_not(root: str, is_signed: bool) -> None:
    node = {"code": "40002", "msg": "Invalid Arguments", "sub_code": "isv.invalid-app-id"}
    with pytest.raises(GatewayRejected) as refused:
        _ask(alipay_answer(root, node, signed=is_signed))
    assert refused.value.upstream_code == "isv.invalid-app-id"
    assert refused.value.facts["code"] == "40002"


@pytest.mark.parametrize(
    "sub_code",
    [
        "aop.invalid-app-auth-token",
        "aop.app-auth-token-time-out",
        "aop.invalid-app-auth-token-no-api",
        "aop.no-product-reg-by-partner",
    ],
)
def test_a_lost_grant_keeps_its_sub_code(sub_code: str) -> None:
    with pytest.raises(GatewayRejected) as refused:
        _ask(alipay_answer(_QUERY, {"code": "20001", "sub_code": sub_code}))
    assert refused.value.upstream_code == sub_code


def test_the_string_that_alipay_built_is_not_repeated_to_people_or_logs() -> None:
    text = "验签出错 app_auth_token=secret-token&amp;app_id=1"
    node = {"code": "40002", "sub_code": "isv.invalid-signature", "sub_msg": text}
    with pytest.raises(GatewayRejected) as refused:
        _ask(alipay_answer(_QUERY, node))
    assert "secret-token" not in str(refused.value)


@pytest.mark.parametrize(
    ("code", "sub_code"),
    [
        ("20000", "isp.unknow-error"),
        ("20000", "aop.ACQ.SYSTEM_ERROR"),
        ("20000", ""),
        ("40004", "ACQ.SYSTEM_ERROR"),
        ("40004", "AQC.SYSTEM_ERROR"),
        ("40004", ""),
        ("40005", "isv.app-call-limited"),
        ("99999", "x"),
    ],
)
def test_a_busy_or_unknown_answer_is_unknown(code: str, sub_code: str) -> None:
    with pytest.raises(GatewayUnknown):
        _ask(alipay_answer(_QUERY, {"code": code, "sub_code": sub_code}))


def _resigned(**changes: Any) -> Answer:
    answer = alipay_answer(_QUERY, {"code": "10000", "trade_no": "1"})
    found = {**json.loads(answer.body), **changes}
    return Answer(200, {}, json.dumps(found, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    "answer",
    [
        _resigned(alipay_trade_query_response={"code": "10000", "trade_no": "2"}),
        _resigned(sign="AAAA"),
        _resigned(sign=""),
        _resigned(sign=5),
        _resigned(alipay_trade_query_response="x"),
        _resigned(alipay_trade_query_response=[]),
    ],
    ids=range(6),
)
def test_a_changed_answer_is_unknown(answer: Answer) -> None:
    with pytest.raises(GatewayUnknown):
        _ask(answer)


_GOOD = alipay_answer(_QUERY, {"code": "10000"}).body.decode()


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "<html>",
        "{}",
        "[]",
        "{",
        '{"a"',
        '{"a":',
        '{"a":1',
        '{"sign":"x"}',
        _GOOD + "x",
        _GOOD[:-1],
        _GOOD.replace('{"alipay', '{"sign":"x","alipay', 1),
        _GOOD.replace('{"alipay', '{"alipay_trade_query_response":{"code":"10000"},"alipay', 1),
        _GOOD.replace('"10000"', '"10000","code":"10000"'),
        '{"alipay_trade_query_response":' + "[" * 100_000,
        '{"alipay_trade_query_response":' + "[" * 50 + "]" * 50 + "}",
    ],
    ids=range(16),
)
def test_an_answer_that_is_no_answer_is_unknown(raw: str) -> None:
    with pytest.raises(GatewayUnknown, match="can not be read"):
        _ask(Answer(200, {}, raw.encode()))


def test_an_answer_in_another_charset_is_unknown() -> None:
    with pytest.raises(GatewayUnknown, match="charset"):
        _ask(Answer(200, {}, b"\xff\xfe"))


@pytest.mark.parametrize("status", [500, 502, 404, 302, 204])
def test_an_http_error_is_unknown_whatever_it_carries(status: int) -> None:
    answer = replace(alipay_answer(_QUERY, {"code": "10000"}), status=status)
    with pytest.raises(GatewayUnknown, match=str(status)):
        _ask(answer)


def test_only_the_token_api_succeeds_without_a_code() -> None:
    token = "alipay.system.oauth.token"
    assert _ask(alipay_answer(token, {"access_token": "t"}), token) == {"access_token": "t"}
    with pytest.raises(GatewayUnknown):
        _ask(alipay_answer(token, {"access_token": "t"}, signed=False), token)
    with pytest.raises(GatewayUnknown):
        _ask(alipay_answer(_QUERY, {"access_token": "t"}))


def test_a_browser_url_carries_everything_signed() -> None:
    client = _client()
    query = parse_qs(client.sign_data(client.build_body("alipay.trade.wap.pay", {"a": "&=+ %"})))
    assert query["biz_content"] == ['{"a":"&=+ %"}']
    assert urlencode({"sign": query["sign"][0]})
