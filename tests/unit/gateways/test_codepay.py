"""Payment codes at both wallets: what is sent, and what each answer means."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from errors import GatewayRejected, GatewayUnknown
from gateways import rsa, strict_xml
from gateways.alipay.codepay import PAY_REFUSALS, AlipayCodePay, pay_content
from gateways.alipay.extra import added
from gateways.alipay.gateway import AlipayClients
from gateways.base import CodePayRequest, ReversalState, TradeState
from gateways.http import Answer
from gateways.ordering import Basket, Extras, Goods
from gateways.wechat_pay.codepay import REFUSALS, WechatCodePay
from tests.unit.gateways.wallets import (
    ALIPAY_ACCOUNT,
    NOW,
    NUMBER,
    WECHAT_ACCOUNT,
    Clock,
    Wire,
    alipay_answer,
)

KEY = "SimApiV2Key0123456789abcdefghijk"
CODE = "130000000000000001"
REQUEST = CodePayRequest(
    out_trade_no=NUMBER,
    amount_fen=1230,
    description="一码付-测试门店",
    auth_code=CODE,
    notify_url="https://pay.example.com/notify/alipay/1",
    expires_at=NOW + timedelta(seconds=120),
    goods_tag="WXG",
)


def _certificate() -> str:
    key = rsa.private_key(WECHAT_ACCOUNT.merchant_private_key)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "1900000001")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


WECHAT = replace(WECHAT_ACCOUNT, apiv2_key=KEY, merchant_certificate=_certificate())


def signed(**said: Any) -> bytes:
    """An answer as WeChat signs it; None takes a field out, `sign` as given."""
    fields = {
        "return_code": "SUCCESS",
        "result_code": "SUCCESS",
        "appid": WECHAT.sp_appid,
        "mch_id": WECHAT.sp_mchid,
        "sub_mch_id": WECHAT.sub_mchid,
        "nonce_str": "n1",
        **said,
    }
    known = {name: str(value) for name, value in fields.items() if value is not None}
    text = "&".join(f"{n}={known[n]}" for n in sorted(known) if known[n] and n != "sign")
    mac = hmac.new(KEY.encode(), f"{text}&key={KEY}".encode(), hashlib.sha256)
    known.setdefault("sign", mac.hexdigest().upper())
    return strict_xml.dumps(known)


def signed_by_md5() -> bytes:
    """The same, good but for the algorithm: MD5 where HMAC-SHA256 is set."""
    good = strict_xml.loads(paid())
    text = "&".join(f"{n}={good[n]}" for n in sorted(good) if good[n] and n != "sign")
    mark = hashlib.md5(f"{text}&key={KEY}".encode()).hexdigest().upper()
    return strict_xml.dumps({**good, "sign": mark})


def paid(**changes: Any) -> bytes:
    return signed(
        **{
            "out_trade_no": NUMBER,
            "total_fee": "1230",
            "transaction_id": "4200002345202611221234567890",
            "time_end": "20261122180000",
            "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
            **changes,
        }
    )


def wechat(
    body: bytes = b"", status: int = 200, base: str = "https://api.example.com"
) -> tuple[WechatCodePay, Wire, Wire]:
    """The gateway, its ordinary wire, and the one that shows the certificate."""
    plain, secure = Wire(Answer(status, {}, body)), Wire(Answer(status, {}, body))
    made = WechatCodePay(base=base, transport=plain, presenting=lambda *_: secure)
    return made, plain, secure


def alipay(method: str, **node: Any) -> tuple[AlipayCodePay, Wire]:
    wire = Wire(alipay_answer(method, node))
    clients = AlipayClients(base="https://openapi.example.com", transport=wire, now=Clock())
    return AlipayCodePay(clients), wire


# --- WeChat, APIv2 ---


def test_a_sub_appid_is_told_for_its_own_merchant_alone() -> None:
    """One client serves all merchants of a provider."""
    gateway, plain, secure = wechat(paid())
    own = replace(WECHAT, sub_appid="wxd678efh567hg6999")
    for account in (own, WECHAT):
        gateway.pay_code(account, REQUEST)
    said = [strict_xml.loads(sent[3]) for sent in plain.sent]
    assert [one.get("sub_appid") for one in said] == ["wxd678efh567hg6999", None]
    gateway.reverse(own, NUMBER)
    assert strict_xml.loads(secure.sent[0][3])["sub_appid"] == "wxd678efh567hg6999"


def test_wechat_is_asked_in_signed_xml() -> None:
    gateway, plain, secure = wechat(paid())
    trade = gateway.pay_code(WECHAT, REQUEST)
    assert (trade.state, trade.amount_fen, trade.payee, trade.app) == (
        TradeState.SUCCESS, 1230, WECHAT.sub_mchid, WECHAT.sp_appid,
    )  # fmt: skip
    assert trade.paid_at == datetime(2026, 11, 22, 10, tzinfo=UTC)
    [(method, url, headers, body)] = plain.sent
    assert (method, url) == ("POST", "https://api.example.com/pay/micropay")
    assert "X-SSL-Client-Cert" not in headers
    assert secure.sent == []
    said = strict_xml.loads(body)
    assert said.pop("sign")
    assert said.pop("nonce_str")
    assert said == {
        "appid": WECHAT.sp_appid,
        "mch_id": WECHAT.sp_mchid,
        "sub_mch_id": WECHAT.sub_mchid,
        "sign_type": "HMAC-SHA256",
        "body": "一码付-测试门店",
        "out_trade_no": NUMBER,
        "total_fee": "1230",
        "fee_type": "CNY",
        "spbill_create_ip": "127.0.0.1",
        "auth_code": CODE,
        "goods_tag": "WXG",
        "time_expire": (NOW + timedelta(hours=8, seconds=120)).strftime("%Y%m%d%H%M%S"),
    }


@pytest.mark.parametrize("base", ["https://api.example.com", "http://127.0.0.1:8001"])
def test_only_reversing_shows_the_certificate(base: str) -> None:
    gateway, plain, secure = wechat(signed(recall="N"), base=base)
    said = gateway.reverse(WECHAT, NUMBER)
    assert said.state is ReversalState.DONE
    assert plain.sent == []
    [(_, url, headers, body)] = secure.sent
    assert url == f"{base}/secapi/pay/reverse"
    assert strict_xml.loads(body)["out_trade_no"] == NUMBER
    assert ("X-SSL-Client-Cert" in headers) == base.startswith("http:")


def test_credit_cards_are_not_taken_where_the_till_says_so() -> None:
    gateway, plain, _ = wechat(signed(result_code="FAIL", err_code="USERPAYING"))
    gateway.pay_code(WECHAT, replace(REQUEST, extras=Extras(no_credit=True)))
    assert strict_xml.loads(plain.sent[0][3])["limit_pay"] == "no_credit"


BASKET = Basket((Goods("G" * 40, "龙井", 2, 300), Goods("G2", "", 1, 0)), 700, "R1")


def test_goods_and_own_words_are_said_as_wechat_s_apiv2_names_them() -> None:
    gateway, plain, _ = wechat(paid())
    extras = Extras(attach="会员" * 40, basket=BASKET, disabled_channels="pcredit")
    gateway.pay_code(WECHAT, replace(REQUEST, extras=extras))
    gateway.pay_code(WECHAT, REQUEST)
    said, bare = (strict_xml.loads(sent[3]) for sent in plain.sent)
    detail = said.pop("detail")
    assert json.loads(detail) == {
        "cost_price": 700,
        "receipt_id": "R1",
        "goods_detail": [
            {"goods_id": "G" * 32, "goods_name": "龙井", "quantity": 2, "price": 300},
            {"goods_id": "G2", "quantity": 1, "price": 0},
        ],
    }
    assert "龙井" in detail  # not as escapes: they would take twice the room
    assert {name: said[name] for name in said.keys() - bare.keys()} == {
        "attach": ("会员" * 40).encode()[:126].decode(),
        "version": "1.0",
    }


def test_names_are_left_out_where_they_make_the_goods_longer_than_wechat_takes() -> None:
    gateway, plain, _ = wechat(paid())
    for count, named in ((2, True), (60, False)):
        goods = tuple(Goods(f"G{n}", "茶" * 80, 1, 1) for n in range(count))
        gateway.pay_code(WECHAT, replace(REQUEST, extras=Extras(basket=Basket(goods))))
        detail = strict_xml.loads(plain.sent[-1][3])["detail"]
        assert len(detail.encode()) <= 6000
        lines = json.loads(detail)["goods_detail"]
        assert [("goods_name" in line) for line in lines] == [named] * count


def test_alipay_is_told_what_may_not_pay_and_the_words_to_give_back() -> None:
    node = {"code": "10003", "msg": "x"}
    gateway, wire = alipay("alipay.trade.pay", **node)
    extras = Extras(
        attach="桌5&a=b /~",
        no_credit=True,
        basket=BASKET,
        discountable_fen=1200,
        disabled_channels="pcredit,credit_group",
        extend={"hb_fq_num": "3", "sys_service_provider_id": "2088999999999999"},
    )
    plain = pay_content(ALIPAY_ACCOUNT, REQUEST)
    gateway.pay_code(ALIPAY_ACCOUNT, replace(REQUEST, extras=extras))
    [(_, _, _, body)] = wire.sent
    said = json.loads(dict(parse_qsl(body.decode()))["biz_content"])
    assert {name: said[name] for name in said if said[name] != plain.get(name)} == {
        "passback_params": "%E6%A1%8C5%26a%3Db%20%2F~",
        "discountable_amount": "12.00",
        "disable_pay_channels": "pcredit,credit_group",
        "goods_detail": [
            {"goods_id": "G" * 40, "goods_name": "龙井", "quantity": 2, "price": "3.00"},
            {"goods_id": "G2", "goods_name": "G2", "quantity": 1, "price": "0.00"},
        ],
        "extend_params": {"hb_fq_num": "3", "sys_service_provider_id": "2088000000000001"},
    }


@pytest.mark.parametrize(("words", "kept"), [("a" * 513, 512), ("桌" * 57, 56), ("&" * 171, 170)])
def test_words_for_alipay_are_cut_between_characters(words: str, kept: int) -> None:
    made = added({}, Extras(attach=words))["passback_params"]
    assert unquote(made) == words[:kept]
    assert len(made) <= 512


def test_wechat_s_password_is_waited_for() -> None:
    gateway, _, _ = wechat(signed(result_code="FAIL", err_code="USERPAYING"))
    assert gateway.pay_code(WECHAT, REQUEST).state is TradeState.PAYING


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_wechat_s_definite_refusals(code: str) -> None:
    gateway, _, _ = wechat(signed(result_code="FAIL", err_code=code, err_code_des="余额不足"))
    with pytest.raises(GatewayRejected) as caught:
        gateway.pay_code(WECHAT, REQUEST)
    assert (caught.value.upstream_code, caught.value.upstream_message) == (code, "余额不足")


BOMB = (
    b'<!DOCTYPE xml [<!ENTITY a "ha">'
    + b"".join(
        b'<!ENTITY a%d "%b">' % (n, b"&a%d;" % (n - 1) * 10 if n else b"&a;" * 10) for n in range(9)
    )
    + b"]><xml><return_code>&a8;</return_code></xml>"
)


@pytest.mark.parametrize(
    "body",
    [
        signed(result_code="FAIL", err_code="SYSTEMERROR"),
        signed(result_code="FAIL", err_code="BANKERROR"),
        signed(result_code="FAIL", err_code="NEVER_HEARD_OF"),
        signed(result_code="FAIL", err_code="ORDERPAID"),
        signed(result_code="FAIL", err_code="OUT_TRADE_NO_USED"),
        signed(result_code="FAIL"),
        signed(return_code="FAIL", result_code=None, return_msg="签名错误"),
        paid(sign="0" * 64),
        paid(sign=""),
        signed_by_md5(),
        paid(mch_id="1900000501"),
        paid(sub_mch_id="1900000508"),
        paid(out_trade_no="T20261122000000000002"),
        paid(total_fee="12.30"),
        paid(total_fee=""),
        paid(transaction_id=None),
        paid(time_end="yesterday"),
        paid().replace(b"<total_fee>1230<", b"<total_fee>1231<"),
        b"",
        b"<html>502</html>",
        b"<xml><return_code>SUCCESS</return_code>",
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x"><xml></xml>',
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><a>&e;</a></xml>',
        BOMB,
        "<?xml version='1.0' encoding='UTF-16'?><xml></xml>".encode("utf-16"),
        b"<?xml version='1.0' encoding='UTF-7'?><xml>+ADw-a+AD4-</xml>",
        b"<xml>" + b"<a>" * 10_000 + b"</a>" * 10_000 + b"</xml>",
        b"<xml><a>" + b"x" * 1_000_000 + b"</a></xml>",
    ],
)
def test_everything_else_that_wechat_says_is_unknown_and_fast(body: bytes) -> None:
    gateway, _, _ = wechat(body)
    gateway._client(WECHAT)  # loading keys takes its time
    started = time.monotonic()
    with pytest.raises(GatewayUnknown):
        gateway.pay_code(WECHAT, REQUEST)
    assert time.monotonic() - started < 0.5
    with pytest.raises(GatewayUnknown):
        wechat(body, 500)[0].reverse(WECHAT, NUMBER)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"recall": "N"}, ReversalState.DONE),
        ({}, ReversalState.DONE),
        ({"recall": "Y"}, ReversalState.AGAIN),
        ({"result_code": "FAIL", "err_code": "SYSTEMERROR", "recall": "Y"}, ReversalState.AGAIN),
        ({"result_code": "FAIL", "err_code": "REVERSE_EXPIRE", "recall": "N"},
         ReversalState.REFUSED),
        ({"result_code": "FAIL", "err_code": "ORDERNOTEXIST", "recall": "N"},
         ReversalState.NOT_EXIST),
    ],
)  # fmt: skip
def test_what_wechat_says_to_a_reversal(said: Mapping[str, Any], state: ReversalState) -> None:
    gateway, _, _ = wechat(signed(**said))
    assert gateway.reverse(WECHAT, NUMBER).state is state


@pytest.mark.parametrize(
    "body",
    [
        signed(result_code="FAIL", err_code="SYSTEMERROR"),
        signed(result_code="FAIL", err_code="NEVER_HEARD_OF"),
        signed(return_code="FAIL", return_msg="证书出错"),
        signed(recall="N", sign="0" * 64),
        signed(recall="N", sub_mch_id="1900000508"),
    ],
)
def test_a_reversal_is_never_assumed(body: bytes) -> None:
    with pytest.raises(GatewayUnknown):
        wechat(body)[0].reverse(WECHAT, NUMBER)


def test_without_the_certificate_or_the_key_wechat_is_not_ready() -> None:
    gateway, _, _ = wechat()
    assert gateway.is_ready(WECHAT)
    for account in (replace(WECHAT, apiv2_key=""), replace(WECHAT, merchant_certificate="")):
        assert not gateway.is_ready(account)
        with pytest.raises(GatewayRejected, match="ACCOUNT_INVALID"):
            gateway.pay_code(replace(account, version=7), REQUEST)


def test_neither_key_nor_code_is_in_a_repr() -> None:
    shown = f"{WECHAT!r} {REQUEST!r}"
    assert KEY not in shown
    assert CODE not in shown
    assert "PRIVATE" not in shown


# --- Alipay ---


def test_alipay_is_asked_for_a_bar_code() -> None:
    gateway, wire = alipay(
        "alipay.trade.pay", code="10000", msg="Success", trade_no="2026112222001", total_amount=
        "12.30", out_trade_no=NUMBER, gmt_payment="2026-11-22 18:00:00", buyer_user_id="2088",
    )  # fmt: skip
    trade = gateway.pay_code(ALIPAY_ACCOUNT, REQUEST)
    assert (trade.state, trade.amount_fen, trade.payee) == (
        TradeState.SUCCESS, 1230, ALIPAY_ACCOUNT.seller_id,
    )  # fmt: skip
    assert not trade.given_back
    [(_, url, _, body)] = wire.sent
    assert CODE not in url  # an access log would keep it
    assert CODE.encode() in body
    assert b"bar_code" in body


@pytest.mark.parametrize(
    ("node", "state"),
    [
        ({"code": "10000", "retry_flag": "N", "action": "close"}, ReversalState.DONE),
        ({"code": "10000", "retry_flag": "N", "action": "refund"}, ReversalState.DONE),
        ({"code": "10000", "retry_flag": "N"}, ReversalState.NOT_EXIST),
        ({"code": "10000", "retry_flag": "Y", "action": "refund"}, ReversalState.AGAIN),
        ({"code": "40004", "sub_code": "ACQ.SELLER_BALANCE_NOT_ENOUGH"}, ReversalState.REFUSED),
        ({"code": "40004", "sub_code": "ACQ.TRADE_HAS_FINISHED"}, ReversalState.REFUSED),
        ({"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"}, ReversalState.NOT_EXIST),
    ],
)
def test_what_alipay_says_to_a_cancel(node: Mapping[str, Any], state: ReversalState) -> None:
    gateway, _ = alipay("alipay.trade.cancel", **{"msg": "", "out_trade_no": NUMBER, **node})
    assert gateway.reverse(ALIPAY_ACCOUNT, NUMBER).state is state


@pytest.mark.parametrize(
    "node",
    [
        {"code": "20000", "sub_code": "isp.unknow-error"},
        {"code": "40004", "sub_code": "AQC.SYSTEM_ERROR"},
        {"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"},
        {"code": "40004", "sub_code": "ACQ.NEVER_HEARD_OF"},
        {"code": "10000", "retry_flag": "N", "action": "perhaps"},
        {"code": "10000"},
        {"code": "10000", "retry_flag": "N", "action": "close", "out_trade_no": "ANOTHER1"},
    ],
)
def test_a_cancel_is_never_assumed(node: Mapping[str, Any]) -> None:
    gateway, _ = alipay("alipay.trade.cancel", **{"msg": "", "out_trade_no": NUMBER, **node})
    with pytest.raises(GatewayUnknown):
        gateway.reverse(ALIPAY_ACCOUNT, NUMBER)


def test_alipay_s_password_is_waited_for() -> None:
    gateway, _ = alipay("alipay.trade.pay", code="10003", msg=" order success pay inprocess")
    assert gateway.pay_code(ALIPAY_ACCOUNT, REQUEST).state is TradeState.PAYING


@pytest.mark.parametrize("name", ["PAYMENT_AUTH_CODE_INVALID", "SECONDARY_MERCHANT_ID_INVALID"])
def test_alipay_s_definite_refusals(name: str) -> None:
    gateway, _ = alipay("alipay.trade.pay", code="40004", msg="x", sub_code=f"ACQ.{name}")
    with pytest.raises(GatewayRejected, match=name):
        gateway.pay_code(ALIPAY_ACCOUNT, REQUEST)


@pytest.mark.parametrize(
    "node",
    [
        {"code": "20000", "sub_code": "isp.unknow-error"},
        {"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"},
        {"code": "40004", "sub_code": "ACQ.TRADE_HAS_SUCCESS"},
        {"code": "40004", "sub_code": "ACQ.TRADE_HAS_CLOSE"},
        {"code": "40004", "sub_code": "ACQ.CONTEXT_INCONSISTENT"},
        {"code": "40004", "sub_code": "ACQ.NEVER_HEARD_OF"},
        {"code": "10000", "out_trade_no": NUMBER},
        {"code": "10000", "out_trade_no": "ANOTHER1", "trade_no": "1", "total_amount": "12.30"},
        {"code": "10000", "out_trade_no": NUMBER, "trade_no": "1", "total_amount": "12.301"},
    ],
)
def test_everything_else_that_alipay_says_is_unknown(node: Mapping[str, Any]) -> None:
    gateway, _ = alipay("alipay.trade.pay", **{"msg": "x", **node})
    with pytest.raises(GatewayUnknown):
        gateway.pay_code(ALIPAY_ACCOUNT, REQUEST)


def test_no_code_of_an_earlier_payment_is_among_the_refusals() -> None:
    assert not {"ORDERPAID", "ORDERCLOSED", "ORDERREVERSED", "OUT_TRADE_NO_USED"} & REFUSALS
    assert not {"SYSTEMERROR", "BANKERROR", "USERPAYING"} & REFUSALS
    assert not {"SYSTEM_ERROR", "TRADE_HAS_SUCCESS", "TRADE_HAS_CLOSE"} & PAY_REFUSALS
