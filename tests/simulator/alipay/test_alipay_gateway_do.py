"""gateway.do itself: wire shapes, common parameters, signatures, charsets, answers."""

from __future__ import annotations

import base64
import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator.faults import Fault
from simulator.world import World
from tests.simulator.alipay.client import Client, encoded, sign_text

VECTORS = json.loads(Path("tests/data/alipay-vectors.json").read_text(encoding="utf-8"))
QUERY = "alipay.trade.query"
WHICH = {"out_trade_no": "T1"}


def ask(client: Client, **extra: str | None) -> dict[str, str]:
    return client.params(QUERY, WHICH, **extra)


@pytest.mark.parametrize("shape", ["split", "get", "form"])
@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "gbk", "GBK", "gb2312"])
def test_every_wire_shape_in_every_charset(
    client: Client, order: dict[str, Any], shape: str, charset: str
) -> None:
    order["subject"] = "茶事 大杯+奶%"
    params = client.signed(client.params("alipay.trade.create", order, charset=charset))
    answer = client.send(params, shape)
    assert answer.code == "10000", answer.node
    assert answer.headers["Content-Type"] == f"text/html;charset={charset}"


@pytest.mark.parametrize("shape", VECTORS["wire_shapes"], ids=lambda s: s["client"])
def test_the_shapes_of_the_published_clients(
    client: Client, order: dict[str, Any], shape: dict[str, Any]
) -> None:
    names = {*shape["query"], *shape["body"]} - {"sign", "biz_content"}
    every = client.params("alipay.trade.create", order, notify_url="http://127.0.0.1:1/n")
    params = client.signed({k: v for k, v in every.items() if k in names | {"biz_content"}})
    assert set(params) == {*shape["query"], *shape["body"]}
    assert client.send(params, "split" if shape["body"] else "get").code == "10000"


def test_an_absolute_request_line_is_understood(client: Client) -> None:
    params = client.signed(ask(client))
    host = urlsplit(client.base)
    line = http.client.HTTPConnection(str(host.hostname), host.port, timeout=10)
    line.request("GET", f"{client.url}?{encoded(params)}")
    body = line.getresponse().read()
    line.close()
    assert b"ACQ.TRADE_NOT_EXIST" in body


def test_without_charset_in_the_query_the_form_is_read_as_gbk(
    client: Client, order: dict[str, Any]
) -> None:
    params = client.signed(client.params("alipay.trade.create", order))
    body = encoded(params).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}
    answer = client.read(client.http.post(client.url, data=body, headers=kind, timeout=10))
    assert answer.sub_code == "isv.invalid-signature"


