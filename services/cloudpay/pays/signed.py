"""What an in-wallet page or mini program is given: signed arguments beside the order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.cloudpay.call import Answer, Call, fresh_nonce
from services.cloudpay.orders.shown import order_content
from services.cloudpay.pays.asking import WAITING, OrderAsked
from services.cloudpay.shapes import Told
from services.cloudpay.structures import OrderContent, PayMchKeyTold, WxpayKeyExt


class BridgeArgs(Told):
    """WeChat's own arguments; `package` and `pay_sign` go into its bridge as they are."""

    app_id: str
    timestamp: str
    nonce_str: str
    package: str
    sign_type: str
    pay_sign: str


class TradePay(Told):
    trade_no: str


class WxpayArgs(Told):
    get_brand_wcpay: BridgeArgs | None = None
    mini_program_pay: BridgeArgs | None = None


class AlipayArgs(Told):
    trade_pay: TradePay


class JsapiArgs(Told):
    wxpay: WxpayArgs | None = None
    alipay: AlipayArgs | None = None


class JsapiTold(Told):
    order_content: OrderContent
    pay_mch_key: PayMchKeyTold
    nonce_str: str
    jsapi_args: JsapiArgs


def bridge_args(bridge: Mapping[str, Any]) -> BridgeArgs:
    return BridgeArgs(
        app_id=bridge["appId"],
        timestamp=bridge["timeStamp"],
        nonce_str=bridge["nonceStr"],
        package=bridge["package"],
        sign_type=bridge["signType"],
        pay_sign=bridge["paySign"],
    )


def key_of(call: Call, asked: OrderAsked, **named: str) -> tuple[OrderContent, PayMchKeyTold]:
    """The order and its pay_mch_key, with the ids at WeChat that the caller named itself."""
    shown = order_content(call, asked.pay_content.out_trade_no)
    key, said = shown.pay_mch_key, {name: value for name, value in named.items() if value}
    ext = key.wxpay_pay_mch_key_ext
    if ext is not None and said:
        key = key.model_copy(update={"wxpay_pay_mch_key_ext": ext.model_copy(update=said)})
    return shown.order_content, key


def jsapi_answer(call: Call, asked: OrderAsked, args: JsapiArgs, **named: str) -> Answer:
    order, key = key_of(call, asked, **named)
    told = JsapiTold(order_content=order, pay_mch_key=key, nonce_str=fresh_nonce(), jsapi_args=args)
    return Answer(told, WAITING)


def wxpay_ids(asked: OrderAsked) -> WxpayKeyExt:
    return asked.pay_mch_key.wxpay_pay_mch_key_ext or WxpayKeyExt()
