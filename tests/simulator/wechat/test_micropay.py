"""Payment codes over APIv2, judged by wechatpy, which nobody here wrote, and by hand-made XML."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import requests
from wechatpy.exceptions import WeChatPayException
from wechatpy.pay import WeChatPay
from wechatpy.pay.utils import calculate_signature, calculate_signature_hmac, dict_to_xml

from tests.simulator.conftest import Simulator
from tests.simulator.wechat.client import Merchant

Pay = Callable[..., Any]
PATHS = {
    "pay": "/pay/micropay",
    "query": "/pay/orderquery",
    "reverse": "/secapi/pay/reverse",
}


@pytest.fixture
def sdk(sim: Simulator, shop: Merchant) -> WeChatPay:
    creds = shop.creds
    made = WeChatPay(
        creds["sp_appid"], creds["apiv2_key"], creds["sp_mchid"], sub_mch_id=creds["sub_mchid"],
        timeout=5,
    )  # fmt: skip
    made.API_BASE_URL = sim.url + "/"
    made._http.headers["X-SSL-Client-Cert"] = quote(creds["merchant_certificate"])
    return made


@pytest.fixture
def pay(sim: Simulator, sdk: WeChatPay) -> Pay:
    def made(number: str = "MP0001", fen: int = 1234, **more: Any) -> Any:
        code = more.pop("auth_code", None) or paycode(sim)
        return sdk.micropay.create(
            "青禾茶事", fen, code, client_ip="127.0.0.1", out_trade_no=number, **more
        )

    return made


def paycode(sim: Simulator, person: str = "zhou") -> str:
    return str(sim.post("/sim/wechat/paycode", {"person": person})["auth_code"])


def refused(act: Callable[[], Any]) -> WeChatPayException:
    with pytest.raises(WeChatPayException) as caught:
        act()
    return caught.value


def phone(sim: Simulator, act: str, status: int = 200, **which: str) -> Any:
    answer = sim.http.post(
        f"{sim.url}/sim/wallet/wechat/pay", json={**which, "act": act}, timeout=5
    )
    assert answer.status_code == status, answer.text
    return answer.json()


def state(sim: Simulator, number: str = "MP0001") -> str:
    return next(str(row["state"]) for row in sim.books() if row["out_trade_no"] == number)


def test_the_sdk_pays_and_asks(sim: Simulator, sdk: WeChatPay, pay: Pay) -> None:
    paid = pay(attach="桌号12")
    assert (paid["result_code"], paid["total_fee"], paid["trade_type"]) == (
        "SUCCESS", "1234", "MICROPAY",
    )  # fmt: skip
    assert paid["attach"] == "桌号12"
    assert sdk.check_signature(dict(paid))
    asked = sdk.micropay.query(out_trade_no="MP0001")
    assert (asked["trade_state"], asked["transaction_id"]) == ("SUCCESS", paid["transaction_id"])
    assert sdk.check_signature(dict(asked))
    again = sdk.micropay.query(transaction_id=paid["transaction_id"])
    assert again["out_trade_no"] == "MP0001"
    assert state(sim) == "SUCCESS"
    assert sim.get("/sim/outbox") == []


def test_apiv3_tells_the_same_trade_and_does_not_close_it(
    sim: Simulator, shop: Merchant, pay: Pay
) -> None:
    pay()
    told = shop.query("MP0001").json
    assert (told["trade_state"], told["trade_type"]) == ("SUCCESS", "MICROPAY")
    closed = shop.close("MP0001")
    assert (closed.code, closed.number) == ("INVALID_REQUEST", 268449641)
    assert state(sim) == "SUCCESS"


def test_the_payer_types_the_password(sim: Simulator, sdk: WeChatPay, pay: Pay) -> None:
    sim.switch(wechat__micropay_result="USERPAYING")
    code = paycode(sim)
    assert refused(lambda: pay(auth_code=code)).errcode == "USERPAYING"
    assert sdk.micropay.query(out_trade_no="MP0001")["trade_state"] == "USERPAYING"
    phone(sim, "confirm", auth_code=code)
    assert sdk.micropay.query(out_trade_no="MP0001")["trade_state"] == "SUCCESS"
    assert phone(sim, "confirm", 400, out_trade_no="MP0001")["code"] == "ORDERPAID"


@pytest.mark.parametrize("act", ["cancel", "fail"])
def test_the_payer_gives_up(
    sim: Simulator, shop: Merchant, sdk: WeChatPay, pay: Pay, act: str
) -> None:
    sim.switch(wechat__micropay_result="USERPAYING")
    refused(pay)
    phone(sim, act, out_trade_no="MP0001")
    assert sdk.micropay.query(out_trade_no="MP0001")["trade_state"] == "PAYERROR"
    assert shop.query("MP0001").json["trade_state"] == "PAYERROR"
    assert phone(sim, "confirm", 400, out_trade_no="MP0001")["code"] == "ORDER_CLOSED"


def test_a_password_that_is_never_typed_ends_as_payerror(
    sim: Simulator, sdk: WeChatPay, pay: Pay
) -> None:
    sim.switch(wechat__micropay_result="USERPAYING")
    refused(pay)
    sim.advance(600)
    assert sdk.micropay.query(out_trade_no="MP0001")["trade_state"] == "PAYERROR"


def test_a_code_is_good_once_for_a_minute(sim: Simulator, pay: Pay) -> None:
    code = paycode(sim)
    assert code[:1] == "1"
    assert code[1] in "012345"
    assert len(code) == 18
    pay(auth_code=code)
    assert refused(lambda: pay("MP0002", auth_code=code)).errcode == "AUTH_CODE_ERROR"
    assert refused(lambda: pay("MP0002", auth_code="2" * 18)).errcode == "AUTH_CODE_INVALID"
    old = paycode(sim)
    sim.advance(60)
    assert refused(lambda: pay("MP0002", auth_code=old)).errcode == "AUTHCODEEXPIRE"
    assert len(sim.books()) == 1


def test_a_number_serves_one_payment(sim: Simulator, sdk: WeChatPay, pay: Pay) -> None:
    code = paycode(sim)
    pay(auth_code=code)
    assert refused(lambda: pay(auth_code=code)).errcode == "ORDERPAID"
    assert refused(lambda: pay(fen=99)).errcode == "OUT_TRADE_NO_USED"
    sim.advance(15)
    sdk.order.reverse(out_trade_no="MP0001")
    assert refused(lambda: pay(auth_code=code)).errcode == "ORDERREVERSED"


@pytest.mark.parametrize("result", ["NOTENOUGH", "NOTSUPORTCARD", "TRADE_ERROR"])
def test_definite_errors_are_final(sim: Simulator, pay: Pay, result: str) -> None:
    sim.switch(wechat__micropay_result=result)
    no = refused(pay)
    assert (no.return_code, no.errcode) == ("SUCCESS", result)
    assert state(sim) == "PAYERROR"


def test_reversing(sim: Simulator, sdk: WeChatPay, pay: Pay) -> None:
    pay("MPPAID")
    sim.switch(wechat__micropay_result="USERPAYING")
    refused(lambda: pay("MPWAIT"))
    for number in ("MPPAID", "MPWAIT"):
        early = refused(lambda n=number: sdk.order.reverse(out_trade_no=n))  # type: ignore[misc]
        assert b"<recall>Y</recall>" in early.response.content
    sim.advance(15)
    for number in ("MPPAID", "MPWAIT"):
        for _ in range(2):
            assert sdk.order.reverse(out_trade_no=number)["recall"] == "N"
        assert state(sim, number) == "REVOKED"
        assert sdk.micropay.query(out_trade_no=number)["trade_state"] == "REVOKED"
    unknown = refused(lambda: sdk.order.reverse(out_trade_no="NOSUCH1"))
    assert unknown.errcode == "ORDERNOTEXIST"


def test_reversing_has_limits(sim: Simulator, sdk: WeChatPay, pay: Pay, shop: Merchant) -> None:
    pay("MPOLD")
    sim.advance(15)
    sim.switch(wechat__reverse_recall="Y")
    again = refused(lambda: sdk.order.reverse(out_trade_no="MPOLD"))
    assert b"<recall>Y</recall>" in again.response.content
    sim.switch(wechat__reverse_recall="N")
    assert state(sim, "MPOLD") == "SUCCESS"
    sim.advance(7 * 86400)
    assert refused(lambda: sdk.order.reverse(out_trade_no="MPOLD")).errcode == "REVERSE_EXPIRE"
    assert state(sim, "MPOLD") == "SUCCESS"


@pytest.mark.parametrize("shown", ["", "nonsense", "foreign"])
def test_reversing_wants_the_client_certificate(
    sim: Simulator, sdk: WeChatPay, pay: Pay, shown: str
) -> None:
    pay()
    sim.advance(15)
    if shown == "foreign":
        creds = sim.get("/sim/credentials?owner=1900000501")["wechat"]
        shown = quote(creds["merchant_certificate"])
    sdk._http.headers["X-SSL-Client-Cert"] = shown
    no = refused(lambda: sdk.order.reverse(out_trade_no="MP0001"))
    assert no.return_code == "FAIL"
    assert "证书" in no.return_msg
    assert state(sim) == "SUCCESS"
    sim.switch(wechat__mutual_tls="off")
    assert sdk.order.reverse(out_trade_no="MP0001")["recall"] == "N"


# --- by hand ---


def send(sim: Simulator, path: str, body: bytes, kind: str = "application/xml") -> str:
    answer = sim.http.post(sim.url + path, data=body, headers={"Content-Type": kind}, timeout=5)
    assert answer.status_code == 200
    return answer.text


def fields(sim: Simulator, shop: Merchant, **changes: Any) -> dict[str, Any]:
    said = {
        "appid": shop.creds["sp_appid"],
        "mch_id": shop.creds["sp_mchid"],
        "sub_mch_id": shop.creds["sub_mchid"],
        "nonce_str": "n0nce",
        "body": "青禾茶事",
        "out_trade_no": "MP0001",
        "total_fee": "1",
        "spbill_create_ip": "127.0.0.1",
        "auth_code": paycode(sim),
    } | changes
    return {name: value for name, value in said.items() if value is not None}


def signed(said: dict[str, Any], key: str) -> bytes:
    hmac = said.get("sign_type") == "HMAC-SHA256"
    sign = (calculate_signature_hmac if hmac else calculate_signature)(said, key)
    return str(dict_to_xml(said, sign)).encode()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"total_fee": "0"}, "PARAM_ERROR"),
        ({"total_fee": "1.5"}, "PARAM_ERROR"),
        ({"body": "茶" * 43}, "PARAM_ERROR"),
        ({"out_trade_no": "x" * 33}, "PARAM_ERROR"),
        ({"notify_url": "https://a.test/"}, "PARAM_ERROR"),
        ({"auth_code": None}, "LACK_PARAMS"),
        ({"sub_mch_id": "1900000508"}, "MCHID_NOT_EXIST"),
        ({"sub_mch_id": "1900000141"}, "NOAUTH"),
        ({"sub_mch_id": "1900000133"}, "NOAUTH"),
        ({"appid": "wx7777777777777777"}, "APPID_MCHID_NOT_MATCH"),
        ({"sub_appid": "wx7777777777777777"}, "APPID_MCHID_NOT_MATCH"),
        ({"time_expire": "20200101000000"}, "INVALID_REQUEST"),
    ],
)
def test_what_is_not_an_order_is_refused_by_a_signed_answer(
    sim: Simulator, shop: Merchant, changes: dict[str, Any], code: str
) -> None:
    said = send(sim, PATHS["pay"], signed(fields(sim, shop, **changes), shop.creds["apiv2_key"]))
    assert "<return_code>SUCCESS</return_code>" in said
    assert f"<err_code>{code}</err_code>" in said
    assert "<sign>" in said
    assert sim.books() == []


GOODS = {"goods_id": "G1", "goods_name": "龙井", "quantity": 2, "price": 300}


@pytest.mark.parametrize(
    "detail",
    [
        None,
        "两杯龙井",
        "[]",
        '{"goods": []}',
        '{"goods_detail": [1]}',
        '{"cost_price": "1"}',
        '{"cost_price": true}',
        '{"receipt_id": ""}',
        json.dumps({"goods_detail": [GOODS | {"quantity": 0}]}),
        json.dumps({"goods_detail": [GOODS | {"price": 1.5}]}),
        json.dumps({"goods_detail": [GOODS | {"price": -1}]}),
        json.dumps({"goods_detail": [GOODS | {"goods_id": "g" * 33}]}),
        json.dumps({"goods_detail": [GOODS | {"unit_price": 1}]}),
        json.dumps({"goods_detail": [{"goods_id": "G1", "quantity": 1}]}),
    ],
)
def test_single_goods_of_another_form_are_refused(
    sim: Simulator, shop: Merchant, detail: str | None
) -> None:
    said = signed(fields(sim, shop, version="1.0", detail=detail), shop.creds["apiv2_key"])
    assert "<err_code>PARAM_ERROR</err_code>" in send(sim, PATHS["pay"], said)
    assert sim.books() == []


def test_single_goods_stand_in_the_books_and_without_a_version_any_words_do(
    sim: Simulator, shop: Merchant
) -> None:
    detail = json.dumps({"cost_price": 600, "receipt_id": "R1", "goods_detail": [GOODS]})
    for number, said in (
        ("MP0001", {"version": "1.0", "detail": detail}),
        ("MP0002", {"detail": "两杯龙井", "attach": "桌5"}),
    ):
        body = signed(fields(sim, shop, out_trade_no=number, **said), shop.creds["apiv2_key"])
        assert "<result_code>SUCCESS</result_code>" in send(sim, PATHS["pay"], body)
        [row] = [row for row in sim.books() if row["out_trade_no"] == number]
        assert row["asked"] == said


def test_hmac_is_answered_with_hmac(sim: Simulator, shop: Merchant) -> None:
    said = fields(sim, shop, sign_type="HMAC-SHA256")
    answer = send(sim, PATHS["pay"], signed(said, shop.creds["apiv2_key"]))
    assert "<result_code>SUCCESS</result_code>" in answer
    assert "<sign_type>HMAC-SHA256</sign_type>" in answer


@pytest.mark.parametrize("path", PATHS.values())
def test_a_wrong_signature_is_refused(sim: Simulator, shop: Merchant, path: str) -> None:
    sim.switch(wechat__mutual_tls="off")
    said = fields(sim, shop)
    for body in (
        signed(said, "another key"),
        signed({**said, "mch_id": "1900000501"}, shop.creds["apiv2_key"]),
        str(dict_to_xml(said)).encode(),
        signed({**said, "sign_type": "HMAC-SHA256"}, shop.creds["apiv2_key"]).replace(
            b"<sign_type><![CDATA[HMAC-SHA256]]></sign_type>", b""
        ),
    ):
        answer = send(sim, path, body)
        assert "<return_code>FAIL</return_code>" in answer
        assert "签名错误" in answer
        assert "<sign>" not in answer
    assert sim.books() == []


LAUGHS = (
    '<!DOCTYPE xml [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "{("&a" + str(n - 1 if n else "") + ";") * 10}">' for n in range(9))
    + "]><xml><mch_id>&a8;</mch_id></xml>"
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<xml>",
        b"{}",
        b"<xml><a><b>1</b></a></xml>",
        b"<xml><a>1</a><a>2</a></xml>",
        b"<xml a='1'></xml>",
        b"<other><mch_id>1</mch_id></other>",
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><xml><mch_id>1</mch_id></xml>',
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><mch_id>&e;</mch_id></xml>',
        LAUGHS.encode(),
        '<?xml version="1.0" encoding="UTF-16"?><xml><mch_id>1</mch_id></xml>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="UTF-7"?><xml>+ADw-a+AD4-</xml>',
        b"<xml><mch_id>" + b"1" * 70_000 + b"</mch_id></xml>",
    ],
)
def test_xml_that_is_not_flat_and_plain_is_refused_at_once(sim: Simulator, body: bytes) -> None:
    started = time.monotonic()
    answer = send(sim, PATHS["pay"], body)
    assert time.monotonic() - started < 1
    assert "<return_code>FAIL</return_code>" in answer
    assert "root:" not in answer


def test_faults_by_name(sim: Simulator, sdk: WeChatPay, pay: Pay) -> None:
    sim.fault("wechat.micropay", "error", code="SOMETHING_NEW")
    assert refused(pay).errcode == "SOMETHING_NEW"
    sim.fault("wechat.micropay", "drop")
    with pytest.raises(requests.ConnectionError):
        pay()
    assert sim.books() == []
    sim.fault("wechat.micropay", "lose_answer")
    with pytest.raises(requests.ConnectionError):
        pay()
    assert state(sim) == "SUCCESS"
    sim.fault("wechat.orderquery_v2", "wrong_amount")
    assert sdk.micropay.query(out_trade_no="MP0001")["total_fee"] == "1235"
    sim.fault("wechat.orderquery_v2", "bad_signature")
    assert not sdk.check_signature(dict(sdk.micropay.query(out_trade_no="MP0001")))
    sim.advance(15)
    sim.fault("wechat.reverse", "lose_answer")
    with pytest.raises(requests.ConnectionError):
        sdk.order.reverse(out_trade_no="MP0001")
    assert state(sim) == "REVOKED"


def test_a_signature_by_hand(sim: Simulator, shop: Merchant) -> None:
    """The text that is signed, written out: sorted, without empty values, the key last."""
    said = fields(sim, shop, attach="")
    text = "&".join(f"{name}={said[name]}" for name in sorted(said) if said[name])
    sign = hashlib.md5(f"{text}&key={shop.creds['apiv2_key']}".encode()).hexdigest().upper()
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in {**said, "sign": sign}.items())
    answer = send(sim, PATHS["pay"], f"<xml>{inside}</xml>".encode(), "text/xml; charset=UTF-8")
    assert "<result_code>SUCCESS</result_code>" in answer