SIGNED, UNSIGNED = True, False
COMMON = [
    ({"method": None}, "40001", "isv.missing-method", UNSIGNED),
    ({"method": "alipay.trade.nothing"}, "40002", "isv.invalid-method", UNSIGNED),
    ({"app_id": None}, "40001", "isv.missing-app-id", UNSIGNED),
    ({"app_id": "2021999999999999"}, "40002", "isv.invalid-app-id", UNSIGNED),
    ({"sign_type": None}, "40001", "isv.missing-signature-type", SIGNED),
    ({"sign_type": "RSA"}, "40002", "isv.invalid-signature-type", SIGNED),
    ({"sign_type": "rsa2"}, "40002", "isv.invalid-signature-type", SIGNED),
    ({"charset": "latin1"}, "40002", "isv.invalid-charset", SIGNED),
    ({"charset": None}, "40002", "isv.invalid-charset", SIGNED),
    ({"timestamp": None}, "40001", "isv.missing-timestamp", SIGNED),
    ({"timestamp": "2026-11-22T10:11:12"}, "40002", "isv.invalid-timestamp", SIGNED),
    ({"timestamp": "2026-11-22 10:11"}, "40002", "isv.invalid-timestamp", SIGNED),
    ({"timestamp": "2026-13-22 10:11:12"}, "40002", "isv.invalid-timestamp", SIGNED),
    ({"timestamp": "2026-1-2 10:11:12"}, "40002", "isv.invalid-timestamp", SIGNED),
    ({"timestamp": "1795313472"}, "40002", "isv.invalid-timestamp", SIGNED),
    ({"version": None}, "40001", "isv.missing-version", SIGNED),
    ({"version": "2.0"}, "40002", "isv.invalid-parameter", SIGNED),
    ({"format": "XML"}, "40002", "isv.invalid-format", SIGNED),
    ({"encrypt_type": "DES"}, "40002", "isv.decryption-error-not-valid-encrypt-type", SIGNED),
    ({"encrypt_type": "AES"}, "40002", "isv.decryption-error-not-valid-encrypt-key", SIGNED),
    ({"notify_url": "ftp://x/y"}, "40002", "isv.invalid-parameter", SIGNED),
    ({"notify_url": "http://x/" + "y" * 248}, "40002", "isv.invalid-parameter", SIGNED),
    ({"nonsense": "1"}, "40002", "isv.invalid-parameter", SIGNED),
    ({"app_auth_token": None}, "40006", "isv.self-invoke-forbidden", SIGNED),
    ({"app_auth_token": "nobody"}, "20001", "aop.invalid-app-auth-token", SIGNED),
    (
        {"app_auth_token": "202611BBsimtokenother00508"},
        "20001",
        "aop.invalid-app-auth-token",
        SIGNED,
    ),
    ({"biz_content": "[]"}, "40002", "isv.invalid-parameter", SIGNED),
    ({"biz_content": "{"}, "40002", "isv.invalid-parameter", SIGNED),
    ({"biz_content": '{"a":NaN}'}, "40002", "isv.invalid-parameter", SIGNED),
    ({"biz_content": "[" * 100000}, "40002", "isv.invalid-parameter", SIGNED),
    (
        {"biz_content": '{"out_trade_no":"T1","out_trade_no":"T2"}'},
        "40002",
        "isv.invalid-parameter",
        SIGNED,
    ),
]


@pytest.mark.parametrize(("wrong", "code", "sub_code", "is_signed"), COMMON)
def test_a_wrong_common_parameter_has_its_own_code(
    client: Client, wrong: dict[str, Any], code: str, sub_code: str, is_signed: bool
) -> None:
    answer = client.send(client.signed(ask(client, **wrong)))
    assert (answer.status, answer.code, answer.sub_code) == (200, code, sub_code)
    assert (answer.sign is not None) == is_signed
    known = "method" not in wrong
    assert answer.root == ("alipay_trade_query_response" if known else "error_response")


def test_a_missing_or_empty_signature_is_named(client: Client) -> None:
    for params in (ask(client), ask(client, sign="")):
        assert client.send(params).sub_code == "isv.missing-signature"


def test_every_changed_or_removed_parameter_breaks_the_signature(client: Client) -> None:
    params = client.signed(ask(client, notify_url="http://127.0.0.1:1/n"))
    for name in ("timestamp", "version", "notify_url", "app_auth_token", "biz_content", "format"):
        for altered in (
            params | {name: params[name] + "0"},
            {k: v for k, v in params.items() if k != name},
        ):
            answer = client.send(altered)
            assert (answer.code, answer.sub_code) == ("40002", "isv.invalid-signature"), name
            built = sign_text(altered).replace("&", "&amp;")
            assert answer.node["sub_msg"].endswith(built)


@pytest.mark.parametrize("wrong", ["!!!", "AAAA", base64.b64encode(b"0" * 256).decode(), "验签"])
def test_a_signature_that_is_none_is_refused(client: Client, wrong: str) -> None:
    assert client.send(ask(client) | {"sign": wrong}).sub_code == "isv.invalid-signature"


def test_another_key_is_refused(client: Client) -> None:
    client.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert client.call(QUERY, WHICH).sub_code == "isv.invalid-signature"


def test_empty_values_may_be_signed_or_left_out(client: Client) -> None:
    params = ask(client, notify_url="")
    assert client.send(client.signed(params)).sub_code == "ACQ.TRADE_NOT_EXIST"
    kept = "&".join(f"{k}={v}" for k, v in sorted(params.items()))
    answer = client.send(params | {"sign": client.signature(kept.encode())})
    assert answer.sub_code == "ACQ.TRADE_NOT_EXIST"


