"""Every operation, signed wrongly in every way of wechat.md A1."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator.wechat.fields import TABLES
from tests.simulator.conftest import Simulator
from tests.simulator.wechat.client import BASE, Answer, Changes, Merchant, dumps, trade_no
from tests.simulator.wechat.samples import LOOKUPS, ORDERS, sample

OPERATIONS = list(TABLES)
FORMAT = "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"
TIMESTAMP = "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"
WITH_BODY = [*ORDERS, "wechat.close"]


def is_pay(operation: str) -> bool:
    """Whether its address is below `/v3/pay/`: there alone a 401 has no Request-ID (A0)."""
    return operation in (*ORDERS, *LOOKUPS)


def assert_sign_error(answer: Answer, operation: str, message: str) -> None:
    assert (answer.status, answer.code) == (401, "SIGN_ERROR")
    assert answer.json["message"].startswith(message)
    assert ("request-id" in answer.headers) is not is_pay(operation)
    assert not [name for name in answer.headers if name.startswith("wechatpay-")]


def sent(shop: Merchant, operation: str, changes: Changes) -> Answer:
    return sample(operation, shop).send(shop, changes)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_wrong_key(shop: Merchant, operation: str, foreign_key: rsa.RSAPrivateKey) -> None:
    answer = sent(shop, operation, Changes(key=foreign_key))
    assert_sign_error(answer, operation, "签名错误")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_wrong_serial(shop: Merchant, operation: str) -> None:
    answer = sent(shop, operation, Changes(serial="0" * 40))
    assert_sign_error(answer, operation, "商户证书序列号有误")


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("mchid", ["1900000109", "1900000501", "1999999999"])
def test_wrong_mchid(shop: Merchant, operation: str, mchid: str) -> None:
    answer = sent(shop, operation, Changes(mchid=mchid))
    assert_sign_error(answer, operation, "商户证书序列号有误")


@pytest.mark.parametrize("operation", WITH_BODY)
def test_body_changed_after_signing(shop: Merchant, operation: str) -> None:
    request = sample(operation, shop)
    body = dumps(request.body)
    for changed in (
        body + b" ",
        body.replace(b":", b": "),
        body.replace(b"1900000109", b"1900000117"),
    ):
        assert_sign_error(request.send(shop, Changes(sent_body=changed)), operation, "签名错误")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_other_target_signed(shop: Merchant, operation: str) -> None:
    answer = sent(shop, operation, Changes(signed_target="/v3/certificates?x=1"))
    assert_sign_error(answer, operation, "签名错误")


@pytest.mark.parametrize("operation", ["wechat.query", "wechat.query_by_id"])
def test_query_string_left_out_of_the_signature(shop: Merchant, operation: str) -> None:
    path = sample(operation, shop).target().partition("?")[0]
    answer = sent(shop, operation, Changes(signed_target=path))
    assert answer.status == 401


@pytest.mark.parametrize("operation", OPERATIONS)
def test_replayed_nonce(shop: Merchant, operation: str) -> None:
    changes = Changes(nonce=trade_no(), timestamp=int(time.time()))
    request = sample(operation, shop)
    first = request.send(shop, changes)
    assert first.status != 401
    assert_sign_error(request.send(shop, changes), operation, "签名错误，请求随机串重复")


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("offset", [-360, 360])
def test_timestamp_six_minutes_off(
    shop: Merchant, operation: str, offset: int, foreign_key: rsa.RSAPrivateKey
) -> None:
    """Checked before the signature."""
    changes = Changes(timestamp=int(time.time()) + offset, key=foreign_key)
    assert_sign_error(sent(shop, operation, changes), operation, TIMESTAMP)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_timestamp_four_minutes_off_is_fine(shop: Merchant, operation: str) -> None:
    assert sent(shop, operation, Changes(timestamp=int(time.time()) - 240)).status != 401


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer abc",
        "WECHATPAY2-SHA256-RSA2048",
        'WECHATPAY2-SHA256-RSA2048 mchid="1900000001"',
        "WECHATPAY2-SHA256-RSA2048 mchid=1,nonce_str=2,signature=3,timestamp=4,serial_no=5",
        'WECHATPAY2-SHA256-RSA2048 mchid="1",nonce_str="2",signature="3",timestamp="x",'
        'serial_no="5"',
        'WECHATPAY2-SHA256-RSA2048 mchid="1", nonce_str="2", signature="3", timestamp="4", '
        'serial_no="5"',
    ],
)
def test_no_or_malformed_authorization(
    shop: Merchant, operation: str, authorization: str | None
) -> None:
    answer = sent(shop, operation, Changes(headers={"Authorization": authorization}))
    message = "签名信息错误，验签失败" if is_pay(operation) else FORMAT
    assert_sign_error(answer, operation, message)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", ["User-Agent", "Accept"])
def test_agent_or_accept_missing(shop: Merchant, operation: str, name: str) -> None:
    answer = sent(shop, operation, Changes(headers={name: None}))
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert answer.json["message"] == "Http头缺少Accept或User-Agent"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_order_of_checks_without_agent_and_authorization(shop: Merchant, operation: str) -> None:
    """The pay family looks at the signature first, the others at the headers (A1)."""
    nothing: dict[str, str | None] = {"User-Agent": None, "Authorization": None}
    answer = sent(shop, operation, Changes(headers=nothing))
    assert answer.status == (401 if is_pay(operation) else 400)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_accept_of_something_else(shop: Merchant, operation: str) -> None:
    assert sent(shop, operation, Changes(headers={"Accept": "text/html"})).status == 400
    assert sent(shop, operation, Changes(headers={"Accept": "*/*"})).status != 401


@pytest.mark.parametrize("operation", OPERATIONS)
def test_wrong_method_and_unknown_path(shop: Merchant, operation: str) -> None:
    request = sample(operation, shop)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} - {request.method()}:
        answer = shop.call(method, request.target(), request.body)
        assert (answer.status, answer.body) == (405, b"")
    path, _, query = request.target().partition("?")
    answer = shop.call(request.method(), f"{path}/nowhere/at/all?{query}", request.body)
    assert (answer.status, answer.body) == (404, b"")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_wrong_wechatpay_serial(shop: Merchant, operation: str) -> None:
    for serial in (shop.creds["merchant_serial"], "PUB_KEY_ID_1"):
        answer = sent(shop, operation, Changes(headers={"Wechatpay-Serial": serial}))
        assert (answer.status, answer.code) == (400, "PARAM_ERROR")
        assert answer.json["message"] == "平台证书序列号Wechatpay-Serial错误"


@pytest.mark.parametrize("state", ["expired", "revoked"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_merchant_certificate_is_dead(
    sim: Simulator, shop: Merchant, operation: str, state: str
) -> None:
    sim.switch(wechat__merchant_certificate=state)
    word = {"expired": "商户证书已过期", "revoked": "商户证书已作废"}[state]
    assert_sign_error(sample(operation, shop).send(shop), operation, word)


def test_no_apiv3_key(sim: Simulator, shop: Merchant) -> None:
    sim.switch(wechat__apiv3_key="unset")
    assert_sign_error(
        sample("wechat.query", shop).send(shop), "wechat.query", "商户未设置APIv3密钥"
    )


def test_skew_of_the_simulator_alone(sim: Simulator, shop: Merchant) -> None:
    sim.post("/sim/clock", {"skew_s": 400})
    answer = sample("wechat.query", shop).send(shop)
    assert_sign_error(answer, "wechat.query", TIMESTAMP)
    assert sim.home.joinpath("clock").read_text() == "0.000"


# --- what must be accepted --------------------------------------------------------------------


def test_the_encoded_path_is_what_is_signed(shop: Merchant, lin: str) -> None:
    """A bar in a number travels as %7C and is signed so; the vector's number."""
    body = shop.order(lin, out_trade_no="A|B*C_1-2")
    assert shop.place(body).status == 200
    assert shop.query("A%7CB*C_1-2").json["out_trade_no"] == "A|B*C_1-2"
    query = "sp_mchid=1900000001&sub_mchid=1900000109"
    raw = f"{BASE}/out-trade-no/A|B*C_1-2?{query}"
    sent_as = f"{BASE}/out-trade-no/A%7CB*C_1-2?{query}"
    answer = shop.call("GET", sent_as, None, Changes(signed_target=raw))
    assert (answer.status, answer.code) == (401, "SIGN_ERROR")


