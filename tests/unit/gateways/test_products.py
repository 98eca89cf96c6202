"""Orders that no page of ours opens: codes to scan, browsers, apps, mini programs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from errors import GatewayRejected, GatewayUnknown
from gateways import rsa
from gateways.alipay.gateway import AlipayClients, AlipayGateway
from gateways.ordering import Basket, BrowserScene, Extras, Goods, Product
from gateways.wechat_pay import crypto, products
from gateways.wechat_pay.gateway import WechatPayGateway
from tests.unit.gateways.wallets import (
    ALIPAY_ACCOUNT,
    NUMBER,
    REQUEST,
    WECHAT,
    WECHAT_ACCOUNT,
    WKEYS,
    Clock,
    Wire,
    alipay_answer,
    wechat_answer,
)

_BASE = "https://api.example.com"
_WIRE = Wire()
_WECHAT = WechatPayGateway(base=_BASE, transport=_WIRE, now=Clock())
_ALIPAY = AlipayGateway(AlipayClients(base=_BASE, transport=_WIRE, now=Clock()))
_APP = "wxmerchantapp00001"
_OF_APP = replace(WECHAT_ACCOUNT, sub_appid=_APP)
_SCENE = BrowserScene("203.0.113.9", "Wap", app_name="青禾", app_url="https://a.example")
_BASKET = Basket((Goods("G1", "龙井", 2, 300), Goods("G2", "", 1, 0)), 700, "R1")


def _wire(answer: Any) -> Wire:
    _WIRE.answer, _WIRE.sent = answer, []
    return _WIRE


def _body(wire: Wire) -> tuple[str, dict[str, Any]]:
    """The last part of the path, and what was sent there."""
    _, url, _, raw = wire.sent[0]
    return url.rpartition("/")[2], json.loads(raw)


def _biz(wire: Wire) -> tuple[str, dict[str, Any]]:
    form = dict(parse_qsl(wire.sent[0][3].decode()))
    method = dict(parse_qsl(wire.sent[0][1].partition("?")[2])).get("method") or form["method"]
    return method, json.loads(form["biz_content"])


def _signed(*lines: str) -> str:
    key = rsa.private_key(WKEYS["merchant_private_key_pem_pkcs8"])
    return rsa.sign(key, "".join(f"{line}\n" for line in lines).encode())


def test_a_native_order_names_no_payer_and_gives_a_code() -> None:
    wire = _wire(wechat_answer({"code_url": "weixin://wxpay/bizpayurl/up?pr=1&groupid=00"}))
    prepay = _WECHAT.prepay(WECHAT_ACCOUNT, replace(REQUEST, product=Product.NATIVE, payer=""))
    assert prepay.code_url == "weixin://wxpay/bizpayurl/up?pr=1&groupid=00"
    assert (prepay.prepay_id, prepay.bridge, prepay.redirect) == (None, None, None)
    path, body = _body(wire)
    assert path == "native"
    assert "payer" not in body
    assert "scene_info" not in body


def test_an_h5_order_says_where_the_payer_is() -> None:
    url = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx22&package=7"
    wire = _wire(wechat_answer({"h5_url": url}))
    asked = replace(REQUEST, product=Product.H5, payer="", extras=Extras(scene=_SCENE))
    prepay = _WECHAT.prepay(WECHAT_ACCOUNT, asked)
    assert (prepay.prepay_id, prepay.redirect) == ("wx22", url)
    path, body = _body(wire)
    assert path == "h5"
    assert body["scene_info"] == {
        "payer_client_ip": "203.0.113.9",
        "h5_info": {"type": "Wap", "app_name": "青禾", "app_url": "https://a.example"},
    }
    assert "203.0.113.9" not in repr(asked)


def test_an_app_order_is_signed_over_the_bare_prepay_id_for_the_merchants_app() -> None:
    wire = _wire(wechat_answer({"prepay_id": "wx22"}))
    prepay = _WECHAT.prepay(_OF_APP, replace(REQUEST, product=Product.APP, payer=""))
    path, body = _body(wire)
    assert (path, body["sub_appid"]) == ("app", _APP)
    assert "payer" not in body
    said = prepay.bridge
    assert said is not None
    assert (said["appid"], said["partnerid"]) == (_APP, WECHAT_ACCOUNT.sub_mchid)
    assert (said["package"], said["prepayid"]) == ("Sign=WXPay", "wx22")
    assert said["sign"] == _signed(_APP, said["timestamp"], said["noncestr"], "wx22")


def test_an_app_is_signed_as_wechats_own_page_prints_it() -> None:
    case = next(
        one
        for one in WECHAT["official_published_vectors"]["cases"]
        if one["name"].startswith("APP")
    )
    appid, timestamp, nonce, prepay_id = case["string_to_sign"].splitlines()
    key = rsa.public_key(WECHAT["official_published_vectors"]["public_key_pem"])
    assert rsa.verify(key, case["string_to_sign"].encode(), case["signature"])
    own = rsa.private_key(WKEYS["merchant_private_key_pem_pkcs8"])
    assert crypto.pay_sign(own, appid, timestamp, nonce, prepay_id) == rsa.sign(
        own, case["string_to_sign"].encode()
    )


def test_a_payer_of_the_merchants_own_app_is_its_sub_openid_and_signed_for_it() -> None:
    wire = _wire(wechat_answer({"prepay_id": "wx22"}))
    prepay = _WECHAT.prepay(_OF_APP, replace(REQUEST, is_sub_payer=True))
    path, body = _body(wire)
    assert (path, body["sub_appid"]) == ("jsapi", _APP)
    assert body["payer"] == {"sub_openid": REQUEST.payer}
    for said in (prepay.bridge, _WECHAT.bridge(_OF_APP, "wx22", is_sub_payer=True)):
        assert said is not None
        lines = (said["timeStamp"], said["nonceStr"], "prepay_id=wx22")
        assert (said["appId"], said["paySign"]) == (_APP, _signed(_APP, *lines))


def test_what_a_merchants_system_says_goes_to_wechat_and_nothing_else_does() -> None:
    extras = Extras(attach="会员" * 40, no_credit=True, basket=_BASKET, disabled_channels="pcredit")
    body = products.body(WECHAT_ACCOUNT, replace(REQUEST, extras=extras))
    plain = products.body(WECHAT_ACCOUNT, REQUEST)
    assert {name: value for name, value in body.items() if name not in plain} == {
        "attach": ("会员" * 40).encode()[:126].decode(),
        "limit_pay": ["no_credit"],
        "detail": {
            "cost_price": 700,
            "invoice_id": "R1",
            "goods_detail": [
                {
                    "merchant_goods_id": "G1",
                    "quantity": 2,
                    "unit_price": 300,
                    "goods_name": "龙井",
                },
                {"merchant_goods_id": "G2", "quantity": 1, "unit_price": 0},
            ],
        },
    }


@pytest.mark.parametrize("how", list(Product))
@pytest.mark.parametrize("said", [{}, {"code_url": 7, "h5_url": "", "prepay_id": "a b"}])
def test_an_answer_that_gives_the_payer_nothing_is_unknown(
    how: Product, said: dict[str, Any]
) -> None:
    _wire(wechat_answer(said))
    with pytest.raises(GatewayUnknown):
        _WECHAT.prepay(WECHAT_ACCOUNT, replace(REQUEST, product=how))


def test_alipay_precreates_for_whoever_scans() -> None:
    node = {"code": "10000", "out_trade_no": NUMBER, "qr_code": "https://qr.alipay.com/bax01"}
    wire = _wire(alipay_answer("alipay.trade.precreate", node))
    extras = Extras(
        attach="桌 5",
        basket=_BASKET,
        discountable_fen=1200,
        disabled_channels="pcredit",
        extend={"hb_fq_num": "3", "sys_service_provider_id": "2088999999999999"},
    )
    asked = replace(REQUEST, product=Product.NATIVE, payer="", undiscountable_fen=30, extras=extras)
    assert _ALIPAY.prepay(ALIPAY_ACCOUNT, asked).code_url == "https://qr.alipay.com/bax01"
    method, content = _biz(wire)
    assert method == "alipay.trade.precreate"
    assert not {"buyer_id", "buyer_open_id", "attach"} & set(content)
    assert content["passback_params"] == "%E6%A1%8C%205"
    assert content["undiscountable_amount"] == "0.30"
    assert content["discountable_amount"] == "12.00"
    assert content["disable_pay_channels"] == "pcredit"
    provider = {"sys_service_provider_id": "2088000000000001", "hb_fq_num": "3"}
    assert content["extend_params"] == provider
    assert content["goods_detail"] == [
        {"goods_id": "G1", "goods_name": "龙井", "quantity": 2, "price": "3.00"},
        {"goods_id": "G2", "goods_name": "G2", "quantity": 1, "price": "0.00"},
    ]


@pytest.mark.parametrize("said", [{}, {"qr_code": 7}, {"qr_code": "x", "out_trade_no": "other1"}])
def test_a_precreate_without_a_code_of_ours_is_unknown(said: dict[str, Any]) -> None:
    _wire(alipay_answer("alipay.trade.precreate", {"code": "10000", **said}))
    with pytest.raises(GatewayUnknown):
        _ALIPAY.prepay(ALIPAY_ACCOUNT, replace(REQUEST, product=Product.NATIVE, payer=""))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR", GatewayRejected),
        ("ACQ.ACCESS_FORBIDDEN", GatewayRejected),
        ("ACQ.SYSTEM_ERROR", GatewayUnknown),
        ("ACQ.TRADE_HAS_SUCCESS", GatewayUnknown),
    ],
)
def test_a_precreate_is_refused_only_by_what_decides(code: str, kind: type[Exception]) -> None:
    _wire(alipay_answer("alipay.trade.precreate", {"code": "40004", "sub_code": code}))
    with pytest.raises(kind):
        _ALIPAY.prepay(ALIPAY_ACCOUNT, replace(REQUEST, product=Product.NATIVE, payer=""))