def test_the_vectors_sign_text_is_the_gateways(client: Client) -> None:
    """With our own key and another's signature the gateway shows the string that it built."""
    for case in VECTORS["requests"]:
        params = {k: v for k, v in case["params"].items() if v is not None}
        params |= {"app_id": client.app_id, "sign": case["sign"]}
        answer = client.send(params)
        if case["params"]["method"] == "alipay.trade.wap.pay":
            text = answer.text.replace("&amp;amp;", "&").replace("&#34;", '"')
        elif answer.sub_code == "isv.invalid-method":
            continue
        else:
            text = answer.node["sub_msg"].replace("&amp;", "&")
        expected = case["sign_content"].replace(case["params"]["app_id"], client.app_id)
        assert expected in text, case["name"]


@pytest.mark.parametrize(
    ("state", "code", "sub_code"),
    [
        ("invalid", "20001", "aop.invalid-app-auth-token"),
        ("expired", "20001", "aop.app-auth-token-time-out"),
        ("no_api", "20001", "aop.invalid-app-auth-token-no-api"),
        ("aop.no-product-reg-by-partner", "20001", "aop.no-product-reg-by-partner"),
        ("isv.insufficient-isv-permissions", "40006", "isv.insufficient-isv-permissions"),
        ("isv.invalid-auth-relations", "40002", "isv.invalid-auth-relations"),
        ("isv.not-support-app-auth", "40002", "isv.not-support-app-auth"),
        ("ACQ.SELLER_BEEN_BLOCKED", "40004", "ACQ.SELLER_BEEN_BLOCKED"),
        ("ACQ.RESTRICTED_MERCHANT_INDUSTRY", "40004", "ACQ.RESTRICTED_MERCHANT_INDUSTRY"),
    ],
)
def test_a_merchants_grant_may_be_in_any_state(
    client: Client, world: World, state: str, code: str, sub_code: str
) -> None:
    world.switches.set("alipay.token.2088000000000109", state)
    answer = client.call(QUERY, WHICH)
    assert (answer.code, answer.sub_code) == (code, sub_code)
    other = Client(client.base, client.holdings, client.holdings["merchants"][1]["app_auth_token"])
    assert other.call(QUERY, WHICH).sub_code == "ACQ.TRADE_NOT_EXIST"
    other.http.close()


FAMILIES = {
    "20000": "isp.unknow-error aop.unknow-error aop.ACQ.SYSTEM_ERROR",
    "20001": "aop.invalid-auth-token aop.auth-token-time-out aop.invalid-app-auth-token "
    "aop.invalid-app-auth-token-no-api aop.app-auth-token-time-out aop.no-product-reg-by-partner",
    "40001": "isv.missing-method isv.missing-signature isv.missing-signature-type "
    "isv.missing-signature-key isv.missing-app-id isv.missing-timestamp isv.missing-version "
    "isv.decryption-error-missing-encrypt-type",
    "40002": "isv.invalid-parameter isv.invalid-method isv.invalid-format isv.invalid-signature "
    "isv.invalid-signature-type isv.invalid-token isv.invalid-encrypt-type isv.invalid-encrypt "
    "isv.invalid-app-id isv.invalid-timestamp isv.invalid-charset isv.invalid-digest "
    "isv.invalid-file-extension isv.invalid-file-size isv.invalid-auth-relations isv.upload-fail "
    "isv.code-invalid isv.missing-signature-config isv.not-support-app-auth isv.suspected-attack "
    "isv.forbidden-api isv.decryption-error-unknown isv.decryption-error-not-valid-encrypt-type "
    "isv.decryption-error-not-valid-encrypt-key",
    "40004": "ACQ.SYSTEM_ERROR AQC.SYSTEM_ERROR ACQ.PAYMENT_FAIL ACQ.BUYER_ENABLE_STATUS_FORBID",
    "40005": "isv.app-call-limited isv.method-call-limited",
    "40006": "isv.insufficient-isv-permissions isv.insufficient-user-permissions "
    "isv.self-invoke-forbidden isv.illegal-client-ip isv.app-auth-invoke-limit "
    "isv.app-api-punished",
}
MESSAGES = {
    "20000": "Service Currently Unavailable",
    "20001": "Insufficient Token Permissions",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40004": "Business Failed",
    "40005": "Call Limited",
    "40006": "Insufficient Permissions",
}