def test_absolute_form_request_line(shop: Merchant) -> None:
    request = sample("wechat.query", shop)
    line = f"http://{shop.host}{request.target()}"
    answer = request.send(shop, Changes(request_line=line))
    assert (answer.status, answer.code) == (404, "ORDER_NOT_EXIST")


@pytest.mark.parametrize("named", ["public key", "certificate", None])
def test_answers_are_signed_by_the_key_that_the_caller_names(
    shop: Merchant, lin: str, named: str | None
) -> None:
    certificate = shop.creds["platform_serial"]
    public = shop.creds["public_key_id"]
    serial = {"public key": public, "certificate": certificate, None: None}[named]
    changes = Changes(headers={"Wechatpay-Serial": serial})
    answer = shop.call("POST", f"{BASE}/jsapi", shop.order(lin), changes)
    assert answer.status == 200
    expected = public if named == "public key" else certificate
    assert shop.verify(answer.headers, answer.body) == expected


def test_an_empty_204_is_signed_too(shop: Merchant, lin: str) -> None:
    body = shop.order(lin)
    shop.place(body)
    answer = shop.close(body["out_trade_no"])
    assert (answer.status, answer.body) == (204, b"")
    assert answer.number == 0
    shop.verify(answer.headers, b"")


@pytest.mark.parametrize("spoil", ["probe", "fault"])
def test_spoilt_answer_signatures(
    sim: Simulator, shop: Merchant, openids: Callable[[str], str], spoil: str
) -> None:
    if spoil == "probe":
        sim.switch(wechat__probe="answers")
    else:
        sim.fault("wechat.jsapi", "bad_signature")
    answer = shop.place(shop.order(openids("lin")))
    assert answer.status == 200
    starts = answer.headers["wechatpay-signature"].startswith("WECHATPAY/SIGNTEST/")
    assert starts is (spoil == "probe")
    with pytest.raises((InvalidSignature, ValueError)):
        shop.verify(answer.headers, answer.body)


# --- bodies that are not orders ---------------------------------------------------------------


@pytest.mark.parametrize("operation", WITH_BODY)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"sp_mchid":"1900000001","sp_mchid":"1900000001"}',
        b'{"amount":{"total":1e400}}',
        b'{"amount":{"total":NaN}}',
        b"[" * 30_000,
        b"\xff\xfe{}",
        b'{"x":' + b"9" * 5000 + b"}",
    ],
    ids=lambda b: b[:12].decode("latin-1"),
)
def test_bodies_that_are_no_objects(shop: Merchant, operation: str, body: bytes) -> None:
    answer = shop.call("POST", sample(operation, shop).target(), body)
    assert (answer.status, answer.code) == (400, "PARAM_ERROR")


@pytest.mark.parametrize("operation", WITH_BODY)
def test_body_too_large_or_of_another_type(shop: Merchant, operation: str) -> None:
    request = sample(operation, shop)
    big = dumps(request.body | {"description": "x" * 70_000} if request.body else {})
    answer = shop.call("POST", request.target(), big)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    for kind in (None, "text/plain", "application/x-www-form-urlencoded"):
        answer = request.send(shop, Changes(headers={"Content-Type": kind}))
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST")


def test_a_get_carries_no_body(shop: Merchant) -> None:
    target = sample("wechat.query", shop).target()
    assert shop.call("GET", target, {"sp_mchid": "1900000001"}).status == 400