@pytest.mark.parametrize(
    ("code", "sub_code"), [(c, s) for c, subs in FAMILIES.items() for s in subs.split()]
)
def test_every_published_code_can_be_asked_for(
    client: Client, world: World, code: str, sub_code: str
) -> None:
    world.faults.arm(Fault(QUERY, "error", code=sub_code))
    answer = client.call(QUERY, WHICH)
    assert (answer.code, answer.sub_code) == (code, sub_code)
    assert answer.node["msg"] == MESSAGES[code]
    assert answer.node["sub_msg"]


def test_the_clock_is_compared_only_when_the_switch_says_so(client: Client, world: World) -> None:
    old = ask(client, timestamp="2020-01-01 00:00:00")
    assert client.send(client.signed(old)).sub_code == "ACQ.TRADE_NOT_EXIST"
    world.switches.set("alipay.timestamp_skew_s", "900")
    assert client.send(client.signed(old)).sub_code == "isv.invalid-timestamp"
    assert client.call(QUERY, WHICH).sub_code == "ACQ.TRADE_NOT_EXIST"
    world.clock.skew(901)
    assert client.call(QUERY, WHICH).sub_code == "isv.invalid-timestamp"


@pytest.mark.parametrize(
    ("escape", "there", "absent"),
    [
        ("none", "https://qr.alipay.com/", "\\"),
        ("slash", "https:\\/\\/qr.alipay.com\\/", "\\u"),
        ("unicode", "\\u5ba2", "\\/"),
        ("both", "\\u5ba2", "https://"),
    ],
)
@pytest.mark.parametrize("charset", ["utf-8", "gbk"])
def test_escaped_answers_are_signed_as_they_are_sent(
    client: Client, world: World, escape: str, there: str, absent: str, charset: str
) -> None:
    world.switches.set("alipay.escape", escape)
    biz = {"out_trade_no": "E1", "total_amount": "1.00", "subject": "客"}
    code = client.call("alipay.trade.precreate", biz, charset=charset)
    world.faults.arm(Fault(QUERY, "error", code="客/"))
    error = client.call(QUERY, WHICH, charset=charset)
    assert there in code.text + error.text
    assert absent not in code.text + error.text


def test_a_gbk_answer_escapes_what_gbk_lacks(client: Client, world: World) -> None:
    world.faults.arm(Fault(QUERY, "error", code="客😀"))
    answer = client.call(QUERY, WHICH, charset="gbk")
    assert answer.sub_code == "客😀"
    assert b"\\ud83d\\ude00" in answer.raw


def test_failures_may_come_under_error_response(client: Client, world: World) -> None:
    world.switches.set("alipay.root", "error_response")
    answer = client.call(QUERY, WHICH, app_auth_token="nobody")
    assert (answer.root, answer.sub_code) == ("error_response", "aop.invalid-app-auth-token")


def test_one_of_two_identities_may_be_all_that_an_app_gets(client: Client, world: World) -> None:
    from tests.simulator.alipay.test_alipay_road import auth_code

    for which, there, absent in (
        ("user_id", "user_id", "open_id"),
        ("open_id", "open_id", "user_id"),
    ):
        world.switches.set("alipay.identity", which)
        node = client.call(
            "alipay.system.oauth.token",
            None,
            grant_type="authorization_code",
            code=auth_code(client),
        ).node
        assert node[there]
        assert absent not in node
    made = client.call(
        "alipay.trade.create",
        {
            "out_trade_no": "O1",
            "total_amount": "1.00",
            "subject": "茶",
            "buyer_open_id": node["open_id"],
        },
    )
    assert made.code == "10000"
    found = client.call(QUERY, {"out_trade_no": "O1"}).node
    assert found["buyer_open_id"] == node["open_id"]
    assert "buyer_user_id" not in found


def test_a_person_has_another_open_id_at_another_app(client: Client, world: World) -> None:
    from simulator.alipay.state import Alipay

    sim = Alipay(world, None)  # type: ignore[arg-type]
    assert sim.open_id("2021000000000001", "lin") != sim.open_id("2021000000000501", "lin")
